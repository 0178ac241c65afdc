"""Numbers of any layer that lost digits on their way."""

from collections.abc import Callable, Iterable, Mapping

import numpy as np

from parity.causes.cause import Array, Cause, Hypothesis, assume
from parity.layer import Fault

__all__ = ["CAUSES"]

ALWAYS = ("forward", "train", "buffer", "update")


def _rounded(fault: Fault) -> Iterable[Hypothesis]:
    held = {name: np.asarray(value) for name, value in fault.a.layer.parameters.items()}
    for then, lossy in ROUNDINGS.items():
        new = {name: lossy(value) for name, value in held.items()}
        if any(not np.array_equal(new[name], held[name]) for name in held):
            yield assume(fault, "as they are", then, parameters=dict(new))


def _bits(x: Array, kept: int) -> Array:
    """Float32 whose significand keeps that many bits, the rest cut off after rounding."""
    drop = 23 - kept
    raw = x.astype(np.float32).view(np.uint32)
    return ((raw + (1 << (drop - 1))) >> drop << drop).astype(np.uint32).view(np.float32).astype(np.float64)


def _decimals(count: int) -> Callable[[Array], Array]:
    return lambda x: np.round(x, count)


ROUNDINGS: Mapping[str, Callable[[Array], Array]] = {
    "rounded to float32": lambda x: x.astype(np.float32).astype(np.float64),
    "rounded to float16": lambda x: x.astype(np.float16).astype(np.float64),
    "rounded to bfloat16": lambda x: _bits(x, 7),
    "rounded to TF32": lambda x: _bits(x, 10),
    **{f"printed with {n} decimals": _decimals(n) for n in (4, 6, 8)},
}


def _single(value: float) -> float:
    return float(np.float32(value))


def _constants(fault: Fault) -> Iterable[Hypothesis]:
    """Each constant as float32 has it, or what it leaves of 1 (Keras' momentum is the share that is kept), and all."""
    held = {name: value for name, value in fault.a.layer.settings.items() if type(value) is float}
    rounded = {name: _single(value) for name, value in held.items() if _single(value) != value}
    for name, value in held.items():
        for new in dict.fromkeys((_single(value), 1 - _single(1 - value))):
            if 0 < abs(new - value) < 1e-6 * abs(value):
                specific = fault.b.layer.settings.get(name) == new
                yield assume(fault, f"{name} in float64", f"{name} in float32", specific=specific, settings={name: new})
    if len(rounded) > 1:
        yield assume(fault, "all in float64", "all in float32", settings=rounded)


CAUSES = (
    Cause("weights.rounded", (), "the weights lost digits on their way", _rounded, "weights {}",
          "load the weights in full: {}", "load the weights in full: {}", ALWAYS),
    Cause("settings.float32", (), "Keras rounds its constants to float32, whatever the layer's dtype", _constants,
          "constants: {}", "float(numpy.float32(constant)) has what Keras has; {}",
          "a constant that float32 holds exactly, as 0.25, is not rounded; {}", ALWAYS),
)  # fmt: skip
