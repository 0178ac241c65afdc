"""The order in which both sides see the rows."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["order"]


def order(rows: int, seed: int, epoch: int) -> NDArray[np.int64]:
    """All rows once, shuffled; the same on both sides, and the same whichever epochs came before.

    Returns:
        (rows,) int64.
    """
    return np.random.default_rng([seed, epoch]).permutation(rows)
