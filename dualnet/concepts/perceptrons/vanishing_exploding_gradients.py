"""Vanishing and exploding gradients: what many factors in a row do, and where the first NaN or infinity appears."""

from typing import Any, NamedTuple

import numpy as np

from dualnet.interface import Array, Call, Case, Concept, Config, ConfigError, Dataset, Demo, Difference, Exhibit

__all__ = ["CONCEPT", "Detection", "Product", "Saturation"]


class Saturation(NamedTuple):
    """A sigmoid and its derivative, of the shape of what they are taken of."""

    value: Any
    slope: Any


class Product(NamedTuple):
    """Matrices multiplied one after the other."""

    product: Any
    """(F, F)."""
    norms: Any
    """(L,): the Frobenius norm after each factor."""


class Detection(NamedTuple):
    """The first layer, counted from 0, whose outputs have an infinity, or a NaN; -1 if none has: () int64 each."""

    first_inf: Any
    first_nan: Any


# Distinct prime sizes, no zeros, no symmetry.
_RNG = np.random.default_rng(97)
_FACTORS = _RNG.normal(size=(100, 4, 4))
_FEATURES = _RNG.normal(size=(7, 5))
_WEIGHTS = _RNG.normal(size=(11, 5, 5))
_GROWING = np.stack([np.array([[0.0, 16.0], [16.0, 0.0]])] * 300)
"""Each layer exchanges two numbers and multiplies them by 16: nothing is rounded, and infinity times 0 is NaN."""
_FORMATS: dict[str, tuple[float, float]] = {
    "float16": (65504.0, 65520.0),
    "bfloat16": (255 * 2.0**120, 255.5 * 2.0**120),
    "float32": ((2 - 2.0**-23) * 2.0**127, (2 - 2.0**-24) * 2.0**127),
}
"""The largest number of each format, and the smallest one that is rounded to infinity."""


# --- the third opinion ---------------------------------------------------------------------------------------


def _saturation(x: Array) -> Saturation:
    tail = np.exp(-np.abs(x))
    return Saturation(np.where(x > 0, 1, tail) / (1 + tail), tail / (1 + tail) ** 2)


def _product(factors: Array) -> Product:
    products = [factors[0]]
    for factor in factors[1:]:
        products.append(products[-1] @ factor)
    return Product(products[-1], np.linalg.norm(products, axis=(1, 2)))


def _bend(x: Array, activation: str) -> tuple[Array, Array]:
    """The activation and its derivative."""
    if activation == "relu":
        return np.maximum(x, 0), (x > 0).astype(float)
    if activation == "tanh":
        return np.tanh(x), 1 - np.tanh(x) ** 2
    saturation = _saturation(x)
    return saturation.value, saturation.slope


def _gradient_norms(features: Array, weights: Array, activation: str) -> Array:
    slopes = []
    for weight in weights:
        features, slope = _bend(features @ weight, activation)
        slopes.append(slope)
    upstream, norms = np.ones_like(features), []
    for slope, weight in zip(slopes[::-1], weights[::-1], strict=True):
        upstream = (upstream * slope) @ weight.T
        norms.append(np.linalg.norm(upstream))
    return np.array(norms[::-1])


def _rounded(values: Any, dtype: str) -> Array:
    exact = np.array(values, np.float64)
    with np.errstate(over="ignore"):
        if dtype != "bfloat16":
            return exact.astype(dtype).astype(np.float64)
        bits = exact.astype(np.float32).view(np.uint32)
    even = (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16 << 16  # to the nearest, of two equally near ones to the even one
    return np.where(np.isfinite(exact), even.view(np.float32), exact)


def _first(found: list[Any]) -> Any:
    return np.int64(found.index(True) if True in found else -1)


def _detection(features: Array, weights: Array, dtype: str) -> Detection:
    inf, nan = [], []
    for weight in weights:
        products = _rounded(features[:, :, None] * weight, dtype)
        features = _rounded(products.sum(axis=1), dtype)
        inf.append(bool(np.isinf(features).any()))
        nan.append(bool(np.isnan(features).any()))
    return Detection(_first(inf), _first(nan))


# --- pictures ------------------------------------------------------------------------------------------------


def _study(call: Call, _: Dataset | None) -> tuple[Exhibit, ...]:
    x = np.linspace(-8, 8, 161)
    rng = np.random.default_rng(0)
    depth, width = 30, 64
    features, draws = rng.normal(size=(32, width)), rng.normal(size=(depth, width, width))
    norms = {
        f"{activation}, {gain:g} / width": call(
            "gradient_norms", features=features, weights=draws * np.sqrt(gain / width), activation=activation
        )["value"]
        for activation, gain in (("sigmoid", 1.0), ("tanh", 1.0), ("relu", 1.0), ("relu", 2.0), ("relu", 4.0))
    }
    products = {
        f"deviation {deviation:g}": call("matrix_product_100", factors=deviation * _FACTORS)["norms"]
        for deviation in (1.0, 0.5, 0.25)
    }
    found = {
        dtype: np.array([*call("nan_inf_detector", features=np.ones((1, 2)), weights=_GROWING, dtype=dtype).values()])
        for dtype in _FORMATS
    }
    return (
        Exhibit("sigmoid and its slope", "lines", {"x": x, **call("sigmoid_saturation", x=x)}, "x"),
        Exhibit("norm of a product of 100 matrices, 4x4", "lines", products, "factor", "norm", "log"),
        Exhibit(
            "gradient by depth, by activation and variance of weights",
            "lines",
            {"x": np.arange(1, depth + 1), **norms},
            "layer",
            "norm",
            "log",
        ),
        Exhibit("layer of the first infinity (0) and NaN (1), each times 16", "bars", found, "", "layer"),
    )


def _detecting(dtype: str, layers: int, scale: float = 1.0) -> Config:
    return {"features": np.full((1, 2), scale), "weights": _GROWING[:layers], "dtype": dtype}


CONCEPT = Concept(
    module=__name__,
    title="Vanishing and exploding gradients, and where the first NaN is",
    kind="procedure",
    summary="A gradient is a product with a factor for each layer: it vanishes or explodes with depth, and overflows.",
    sources=(
        "Zhang, Lipton, Li, Smola, Dive into Deep Learning, section 5.4.1",
        "Glorot, Bengio (2010), Understanding the difficulty of training deep feedforward neural networks, section 4.2",
        "IEEE 754-2019, sections 3.4 and 4.3.1 (largest numbers, rounding to infinity)",
    ),
    differences=(
        Difference(
            "D234",
            "integers by default",
            tf="int32",
            torch="int64",
            ours="int64",
        ),
        Difference(
            "X-first-nan-compiled",
            "the layer of the first NaN in a compiled graph",
            tf="XLA may keep float32 between operations: 60000 * 2 / 4 in float16 is 30000, eagerly it is infinite",
            torch="torch.compile does the same; eagerly infinite, as in TensorFlow",
            ours="found eagerly: each layer's outputs are stored in their format",
            demo=Demo(
                tf="""
                compiled = tf.function(lambda x: x * 2 / 4, jit_compile=True, autograph=False)
                compiled(tf.constant([60000.0], tf.float16))
                """,
                torch="torch.tensor([60000.0], dtype=torch.float16) * 2 / 4",
            ),
        ),
    ),
    cases=(
        Case("sigmoid_saturation", {"x": 4 * _FEATURES}, _saturation),
        Case(
            "sigmoid_saturation",
            {"x": np.array([0.0, 30.0, -30.0, 800.0, -800.0, np.inf, -np.inf])},
            _saturation,
            label="far",
        ),
        Case("sigmoid_saturation", {"x": np.array([np.nan, 1.3])}, _saturation, label="not_a_number"),
        *(
            Case("matrix_product_100", {"factors": factors}, _product, wrt=wrt, label=label)
            for label, factors, wrt in (
                ("exploding", 0.8 * _FACTORS, ()),
                ("vanishing", 0.45 * _FACTORS, ()),
                ("five", _FACTORS[:5], ("factors",)),
                ("one", _FACTORS[:1], ("factors",)),
            )
        ),
        *(
            Case(
                "gradient_norms",
                {"features": _FEATURES, "weights": scale * _WEIGHTS, "activation": activation},
                _gradient_norms,
                label=f"{activation}-{label}",
            )
            for activation in ("sigmoid", "tanh", "relu")
            for label, scale in (("weak", 0.3), ("strong", 2.0))
        ),
        Case(
            "gradient_norms",
            {"features": _FEATURES, "weights": _WEIGHTS, "activation": "gelu"},
            raises=ConfigError,
            label="no_such_activation",
        ),
        *(
            Case(
                "rounded",
                {
                    "values": (0.3, *(sign * size for size in sizes for sign in (1.0, -1.0)), np.nan),
                    "dtype": dtype,
                },
                _rounded,
                label=f"{dtype}-overflow_threshold",
            )
            for dtype, (largest, overflows) in _FORMATS.items()
            for sizes in ((largest, largest / 2 + overflows / 2, overflows, 1.001 * overflows, np.inf),)
        ),
        *(
            Case("nan_inf_detector", _detecting(dtype, layers), _detection, label=f"{dtype}-{label}")
            for dtype, needed in (("float16", 4), ("bfloat16", 32), ("float32", 32))
            for label, layers in (("inf", needed), ("nan", needed + 2), ("finite", needed - 1))
        ),
        Case("nan_inf_detector", _detecting("float16", 3, np.nan), _detection, label="nan_from_the_start"),
        Case("nan_inf_detector", _detecting("float16", 0), _detection, label="no_layer"),
    ),
    study=_study,
)
