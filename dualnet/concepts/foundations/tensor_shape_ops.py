"""Changing a tensor's shape, the order of its axes and the order of its elements."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from dualnet.interface import Array, Case, Concept, Demo, Difference

__all__ = ["CONCEPT"]

# Distinct prime sizes, no zeros, no symmetry: an exchanged axis or a reversed order cannot hide.
_RNG = np.random.default_rng(5)
_MATRIX = _RNG.normal(size=(5, 7))
_OTHER = _RNG.normal(size=(5, 7))
_CUBE = _RNG.normal(size=(5, 7, 3))
_IMAGES = _RNG.normal(size=(2, 3, 5, 7))  # N C H W
_COUNTS = np.random.default_rng(6).integers(-9, 10, size=(5, 7))
_LABELLED = np.array([[True, False, True], [False, False, True]])
_SCALAR = np.array(-1.3)
_NO_ROWS = np.empty((0, 7))
_NO_IMAGES = np.empty((0, 3, 5, 7))


def _accepted(function: str, oracle: Any, *examples: tuple[str, Mapping[str, Any]]) -> list[Case]:
    """Cases of one function, differentiated by every floating array that is not empty."""
    return [
        Case(function, args, oracle, wrt=tuple(n for n, v in args.items() if _is_real(v)), label=label)
        for label, args in examples
    ]


def _is_real(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.dtype == np.float64 and value.size > 0


def _refused(function: str, error: type[Exception], *examples: tuple[str, Mapping[str, Any]]) -> list[Case]:
    return [Case(function, args, raises=error, label=label) for label, args in examples]


# --- the third opinion --------------------------------------------------------------------------------------


def _flatten_channels_last(x: Array) -> Any:
    return np.stack([[x[n, c, i, j] for i, j, c in np.ndindex(5, 7, 3)] for n in range(len(x))])


def _split_sizes(x: Array, sizes: tuple[int, ...], axis: int) -> Any:
    return np.split(x, np.cumsum(sizes)[:-1], axis)


def _pad(x: Array, pads: tuple[tuple[int, int], tuple[int, int]], mode: str) -> Any:
    return np.pad(x, ((0, 0), (0, 0), *pads), mode)  # type: ignore[call-overload]


def _pixel_shuffle(x: Array, block: int) -> Any:
    batch, channels, height, width = x.shape
    result = np.empty((batch, channels // block**2, height * block, width * block))
    for channel in range(channels):
        row, column = divmod(channel % block**2, block)
        result[:, channel // block**2, row::block, column::block] = x[:, channel]
    return result


CONCEPT = Concept(
    module=__name__,
    title="Reshape, transpose, expand/squeeze, broadcast, concat, stack, unstack, split",
    kind="ops",
    summary="The same elements in another shape or order, joined, parted, repeated, moved or bordered.",
    sources=(
        "Zhang, Lipton, Li, Smola, Dive into Deep Learning, section 2.1",
        "Shi et al. 2016, Real-Time Single Image and Video Super-Resolution, section 3.2 (pixel shuffle)",
    ),
    differences=(
        Difference(
            "D019",
            "the features that Flatten makes of an image",
            tf="N H W C: pixel by pixel",
            torch="N C H W: channel by channel",
            ours="both orders, each under its own name: a dense layer's weights fit only one of them",
        ),
        Difference(
            "D021",
            "channels as blocks of pixels",
            tf="depth_to_space reads the channels as (block, block, C), in N H W C",
            torch="pixel_shuffle reads them as (C, block, block), in N C H W",
            ours="PyTorch's order; with a single channel left, both are the same",
        ),
        Difference(
            "D026",
            "order of the pads",
            tf="a pair for each axis, the first axis first",
            torch="one flat list, the last axis first",
            ours="((top, bottom), (left, right))",
        ),
        Difference(
            "D027",
            "mirrored borders that repeat the edge",
            tf="SYMMETRIC",
            torch="there is none; reflect and replicate are something else",
            ours="symmetric: PyTorch joins flipped parts",
        ),
        Difference(
            "D247",
            "default indexing of meshgrid",
            tf="xy",
            torch="ij, with a warning",
            ours="no default",
        ),
        Difference(
            "D248",
            "split(x, 2)",
            tf="2 pieces; raises InvalidArgumentError unless they are equal",
            torch="pieces of size 2; chunk(2) makes 2 pieces, unequal or fewer if need be",
            ours="split takes the number of pieces, split_sizes their sizes; ValueError unless they fit",
        ),
        Difference(
            "D249",
            "repeat",
            tf="tf.repeat repeats elements; tf.tile repeats all, and wants as many multiples as axes",
            torch="Tensor.repeat tiles; repeat_interleave repeats elements",
            ours="repeat for elements, tile for all, as in NumPy",
        ),
        Difference(
            "D255",
            "quarter turns",
            tf="tf.image.rot90 turns H W C; keras.ops.rot90 turns other axes than the first two wrongly by 180 degrees",
            torch="rot90 turns the first two axes unless told",
            ours="H and W of N C H W",
        ),
        Difference(
            "D256",
            "transpose without arguments",
            tf="reverses all axes",
            torch="swaps the two axes it is given, and wants them",
            ours="transpose reverses all, swapaxes swaps two",
        ),
        Difference(
            "X-axis-error",
            "an axis that does not exist",
            tf="raises InvalidArgumentError or ValueError, by function",
            torch="raises IndexError",
            ours="IndexError",
        ),
        Difference(
            "X-block-one",
            "blocks of one pixel",
            tf="depth_to_space raises InvalidArgumentError",
            torch="nothing changes",
            ours="nothing changes",
            demo=Demo(
                tf="tf.nn.depth_to_space(maps, 1)",
                torch="torch.nn.functional.pixel_shuffle(maps, 1)",
            ),
        ),
        Difference(
            "X-broadcast-minus-one",
            "size -1 in broadcast_to",
            tf="raises InvalidArgumentError",
            torch="keeps the size",
            ours="ValueError, as in NumPy",
            demo=Demo(
                tf="tf.broadcast_to(tf.constant([2.0, 3.0]), (2, -1))",
                torch="torch.broadcast_to(torch.tensor([2.0, 3.0]), (2, -1))",
            ),
        ),
        Difference(
            "X-concatenate-empty",
            "joining a tensor of shape (0,) to a matrix",
            tf="raises InvalidArgumentError",
            torch="leaves it out",
            ours="ValueError, as in NumPy",
            demo=Demo(
                tf="tf.concat([tf.zeros(0), tf.ones((2, 1))], 0)",
                torch="torch.cat([torch.zeros(0), torch.ones(2, 1)], 0)",
            ),
        ),
        Difference(
            "X-pad-empty",
            "reflecting no image at all",
            tf="raises InvalidArgumentError",
            torch="gives no image, of the padded size",
            ours="gives no image, of the padded size",
            demo=Demo(
                tf='tf.pad(tf.zeros((0, 3, 4, 1)), [[0, 0], [1, 1], [1, 1], [0, 0]], "REFLECT")',
                torch='torch.nn.functional.pad(torch.zeros(0, 1, 3, 4), [1, 1, 1, 1], "reflect")',
            ),
        ),
        Difference(
            "X-pad-negative",
            "negative pads, and modes that only one side has",
            tf="raises InvalidArgumentError for negative pads, ValueError for other modes",
            torch="crops; knows replicate and circular, too",
            ours="ValueError for both",
            demo=Demo(
                tf="tf.pad(sorted_row, [[-1, -2]])",
                torch="torch.nn.functional.pad(sorted_row, [-1, -2])",
            ),
        ),
        Difference(
            "X-reshape-empty",
            "-1 beside a size 0",
            tf="leaves the 0 out and divides by the other sizes",
            torch="raises RuntimeError: any number would do",
            ours="ValueError, as in NumPy",
            demo=Demo(
                tf="tf.reshape(tf.zeros((0, 7)), (0, -1))",
                torch="torch.reshape(torch.zeros(0, 7), (0, -1))",
            ),
        ),
        Difference(
            "X-shape-error",
            "shapes that do not fit",
            tf="raises InvalidArgumentError",
            torch="raises RuntimeError",
            ours="ValueError",
        ),
        Difference(
            "X-split-rest",
            "a piece of size -1",
            tf="means the rest",
            torch="raises RuntimeError",
            ours="ValueError",
            demo=Demo(
                tf="tf.split(sorted_row, [2, -1])",
                torch="torch.split(sorted_row, [2, -1])",
            ),
        ),
        Difference(
            "X-squeeze-size",
            "removing an axis whose size is not 1",
            tf="raises InvalidArgumentError",
            torch="returns the tensor as it is",
            ours="ValueError, as in NumPy",
            demo=Demo(
                tf="tf.squeeze(sorted_row, 0)",
                torch="torch.squeeze(sorted_row, 0)",
            ),
        ),
    ),
    cases=(
        *_accepted(
            "reshape",
            lambda x, shape: np.reshape(x, shape),
            ("", {"x": _CUBE, "shape": (7, 15)}),
            ("rest", {"x": _CUBE, "shape": (3, -1, 5)}),
            ("vector", {"x": _CUBE, "shape": (-1,)}),
            ("scalar", {"x": _MATRIX[:1, :1], "shape": ()}),
            ("of_scalar", {"x": _SCALAR, "shape": (1, -1)}),
            ("integers", {"x": _COUNTS, "shape": (7, 5)}),
            ("empty", {"x": _NO_ROWS, "shape": (3, 0, 5)}),
            ("empty_rest", {"x": _NO_ROWS, "shape": (7, -1)}),
        ),
        *_refused(
            "reshape",
            ValueError,
            ("too_large", {"x": _MATRIX, "shape": (6, 6)}),
            ("indivisible", {"x": _MATRIX, "shape": (-1, 6)}),
            ("two_rests", {"x": _MATRIX, "shape": (-1, -1)}),
            ("any_rest", {"x": _NO_ROWS, "shape": (0, -1)}),
        ),
        *_accepted(
            "flatten_channels_first",
            lambda x: x.reshape(len(x), 105),
            ("", {"x": _IMAGES}),
            ("empty", {"x": _NO_IMAGES}),
        ),
        *_accepted("flatten_channels_last", _flatten_channels_last, ("", {"x": _IMAGES})),
        Case("flatten_channels_last", {"x": _NO_IMAGES}, lambda x: x.reshape(0, 105), label="empty"),
        *_accepted(
            "expand_dims",
            lambda x, axis: np.expand_dims(x, axis),
            ("", {"x": _MATRIX, "axis": 1}),
            ("last", {"x": _MATRIX, "axis": -1}),
            ("first", {"x": _MATRIX, "axis": -3}),
            ("of_scalar", {"x": _SCALAR, "axis": 0}),
        ),
        *_refused(
            "expand_dims",
            IndexError,
            ("above", {"x": _MATRIX, "axis": 3}),
            ("below", {"x": _MATRIX, "axis": -4}),
        ),
        *_accepted(
            "squeeze",
            lambda x, axis: np.squeeze(x, axis),
            ("", {"x": _CUBE[:, None], "axis": 1}),
            ("negative", {"x": _MATRIX[:1, :, None], "axis": -1}),
            ("one_of_two", {"x": _MATRIX[:1, :, None], "axis": 0}),
            ("to_scalar", {"x": _MATRIX[0, :1], "axis": 0}),
        ),
        *_refused("squeeze", ValueError, ("larger", {"x": _MATRIX, "axis": 0}), ("none", {"x": _NO_ROWS, "axis": 0})),
        *_refused(
            "squeeze",
            IndexError,
            ("above", {"x": _MATRIX[:1], "axis": 2}),
            ("below", {"x": _MATRIX[:1], "axis": -3}),
        ),
        *_accepted(
            "broadcast_to",
            lambda x, shape: np.broadcast_to(x, shape),
            ("", {"x": _MATRIX[:, :1], "shape": (5, 3)}),
            ("new_axes", {"x": _MATRIX[:, None], "shape": (2, 5, 3, 7)}),
            ("of_scalar", {"x": _SCALAR, "shape": (5, 3)}),
            ("same", {"x": _MATRIX, "shape": (5, 7)}),
            ("empty", {"x": _MATRIX[:1], "shape": (0, 7)}),
        ),
        *_refused(
            "broadcast_to",
            ValueError,
            ("shrink", {"x": _MATRIX, "shape": (5, 1)}),
            ("other_size", {"x": _MATRIX, "shape": (5, 14)}),
            ("fewer_axes", {"x": _MATRIX, "shape": (7,)}),
            ("minus_one", {"x": _MATRIX, "shape": (-1, 7)}),
        ),
        *_accepted(
            "transpose",
            lambda x: np.transpose(x),
            ("", {"x": _IMAGES}),
            ("matrix", {"x": _MATRIX}),
            ("scalar", {"x": _SCALAR}),
            ("empty", {"x": _NO_ROWS}),
        ),
        *_accepted(
            "permute",
            lambda x, axes: np.transpose(x, axes),
            ("", {"x": _IMAGES, "axes": (0, 2, 3, 1)}),
            ("negative", {"x": _CUBE, "axes": (-1, 0, -2)}),
            ("scalar", {"x": _SCALAR, "axes": ()}),
            ("integers", {"x": _COUNTS, "axes": (1, 0)}),
        ),
        *_refused(
            "permute",
            ValueError,
            ("repeated", {"x": _CUBE, "axes": (0, 1, 1)}),
            ("repeated_negative", {"x": _CUBE, "axes": (0, 2, -1)}),
            ("missing", {"x": _CUBE, "axes": (1, 0)}),
        ),
        *_refused("permute", IndexError, ("above", {"x": _CUBE, "axes": (0, 1, 3)})),
        *_accepted(
            "swapaxes",
            lambda x, first, second: np.swapaxes(x, first, second),
            ("", {"x": _IMAGES, "first": 0, "second": 2}),
            ("negative", {"x": _IMAGES, "first": -1, "second": 1}),
            ("same", {"x": _MATRIX, "first": 1, "second": -1}),
        ),
        *_refused("swapaxes", IndexError, ("above", {"x": _CUBE, "first": 3, "second": 0})),
        *_accepted(
            "moveaxis",
            lambda x, source, destination: np.moveaxis(x, source, destination),
            ("", {"x": _IMAGES, "source": 1, "destination": -1}),
            ("forward", {"x": _IMAGES, "source": -1, "destination": 0}),
            ("inside", {"x": _IMAGES, "source": 0, "destination": 2}),
        ),
        *_refused("moveaxis", IndexError, ("below", {"x": _CUBE, "source": 0, "destination": -4})),
        *_accepted(
            "concatenate",
            lambda x, y, axis: np.concatenate((x, y), axis),
            ("", {"x": _MATRIX, "y": _OTHER[:3], "axis": 0}),
            ("last", {"x": _CUBE, "y": _RNG.normal(size=(5, 7, 2)), "axis": -1}),
            ("integers", {"x": _COUNTS, "y": _COUNTS[:, :2], "axis": 1}),
            ("empty", {"x": _MATRIX, "y": _NO_ROWS, "axis": 0}),
        ),
        *_refused(
            "concatenate",
            ValueError,
            ("other_width", {"x": _MATRIX, "y": _OTHER[:, :3], "axis": 0}),
            ("other_axes", {"x": _MATRIX, "y": _OTHER[0], "axis": 0}),
            ("empty_vector", {"x": np.empty(0), "y": _MATRIX, "axis": 0}),
            ("scalars", {"x": _SCALAR, "y": _SCALAR, "axis": 0}),
        ),
        *_refused("concatenate", IndexError, ("above", {"x": _MATRIX, "y": _OTHER, "axis": 2})),
        *_accepted(
            "stack",
            lambda x, y, axis: np.stack((x, y), axis),
            ("", {"x": _MATRIX, "y": _OTHER, "axis": 0}),
            ("last", {"x": _MATRIX, "y": _OTHER, "axis": -1}),
            ("middle", {"x": _MATRIX, "y": _OTHER, "axis": -2}),
            ("scalars", {"x": _SCALAR, "y": np.array(0.7), "axis": 0}),
            ("empty", {"x": _NO_ROWS, "y": _NO_ROWS, "axis": 1}),
        ),
        *_refused("stack", ValueError, ("other_shape", {"x": _MATRIX, "y": _OTHER[:1], "axis": 0})),
        *_refused("stack", IndexError, ("above", {"x": _MATRIX, "y": _OTHER, "axis": 3})),
        *_accepted(
            "unstack",
            lambda x, axis: list(np.moveaxis(x, axis, 0)),
            ("", {"x": _CUBE, "axis": 0}),
            ("last", {"x": _CUBE, "axis": -1}),
            ("vector", {"x": _MATRIX[0], "axis": 0}),
        ),
        *_refused("unstack", IndexError, ("above", {"x": _MATRIX, "axis": 2}), ("scalar", {"x": _SCALAR, "axis": 0})),
        *_accepted(
            "split",
            lambda x, pieces, axis: np.split(x, pieces, axis),
            ("", {"x": _RNG.normal(size=(6, 5)), "pieces": 2, "axis": 0}),
            ("last", {"x": _CUBE, "pieces": 3, "axis": -1}),
            ("one", {"x": _MATRIX, "pieces": 1, "axis": 1}),
            ("empty", {"x": _NO_ROWS, "pieces": 2, "axis": 0}),
        ),
        *_refused(
            "split",
            ValueError,
            ("unequal", {"x": _MATRIX, "pieces": 2, "axis": 0}),
            ("too_many", {"x": _MATRIX, "pieces": 8, "axis": 1}),
            ("none", {"x": _MATRIX, "pieces": 0, "axis": 0}),
        ),
        *_refused("split", IndexError, ("above", {"x": _MATRIX, "pieces": 1, "axis": 2})),
        *_accepted(
            "split_sizes",
            _split_sizes,
            ("", {"x": _MATRIX, "sizes": (2, 1, 4), "axis": 1}),
            ("negative_axis", {"x": _CUBE, "sizes": (2, 5), "axis": -2}),
            ("with_empty", {"x": _MATRIX, "sizes": (0, 5), "axis": 0}),
        ),
        *_refused(
            "split_sizes",
            ValueError,
            ("too_few", {"x": _MATRIX, "sizes": (2, 2), "axis": 0}),
            ("too_many", {"x": _MATRIX, "sizes": (2, 4), "axis": 0}),
            ("rest", {"x": _MATRIX, "sizes": (2, -1), "axis": 0}),
            ("negative", {"x": _MATRIX, "sizes": (7, -2), "axis": 0}),
        ),
        *_refused("split_sizes", IndexError, ("below", {"x": _MATRIX, "sizes": (5,), "axis": -3})),
        *_accepted(
            "repeat",
            lambda x, repeats, axis: np.repeat(x, repeats, axis),
            ("", {"x": _CUBE, "repeats": 2, "axis": 1}),
            ("last", {"x": _MATRIX, "repeats": 3, "axis": -1}),
            ("nothing", {"x": _MATRIX, "repeats": 0, "axis": 0}),
        ),
        *_refused("repeat", ValueError, ("negative", {"x": _MATRIX, "repeats": -1, "axis": 0})),
        *_refused("repeat", IndexError, ("above", {"x": _MATRIX, "repeats": 2, "axis": 2})),
        *_accepted(
            "tile",
            lambda x, multiples: np.tile(x, multiples),
            ("", {"x": _MATRIX, "multiples": (2, 3)}),
            ("fewer", {"x": _CUBE, "multiples": (2, 1)}),
            ("more", {"x": _MATRIX, "multiples": (2, 1, 3)}),
            ("of_scalar", {"x": _SCALAR, "multiples": (5,)}),
            ("nothing", {"x": _MATRIX, "multiples": (0, 2)}),
        ),
        *_refused("tile", ValueError, ("negative", {"x": _MATRIX, "multiples": (-1, 2)})),
        *_accepted(
            "flip",
            lambda x, axes: np.flip(x, axes),
            ("", {"x": _CUBE, "axes": (1,)}),
            ("two", {"x": _CUBE, "axes": (0, -1)}),
            ("none", {"x": _CUBE, "axes": ()}),
            ("booleans", {"x": _LABELLED, "axes": (1,)}),
        ),
        *_refused(
            "flip",
            ValueError,
            ("repeated", {"x": _CUBE, "axes": (1, 1)}),
            ("repeated_negative", {"x": _CUBE, "axes": (1, -2)}),
        ),
        *_refused("flip", IndexError, ("above", {"x": _CUBE, "axes": (3,)})),
        *_accepted(
            "roll",
            lambda x, shift, axis: np.roll(x, shift, axis),
            ("", {"x": _MATRIX, "shift": 2, "axis": 1}),
            ("back", {"x": _MATRIX, "shift": -1, "axis": 0}),
            ("around", {"x": _CUBE, "shift": -23, "axis": -2}),
            ("empty", {"x": _NO_ROWS, "shift": 3, "axis": 0}),
        ),
        *_refused("roll", IndexError, ("below", {"x": _MATRIX, "shift": 1, "axis": -3})),
        *_accepted(
            "rot90",
            lambda x, turns: np.rot90(x, turns, (2, 3)),
            *((f"{turns}_turns", {"x": _IMAGES, "turns": turns}) for turns in (0, 1, 2, 3, 5, -1)),
            ("empty", {"x": _NO_IMAGES, "turns": 1}),
        ),
        *_accepted(
            "pad",
            _pad,
            *(
                (f"{mode}_{label}", {"x": _IMAGES, "pads": pads, "mode": mode})
                for mode in ("constant", "reflect", "symmetric")
                for label, pads in (
                    ("uneven", ((2, 1), (3, 4))),
                    ("nothing", ((0, 0), (0, 0))),
                    ("one_side", ((0, 3), (0, 0))),
                    ("largest", ((4, 0), (6, 6))),
                )
            ),
            ("symmetric_whole", {"x": _IMAGES, "pads": ((5, 5), (7, 7)), "mode": "symmetric"}),
            ("reflect_empty", {"x": _NO_IMAGES, "pads": ((2, 1), (3, 4)), "mode": "reflect"}),
            ("constant_beyond", {"x": _IMAGES, "pads": ((0, 11), (13, 0)), "mode": "constant"}),
        ),
        *_refused(
            "pad",
            ValueError,
            ("constant_negative", {"x": _IMAGES, "pads": ((-1, 0), (0, 0)), "mode": "constant"}),
            ("symmetric_negative", {"x": _IMAGES, "pads": ((0, 0), (0, -1)), "mode": "symmetric"}),
            ("reflect_too_large", {"x": _IMAGES, "pads": ((5, 0), (0, 0)), "mode": "reflect"}),
            ("symmetric_too_large", {"x": _IMAGES, "pads": ((0, 0), (0, 8)), "mode": "symmetric"}),
            ("other_mode", {"x": _IMAGES, "pads": ((1, 1), (1, 1)), "mode": "circular"}),
        ),
        *_accepted(
            "meshgrid",
            lambda x, y, indexing: np.meshgrid(x, y, indexing=indexing),
            *(
                (indexing, {"x": _RNG.normal(size=5), "y": _RNG.normal(size=3), "indexing": indexing})
                for indexing in ("ij", "xy")
            ),
            ("integers", {"x": _COUNTS[0], "y": _COUNTS[:, 0], "indexing": "xy"}),
            ("empty", {"x": np.empty(0), "y": _MATRIX[0], "indexing": "ij"}),
        ),
        *_refused("meshgrid", ValueError, ("other_indexing", {"x": _MATRIX[0], "y": _MATRIX[1], "indexing": "ji"})),
        *_accepted(
            "pixel_shuffle",
            _pixel_shuffle,
            ("", {"x": _RNG.normal(size=(2, 12, 5, 3)), "block": 2}),
            ("three", {"x": _RNG.normal(size=(1, 18, 2, 3)), "block": 3}),
            ("one", {"x": _IMAGES, "block": 1}),
            ("empty", {"x": np.empty((0, 12, 5, 3)), "block": 2}),
        ),
        *_refused(
            "pixel_shuffle",
            ValueError,
            ("indivisible", {"x": _IMAGES, "block": 2}),
            ("no_block", {"x": _IMAGES, "block": 0}),
        ),
    ),
)
