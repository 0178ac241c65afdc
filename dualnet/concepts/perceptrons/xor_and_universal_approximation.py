"""What a hidden layer is for: exclusive or, any function of one number, and why depth is cheaper than width."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from dualnet.interface import Array, Call, Case, Concept, Dataset, Difference, Exhibit

__all__ = ["CONCEPT", "Sawtooth", "Trained", "check_depth"]


class Trained(NamedTuple):
    """A network with one hidden layer of tanh, after training."""

    hidden_weight: Any
    """(H, I)."""
    hidden_bias: Any
    """(H,)."""
    output_weight: Any
    """(H,)."""
    output_bias: Any
    """()."""
    losses: Any
    """(steps,): before each step."""


class Sawtooth(NamedTuple):
    """One function from two networks of ReLUs: their outputs (N,), and how many units each has, () int64."""

    deep: Any
    wide: Any
    deep_units: Any
    wide_units: Any


def check_depth(depth: int) -> None:
    """ValueError unless there is a layer."""
    if depth < 1:
        raise ValueError(f"depth {depth}: expected at least 1")


# Distinct prime sizes, no zeros but in the table itself, no symmetry.
_RNG = np.random.default_rng(113)
_TABLE = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
_XOR = np.array([0.0, 1.0, 1.0, 0.0])
_X = _RNG.uniform(-2, 2, (11, 1))
_EIGHTHS = np.arange(17) / 16
"""Every tooth of the sawtooths below, and the middle of every edge; exact."""


def _start(inputs: int, hidden: int, rng: np.random.Generator) -> dict[str, Array]:
    return {
        "hidden_weight": rng.normal(size=(hidden, inputs)),
        "hidden_bias": rng.normal(size=hidden),
        "output_weight": rng.normal(size=hidden),
        "output_bias": rng.normal(size=()),
    }


# --- the third opinion ---------------------------------------------------------------------------------------


def _network(inputs: Array, hidden_weight: Array, hidden_bias: Array, output_weight: Array, output_bias: Array) -> Any:
    return np.tanh(inputs @ hidden_weight.T + hidden_bias) @ output_weight + output_bias


def _cross_entropy(scores: Array, targets: Array) -> tuple[Any, Array]:
    """The loss and its derivative by the scores."""
    loss = np.mean(np.logaddexp(0, scores) - targets * scores)
    return loss, (1 / (1 + np.exp(-scores)) - targets) / len(scores)


def _squared_error(scores: Array, targets: Array) -> tuple[Any, Array]:
    return np.mean((scores - targets) ** 2), 2 * (scores - targets) / len(scores)


def _training(measure: Callable[[Array, Array], tuple[Any, Array]]) -> Callable[..., Trained]:
    def trained(
        inputs: Array, targets: Array, learning_rate: float, momentum: float, steps: int, **start: Array
    ) -> Trained:
        found, velocity, losses = [*start.values()], [0.0 * array for array in start.values()], []
        for _ in range(steps):
            hidden = np.tanh(inputs @ found[0].T + found[1])
            loss, by_score = measure(_network(inputs, *found), targets)
            losses.append(loss)
            by_hidden = np.outer(by_score, found[2]) * (1 - hidden**2)
            slopes = (by_hidden.T @ inputs, by_hidden.sum(0), hidden.T @ by_score, by_score.sum())
            velocity = [momentum * v + slope for v, slope in zip(velocity, slopes, strict=True)]
            found = [array - learning_rate * v for array, v in zip(found, velocity, strict=True)]
        return Trained(*[*found, np.array(losses)])

    return trained


def _xor_by_hand(inputs: Array) -> Any:
    return np.where(inputs.sum(1) <= 1, np.maximum(inputs.sum(1), 0), 2 - inputs.sum(1))


def _deep_vs_wide(x: Array, depth: int) -> Sawtooth:
    """The distance to the nearest even number, of x that is stretched to 2^depth."""
    stretched = x * 2**depth
    teeth = np.abs(stretched - 2 * np.round(stretched / 2))
    return Sawtooth(teeth, teeth, np.int64(2 * depth), np.int64(2**depth))


# --- pictures ------------------------------------------------------------------------------------------------


def _exclusive_or(call: Call, rng: np.random.Generator) -> tuple[Exhibit, ...]:
    axis = np.linspace(-0.5, 1.5, 81)
    plane = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
    start = _start(2, 3, rng)
    learned = call("xor", inputs=_TABLE, targets=_XOR, **start, learning_rate=0.1, momentum=0.9, steps=400)
    losses = learned.pop("losses")

    def regions(title: str, scores: Array) -> Exhibit:
        labels = (scores > 0).reshape(81, 81).astype(np.int64)
        points = {"points": _TABLE, "point_labels": _XOR.astype(np.int64)}
        return Exhibit(title, "regions", {"x": axis, "y": axis, "labels": labels, **points}, "x1", "x2")

    return (
        Exhibit("exclusive or, cross entropy", "lines", {"3 hidden": losses}, "step", "nats", "log"),
        regions("exclusive or, learned", call("network", inputs=plane, **learned)["value"]),
        regions("exclusive or, by two ReLUs", call("xor_by_hand", inputs=plane)["value"] - 0.5),
    )


def _fits(call: Call, rng: np.random.Generator) -> tuple[Exhibit, ...]:
    x = np.linspace(-3, 3, 121)
    wave = np.sin(2 * x) + 0.3 * x
    rows = {"inputs": x[:, None], "targets": wave, "learning_rate": 0.02, "momentum": 0.9, "steps": 1500}
    fits, errors = {"x": x, "the function": wave}, {}
    for hidden in (1, 3, 20):
        learned = call("function_fit", **rows, **_start(1, hidden, rng))
        errors[f"{hidden} hidden"] = learned.pop("losses")
        fits[f"{hidden} hidden"] = call("network", inputs=x[:, None], **learned)["value"]
    return (
        Exhibit("a function and its fits", "lines", fits, "x", "y"),
        Exhibit("mean squared error of the fits", "lines", errors, "step", "error", "log"),
    )


def _teeth(call: Call) -> tuple[Exhibit, ...]:
    x, depths = np.linspace(0, 1, 257), np.arange(1, 11)
    found = [call("deep_vs_wide", x=x, depth=int(depth)) for depth in depths]
    teeth = {f"depth {depth}": found[depth - 1]["deep"] for depth in (1, 2, 4)}
    counts = {name: np.array([each[f"{name}_units"] for each in found]) for name in ("deep", "wide")}
    return (
        Exhibit("sawtooth", "lines", {"x": x, **teeth}, "x", "y"),
        Exhibit("units of the same sawtooth", "lines", {"x": depths, **counts}, "depth", "ReLUs", "log"),
    )


def _study(call: Call, _: Dataset | None) -> tuple[Exhibit, ...]:
    rng = np.random.default_rng(3)
    return (*_exclusive_or(call, rng), *_fits(call, rng), *_teeth(call))


def _given(inputs: Array, targets: Array, hidden: int, steps: int) -> dict[str, Any]:
    start = _start(inputs.shape[1], hidden, _RNG)
    return {"inputs": inputs, "targets": targets, **start, "learning_rate": 0.1, "momentum": 0.5, "steps": steps}


_TRAININGS = {
    "xor": (_given(_TABLE, _XOR, 3, 20), _training(_cross_entropy)),
    "function_fit": (_given(_X, np.sin(2 * _X[:, 0]), 7, 20), _training(_squared_error)),
}

CONCEPT = Concept(
    module=__name__,
    title="Exclusive or by one hidden layer, universal approximation, depth versus width",
    kind="procedure",
    summary="No line separates exclusive or, two hidden units do; enough of them fit any function, layers save units.",
    sources=(
        "Goodfellow, Bengio, Courville (2016), Deep Learning, sections 6.1 (exclusive or) and 6.4.1",
        "Cybenko (1989), Approximation by superpositions of a sigmoidal function",
        "Telgarsky (2016), Benefits of depth in neural networks, section 1 (sawtooth)",
    ),
    differences=(
        Difference(
            "D161",
            "momentum",
            tf="keras.optimizers.SGD keeps the rate inside the velocity, and rounds it to float32",
            torch="torch.optim.SGD keeps the rate outside",
            ours="outside: v = momentum * v + g; w = w - rate * v",
        ),
        Difference("D234", "integers by default", tf="int32", torch="int64", ours="int64"),
    ),
    cases=(
        *(
            case
            for function, (given, oracle) in _TRAININGS.items()
            for case in (
                Case(function, given, oracle),
                Case(function, {**given, "steps": 0}, oracle, label="no_step"),
            )
        ),
        Case("network", {"inputs": _X, **_start(1, 7, _RNG)}, _network, wrt=("inputs", *Trained._fields[:4])),
        Case("xor_by_hand", {"inputs": _TABLE}, _xor_by_hand, label="table"),
        Case("xor_by_hand", {"inputs": _RNG.uniform(-0.5, 1.5, (11, 2))}, _xor_by_hand, wrt=("inputs",), label="plane"),
        *(
            Case("deep_vs_wide", {"x": _EIGHTHS, "depth": depth}, _deep_vs_wide, label=f"depth{depth}")
            for depth in (1, 2, 3)
        ),
        Case("deep_vs_wide", {"x": _RNG.uniform(size=11), "depth": 3}, _deep_vs_wide, wrt=("x",), label="between"),
        Case("deep_vs_wide", {"x": _EIGHTHS, "depth": 0}, raises=ValueError, label="no_layer"),
    ),
    study=_study,
)
