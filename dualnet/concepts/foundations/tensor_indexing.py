"""Creating tensors and reading parts of them: slices, gathers and masks."""

from typing import Any

import numpy as np

from dualnet.interface import Array, Case, Concept, Difference

__all__ = ["CONCEPT"]

# Distinct prime sizes, no zeros, no symmetry: an exchanged axis or a forgotten row cannot hide.
_CUBE = np.random.default_rng(1).normal(size=(5, 7, 3))
_COUNTS = np.random.default_rng(2).integers(-9, 10, size=(5, 7))


def _gather_nd(x: Array, indices: Array) -> Any:
    return x[tuple(np.moveaxis(indices, -1, 0))]


CONCEPT = Concept(
    module=__name__,
    title="Tensor creation, slicing, gather, gather_nd and boolean mask",
    kind="ops",
    summary="A tensor is read and rewritten by positions: ranges, lists of indices, coordinates or masks.",
    sources=("Zhang, Lipton, Li, Smola, Dive into Deep Learning, section 2.1",),
    differences=(
        Difference(
            "D258",
            "slices with a negative step",
            tf="x[::-1] works",
            torch="raises ValueError: step must be greater than zero",
            ours="works on both: PyTorch flips first",
        ),
        Difference(
            "D250",
            "gather",
            tf="tf.gather takes whole slices",
            torch="torch.gather picks one element per position",
            ours="two functions under two names: take_rows and take_along_axis",
        ),
    ),
    cases=(
        Case("take_rows", {"x": _CUBE, "rows": np.array([3, 0, 3])}, lambda x, rows: x[rows], wrt=("x",)),
        Case("gather_nd", {"x": _CUBE, "indices": np.array([[4, 1], [0, 6], [4, 1]])}, _gather_nd, wrt=("x",)),
        Case("take_rows", {"x": _COUNTS, "rows": np.array([5])}, raises=IndexError, label="out_of_range"),
    ),
)
