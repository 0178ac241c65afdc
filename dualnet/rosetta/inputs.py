"""The named arrays that the texts of the table use: the same numbers on both sides, each in its framework's layout.

Sizes differ along every axis, no number is zero, and the seed is fixed: no transposed axis and no lost term can hide.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["INPUTS", "Array", "Input", "draw", "transposed"]

Array = npt.NDArray[Any]
Make = Callable[[np.random.Generator], Array]


@dataclass(frozen=True)
class Input:
    """An array.

    Args:
        about: what it is.
        make: draws it, in PyTorch's layout.
        layout: its axes in TensorFlow and in PyTorch, where they differ: "NHWC NCHW".
    """

    about: str
    make: Make
    layout: str = ""


def transposed(array: Array, layout: str, *, back: bool = False) -> Array:
    """An array in PyTorch's layout in TensorFlow's, or the other way; as it is where the layout is not about it."""
    if not layout or array.ndim != len(layout) // 2:
        return array
    here, there = layout.split() if back else reversed(layout.split())
    return array.transpose([here.index(axis) for axis in there])


def draw(name: str) -> Array:
    """An input's numbers, in PyTorch's layout."""
    return INPUTS[name].make(np.random.default_rng(list(name.encode())))


def normal(*shape: int) -> Make:
    """Standard normal numbers."""
    return lambda rng: rng.standard_normal(shape)


def uniform(low: float, high: float, *shape: int) -> Make:
    """Numbers between two bounds."""
    return lambda rng: rng.uniform(low, high, shape)


def integers(low: int, high: int, *shape: int) -> Make:
    """Integers from one bound up to below the other."""
    return lambda rng: rng.integers(low, high, shape)


def given(values: object) -> Make:
    """Always the same."""
    return lambda rng: np.array(values)


def distribution(*shape: int) -> Make:
    """Rows that sum to one."""
    return lambda rng: rng.dirichlet(np.ones(shape[-1]), shape[:-1])


def complex_normal(*shape: int) -> Make:
    """Complex numbers with normal parts."""
    return lambda rng: rng.standard_normal(shape) + 1j * rng.standard_normal(shape)


def near_identity(*shape: int) -> Make:
    """Matrices that are well conditioned."""
    return lambda rng: 0.2 * rng.standard_normal(shape) + np.diag(np.arange(1.0, shape[-1] + 1))


def positive_definite(size: int) -> Make:
    """A symmetric matrix with eigenvalues apart from each other."""
    return lambda rng: (root := near_identity(size, size)(rng)) @ root.T


INPUTS = {
    "x": Input("5 x 7 numbers", normal(5, 7)),
    "y": Input("5 x 7 other numbers", normal(5, 7)),
    "v": Input("a vector of 7", normal(7)),
    "u": Input("another vector of 7", normal(7)),
    "points": Input("5 points in space", normal(5, 3)),
    "others": Input("5 other points in space", normal(5, 3)),
    "weight": Input("a 7 x 3 matrix", normal(7, 3)),
    "bias": Input("a vector of 3", normal(3)),
    "positive": Input("5 x 7 numbers from 0.5 to 2", uniform(0.5, 2, 5, 7)),
    "unit": Input("5 x 7 numbers between -0.9 and 0.9", uniform(-0.9, 0.9, 5, 7)),
    "odd": Input("5 x 7 numbers with NaN and infinities", given([[1.0, np.nan, np.inf], [-np.inf, 2.0, -3.0]])),
    "ties": Input("numbers with equal ones", given([[0, 2.0, 2, -1], [1, 1, 1, 0], [-2, 0.5, -2, 0.5]])),
    "cube": Input("2 x 5 x 7 numbers", normal(2, 5, 7)),
    "cube2": Input("2 x 7 x 3 numbers", normal(2, 7, 3)),
    "square": Input("a 5 x 5 matrix, well conditioned", near_identity(5, 5)),
    "spd": Input("a symmetric positive definite 5 x 5 matrix", positive_definite(5)),
    "rhs": Input("a 5 x 3 matrix", normal(5, 3)),
    "tall": Input("a 7 x 5 matrix", normal(7, 5)),
    "tall_rhs": Input("a 7 x 3 matrix", normal(7, 3)),
    "z": Input("5 x 7 complex numbers", complex_normal(5, 7)),
    "n": Input("5 x 7 integers from -9 to 9", integers(-9, 10, 5, 7)),
    "m": Input("5 x 7 integers from 1 to 9", integers(1, 10, 5, 7)),
    "counted": Input("11 integers from 0 to 6", integers(0, 7, 11)),
    "mask": Input("5 x 7 booleans", lambda rng: rng.random((5, 7)) < 0.6),
    "mask2": Input("5 x 7 other booleans", lambda rng: rng.random((5, 7)) < 0.6),
    "rows": Input("indices of rows, one of them twice", given([3, 0, 4, 3])),
    "columns": Input("5 x 3 indices of columns", integers(0, 7, 5, 3)),
    "labels": Input("5 labels of 7 classes", given([6, 0, 3, 5, 1])),
    "segments": Input("the segment of each of 5 rows", given([0, 0, 1, 2, 2])),
    "hot": Input("5 x 7 labels, 0 or 1", lambda rng: (rng.random((5, 7)) < 0.4).astype(np.float64)),
    "signs": Input("5 x 7 labels, -1 or 1", lambda rng: np.where(rng.random((5, 7)) < 0.4, -1.0, 1.0)),
    "p": Input("5 distributions over 7 classes", distribution(5, 7)),
    "q": Input("5 other distributions over 7 classes", distribution(5, 7)),
    "chances": Input("5 x 7 probabilities from 0.05 to 0.95", uniform(0.05, 0.95, 5, 7)),
    "sample_weight": Input("5 weights of rows", uniform(0.5, 2, 5)),
    "class_weight": Input("7 weights of classes", uniform(0.5, 2, 7)),
    "sorted_row": Input("7 ascending numbers", given([-1.5, -1.0, -0.25, 0.0, 0.5, 1.25, 2.0])),
    "signal": Input("2 signals of 32 samples", normal(2, 32)),
    "tokens": Input("2 x 5 ids of 11 words", integers(0, 11, 2, 5)),
    "table": Input("11 vectors of 3", normal(11, 3)),
    "sequence": Input("2 sequences of 5 steps of 7 features", normal(2, 5, 7)),
    "embedded": Input("2 sequences of 5 steps of 8 features", normal(2, 5, 8)),
    "memory": Input("2 sequences of 3 steps of 8 features", normal(2, 3, 8)),
    "queries": Input("2 x 5 queries of 3 heads, of size 4", normal(2, 3, 5, 4), "NTHD NHTD"),
    "keys": Input("2 x 7 keys of 3 heads, of size 4", normal(2, 3, 7, 4), "NTHD NHTD"),
    "values": Input("2 x 7 values of 3 heads, of size 4", normal(2, 3, 7, 4), "NTHD NHTD"),
    "hidden": Input("2 x 3 initial states", normal(2, 3)),
    "cell": Input("2 x 3 other initial states", normal(2, 3)),
    "valid": Input("which of 2 x 5 steps are real", given([[True] * 5, [True] * 3 + [False] * 2])),
    "series": Input("2 series of 11 steps of 4 channels", normal(2, 4, 11), "NTC NCT"),
    "images": Input("2 images of 10 x 13 pixels, 4 channels", normal(2, 4, 10, 13), "NHWC NCHW"),
    "maps": Input("2 images of 4 x 6 pixels, 8 channels", normal(2, 8, 4, 6), "NHWC NCHW"),
    "photos": Input("2 images of 10 x 13 pixels, 3 colours between 0 and 1", uniform(0, 1, 2, 3, 10, 13), "NHWC NCHW"),
    "volumes": Input("2 volumes of 5 x 6 x 7 voxels, 4 channels", normal(2, 4, 5, 6, 7), "NDHWC NCDHW"),
    "kernel1": Input("a kernel of 3 steps, 4 to 6 channels", normal(6, 4, 3), "TIO OIT"),
    "kernel": Input("a kernel of 3 x 2 pixels, 4 to 6 channels", normal(6, 4, 3, 2), "HWIO OIHW"),
    "kernel3": Input("a kernel of 3 x 2 x 2 voxels, 4 to 6 channels", normal(6, 4, 3, 2, 2), "DHWIO OIDHW"),
    "kernel_up": Input("a kernel of 4 x 4 pixels that takes 4 channels to 6", normal(4, 6, 4, 4), "HWOI IOHW"),
    "w": Input("a 3 x 2 weight", normal(3, 2)),
    "g": Input("4 gradients of that weight", normal(4, 3, 2)),
}  # fmt: skip
"""What the texts may use, by name."""
