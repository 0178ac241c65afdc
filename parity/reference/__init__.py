"""Every kind of layer, loss and optimizer again, in NumPy and float64: the third opinion of a diagnosis.

Layouts are canonical: parameters as in PyTorch, images channels first, sequences (N, T, D).

Examples:
    >>> import numpy as np
    >>> run("dense", {}, {"weight": np.array([[2.0, 3.0]])}, (np.array([[1.0, 1.0]]),)).outputs
    (array([[5.]]),)
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from parity.reference import (
    activation,
    attention,
    convolution,
    dense,
    losses,
    normalisation,
    optimizers,
    pooling,
    recurrent,
    shapes,
)
from parity.reference.kind import Array, Call, Kind, Result, Unsupported

__all__ = ["KINDS", "Kind", "Result", "Unsupported", "run"]

FAMILIES = (dense, convolution, pooling, normalisation, activation, recurrent, attention, shapes, losses, optimizers)
KINDS: Mapping[str, Kind] = {name: kind for family in FAMILIES for name, kind in family.KINDS.items()}
"""What the reference can compute, by the names that `parity.layer.Layer` uses."""


def run(
    kind: str,
    settings: Mapping[str, Any],
    parameters: Mapping[str, Array],
    inputs: Sequence[Array],
    *,
    train: bool = False,
) -> Result:
    """Compute one call of a layer.

    Args:
        kind: a name of `KINDS`.
        settings: every setting without a default, by the names of the kind's function.
        parameters: parameters and buffers in canonical layout.
        inputs: the inputs in canonical layout.
        train: whether it is called in train mode.

    Returns:
        The outputs and the buffers after the call.

    Raises:
        Unsupported: the kind or a setting is unknown, or something needed is missing.
        ValueError: shapes do not fit.
    """
    if kind not in KINDS:
        raise Unsupported(f"expected one of {sorted(KINDS)}, got {kind!r}")
    arrays = {name: _exact(value) for name, value in parameters.items()}
    return KINDS[kind](Call(tuple(map(_exact, inputs)), arrays, train), settings)


def _exact(value: Array) -> Array:
    array = np.asarray(value)
    return array.astype(np.float64) if array.dtype.kind in "fui" else array
