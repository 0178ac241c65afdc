"""Initial weights: unlike ones, so that units can learn unlike things, of a size that keeps a signal's strength."""

from functools import partial
from typing import Any, Literal, NamedTuple

import numpy as np

from dualnet.interface import Array, Call, Case, Concept, ConfigError, Dataset, Difference, Exhibit

__all__ = [
    "CONCEPT",
    "CONSTANT",
    "DEVIATION",
    "LAYERS",
    "RANDOM",
    "Fans",
    "Law",
    "Layer",
    "Moments",
    "check_weight",
    "unit",
]

Law = Literal["zeros", "constant", "normal", "xavier_uniform", "xavier_normal", "he_uniform", "he_normal"]
Layer = Literal["dense", "convolution", "embedding", "recurrent"]
RANDOM: tuple[Law, ...] = ("xavier_uniform", "xavier_normal", "he_uniform", "he_normal")
"""The laws that look at the shape of the weight."""
CONSTANT = 0.3
DEVIATION = 0.01
"""The standard deviation of ``normal`` in `builtin`."""
LAYERS: dict[Layer, tuple[int, ...]] = {
    "dense": (211, 307),
    "convolution": (61, 53, 5, 3),
    "embedding": (211, 307),
    "recurrent": (229, 229),
}
"""Shapes of the weights that `builtin` looks at, canonical: so many that chance is below a twentieth of a deviation."""


class Fans(NamedTuple):
    """How many numbers a unit reads, and how many units read a number: () int64 each."""

    fan_in: Any
    fan_out: Any


class Moments(NamedTuple):
    """Of a new layer's parameters, in units of its law, to one decimal: () each."""

    mean: Any
    deviation: Any
    bias: Any
    """The largest size of a bias, not rounded."""


def check_weight(shape: tuple[int, ...]) -> None:
    """ValueError unless it is the shape of a weight: (O, I) or (O, I, *kernel)."""
    if len(shape) < 2:
        raise ValueError(f"weight of shape {tuple(shape)}: expected (O, I) or (O, I, *kernel)")


def unit(law: Law, fan_in: int, fan_out: int) -> float:
    """The standard deviation that a law is meant to have; 1 where all weights are the same."""
    if law in ("zeros", "constant"):
        return 1.0
    if law == "normal":
        return DEVIATION
    return float(np.sqrt(2 / (fan_in + fan_out) if law.startswith("xavier") else 2 / fan_in))


# Distinct prime sizes, no zeros, no symmetry.
_RNG = np.random.default_rng(29)
_SHAPES = {"dense": (5, 3), "convolution": (5, 3, 2, 7)}
_FEATURES = _RNG.normal(size=(7, 3))
_TARGETS = _RNG.normal(size=(7, 2))
_DEEP = _RNG.normal(size=(11, 5, 5))


# --- the third opinion ---------------------------------------------------------------------------------------


def _fans(shape: tuple[int, ...]) -> Fans:
    """The connections counted: of one unit, and of one channel."""
    outputs, inputs, *kernel = shape
    return Fans(*(np.ones((channels, *kernel), np.int64).sum() for channels in (inputs, outputs)))


def _zeros(weight: Array) -> Array:
    return np.zeros(weight.shape)


def _constant(weight: Array, value: float) -> Array:
    return np.full(weight.shape, value)


def _normal(draws: Array, std: float) -> Array:
    return std * draws


def _scaled(law: Law, draws: Array) -> Array:
    return draws * unit(law, *_fans(draws.shape))


def _uniform(law: Law, draws: Array) -> Array:
    """A uniform law of deviation s lies between -s sqrt(3) and s sqrt(3)."""
    return np.sqrt(3) * _scaled(law, 2 * draws - 1)


def _builtin(layer: Layer, law: Law) -> Moments:
    same = law in ("zeros", "constant")
    return Moments(*np.array([CONSTANT if law == "constant" else 0.0, 0.0 if same else 1.0, 0.0]))


def _training(hidden: Array, output: Array) -> dict[str, Any]:
    given = {"features": _FEATURES, "targets": _TARGETS, "hidden": hidden, "output": output}
    return {**given, "learning_rate": 0.3, "steps": 5}


def _trained_units(
    features: Array, targets: Array, hidden: Array, output: Array, learning_rate: float, steps: int
) -> Array:
    course = [hidden]
    for _ in range(steps):
        h = np.tanh(features @ hidden.T)
        error = 2 * (h @ output.T - targets) / targets.size
        by_output, by_hidden = error.T @ h, ((error @ output) * (1 - h**2)).T @ features
        output, hidden = output - learning_rate * by_output, hidden - learning_rate * by_hidden
        course.append(hidden)
    return np.stack(course)


def _signal_by_depth(features: Array, weights: Array, activation: str) -> Array:
    strengths = []
    for weight in weights:
        features = features @ weight.T
        features = np.tanh(features) if activation == "tanh" else np.maximum(features, 0)
        strengths.append(np.sqrt(np.mean(features**2)))
    return np.array(strengths)


# --- pictures ------------------------------------------------------------------------------------------------


def _study(call: Call, _: Dataset | None) -> tuple[Exhibit, ...]:
    rng = np.random.default_rng(0)
    depth, width = 30, 64
    draws = {"normal": rng.normal(size=(depth, width, width)), "uniform": rng.uniform(size=(depth, width, width))}
    features = rng.normal(size=(128, width))

    def weights(law: Law) -> Array:
        if law == "normal":
            return call("normal", draws=draws["normal"], std=0.05)["value"]
        return np.stack([call(law, draws=one)["value"] for one in draws[law.rpartition("_")[2]]])

    laws: tuple[Law, ...] = ("normal", *RANDOM)
    deep = {law: weights(law) for law in laws}

    def strengths(activation: str) -> Exhibit:
        found: dict[str, Array] = {
            law: call("signal_by_depth", features=features, weights=drawn, activation=activation)["value"]
            for law, drawn in deep.items()
        }
        curves = {"x": np.arange(1, depth + 1), **found}
        return Exhibit(f"signal by depth, {activation}", "lines", curves, "layer", "root of mean square", "log")

    def spread(hidden: Array) -> Array:
        units = call("trained_units", **{**_training(hidden, np.full((2, 5), CONSTANT)), "steps": 50})["value"]
        return np.ptp(units, axis=1).max(axis=1)

    starts = {"constant": np.full((5, 3), CONSTANT), "normal": rng.normal(0.0, CONSTANT, (5, 3))}
    apart = {name: spread(hidden) for name, hidden in starts.items()}
    return (
        Exhibit("weights of a layer", "histogram", {law: drawn[0].ravel() for law, drawn in deep.items()}, "weight"),
        strengths("tanh"),
        strengths("relu"),
        Exhibit("how far apart hidden units are", "lines", apart, "step", "largest distance"),
    )


CONCEPT = Concept(
    module=__name__,
    title="Weight initialisation: breaking symmetry, Xavier and He",
    kind="ops",
    summary="Equal weights stay equal for ever; random ones of the right size keep a signal as strong in every layer.",
    sources=(
        "Glorot, Bengio (2010), Understanding the difficulty of training deep feedforward neural networks, eq. 12, 16",
        "He, Zhang, Ren, Sun (2015), Delving deep into rectifiers, eq. 10",
        "Zhang, Lipton, Li, Smola, Dive into Deep Learning, section 5.4",
    ),
    differences=(
        Difference(
            "D051",
            "initial kernels of dense layers",
            tf="Glorot uniform",
            torch="uniform, bounded by 1/sqrt(fan_in)",
            ours="by the law that is asked for",
        ),
        Difference("D052", "initial biases", tf="zeros", torch="uniform, bounded by 1/sqrt(fan_in)", ours="zeros"),
        Difference(
            "D053",
            "initial embeddings",
            tf="uniform between -0.05 and 0.05",
            torch="standard normal",
            ours="by the law that is asked for",
        ),
        Difference(
            "D054",
            "initial kernel from state to state of a recurrent layer",
            tf="orthogonal",
            torch="uniform, bounded by 1/sqrt(units)",
            ours="by the law that is asked for",
        ),
        Difference(
            "D056",
            "normal laws",
            tf="glorot_normal and he_normal are cut off at two standard deviations, and made wider for it",
            torch="not cut off",
            ours="not cut off, as in the papers",
        ),
        Difference(
            "D062",
            "where fan_in is read from",
            tf="from a kernel (*kernel, in, out): the last axis but one",
            torch="from a weight (out, in, *kernel): the second axis",
            ours="from a weight (out, in, *kernel); the built-in layers from their own",
        ),
    ),
    cases=(
        *(Case("fans", {"shape": shape}, _fans, label=label) for label, shape in _SHAPES.items()),
        *(
            case
            for label, shape in {**_SHAPES, "no_unit": (0, 3)}.items()
            for draws, even in ((_RNG.normal(size=shape), _RNG.uniform(size=shape)),)
            for case in (
                Case("zeros", {"weight": draws}, _zeros, label=label),
                Case("constant", {"weight": draws, "value": CONSTANT}, _constant, label=label),
                Case("normal", {"draws": draws, "std": DEVIATION}, _normal, wrt=("draws",), label=label),
                *(
                    Case(law, {"draws": draws}, partial(_scaled, law), wrt=("draws",), label=label)
                    for law in ("xavier_normal", "he_normal")
                ),
                *(
                    Case(law, {"draws": even}, partial(_uniform, law), wrt=("draws",), label=label)
                    for law in ("xavier_uniform", "he_uniform")
                ),
            )
        ),
        Case("fans", {"shape": (5,)}, raises=ValueError, label="no_weight"),
        *(Case(law, {"draws": _TARGETS[0]}, raises=ValueError, label="no_weight") for law in RANDOM),
        *(
            Case("builtin", {"layer": layer, "law": law}, _builtin, label=f"{layer}-{law}")
            for layer, law in (
                *(("dense", law) for law in ("zeros", "constant", "normal", *RANDOM)),
                ("convolution", "he_normal"),
                ("convolution", "xavier_uniform"),
                ("embedding", "normal"),
                ("recurrent", "xavier_uniform"),
            )
        ),
        *(
            Case("trained_units", _training(hidden, np.full((2, 5), value)), _trained_units, label=label)
            for label, hidden, value in (
                ("zeros", np.zeros((5, 3)), 0.0),
                ("constant", np.full((5, 3), CONSTANT), CONSTANT),
                ("normal", _RNG.normal(size=(5, 3)), CONSTANT),
            )
        ),
        *(
            Case(
                "signal_by_depth",
                {"features": _RNG.normal(size=(7, 5)), "weights": weights, "activation": activation},
                _signal_by_depth,
                wrt=("features", "weights") if activation == "tanh" else (),
                label=f"{activation}-{label}",
            )
            for activation in ("tanh", "relu")
            for label, weights in (("small", 0.1 * _DEEP), ("he", 0.4**0.5 * _DEEP))
        ),
        Case(
            "signal_by_depth",
            {"features": _TARGETS, "weights": _DEEP, "activation": "gelu"},
            raises=ConfigError,
            label="no_such_activation",
        ),
    ),
    study=_study,
)
