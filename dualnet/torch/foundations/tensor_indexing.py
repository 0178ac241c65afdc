"""Creating tensors and reading parts of them, in PyTorch.

Indexing with lists of integers gathers, as in NumPy; tensors can be written in place.
"""

import torch

__all__ = ["gather_nd", "take_rows"]


def take_rows(x: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
    """Whole slices along axis 0.

    Args:
        x: (R, ...), any dtype.
        rows: (M,) integers in [-R, R).

    Returns:
        (M, ...): x[rows[0]], x[rows[1]], ...

    Raises:
        IndexError: a row is out of range.
    """
    return x[rows]  # (M, ...)


def gather_nd(x: torch.Tensor, indices: torch.Tensor) -> torch.Tensor:
    """Elements or slices by coordinates: indices (M, K) into the first K axes of x give (M, ...)."""
    return x[indices.unbind(dim=-1)]  # differs: D250 PyTorch has no gather_nd; a tuple of indices is one
