"""Both sides can be wrong alike: each side's gradients against its own function, along one random direction."""

from collections.abc import Callable, Iterator, Mapping

import numpy as np

from dualnet.interface import Array
from parity.report import Finding
from parity.side import Pass, output_weights

__all__ = ["directional"]

ONE_SIDED = (1e-8, 1e-9)
"""Steps that are tried first and forwards only, as that costs least: their error is of the order of the step.
Of ten million activations one has its kink within the longer one every tenth time."""
STEPS = (1e-7, 1e-6, 1e-8, 1e-5, 1e-9)
"""Relative lengths of a step, the best first: rounding spoils short ones, a kink that is crossed spoils long ones."""
LIMIT = 1e-6
"""A difference quotient in float64 tells derivatives apart no finer than this."""

Tensors = Mapping[str, Array]


def directional(
    name: str, tensors: Tensors, gradients: Tensors, here: Pass, outputs: Callable[[Tensors], Pass]
) -> Finding:
    """Compare the derivative along a random direction with the difference quotient.

    Args:
        name: of the finding.
        tensors: inputs and parameters of the function, by name.
        gradients: of the weighted sum of all outputs, by the same names.
        here: the outputs that belong to these tensors.
        outputs: the function, of other tensors.
    """
    rng = np.random.default_rng(17)
    direction = {n: rng.normal(size=x.shape) * (_size(x) or 1.0) for n, x in tensors.items()}
    shares = [(gradients[n] * direction[n]).ravel() for n in sorted(tensors)]
    told = float(sum(share.sum() for share in shares))
    scale = float(np.sqrt(sum(np.square(share).sum() for share in shares)))
    if not scale:
        return Finding(name, 0.0, LIMIT, excluded="every gradient is 0")

    def value(step: float) -> float:
        return _value(outputs({n: x + step * direction[n] for n, x in tensors.items()}))

    def quotients() -> Iterator[float]:
        for step in ONE_SIDED:
            yield (value(step) - _value(here)) / step
        for step in STEPS:
            yield (value(step) - value(-step)) / (2 * step)

    best, measured = np.inf, np.nan
    for quotient in quotients():
        if abs(quotient - told) / scale < best:
            best, measured = abs(quotient - told) / scale, quotient
        if best <= LIMIT:
            break
    return Finding(name, best, LIMIT, None, (), (told, measured))


def _value(found: Pass) -> float:
    floating = [(i, x) for i, x in enumerate(found.outputs) if np.issubdtype(x.dtype, np.floating)]
    return float(sum((output_weights(i, x.shape) * x).sum() for i, x in floating))


def _size(array: Array) -> float:
    return float(np.sqrt(np.mean(np.square(array)))) if array.size else 0.0
