"""Changing a tensor's shape and the order of its elements, in TensorFlow.

Images are N H W C in TensorFlow; here they come as N C H W, and are turned where an operation wants it. No result
shares memory that can be written: tensors are immutable.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import tensorflow as tf
from keras import ops

__all__ = [
    "broadcast_to",
    "concatenate",
    "expand_dims",
    "flatten_channels_first",
    "flatten_channels_last",
    "flip",
    "meshgrid",
    "moveaxis",
    "pad",
    "permute",
    "pixel_shuffle",
    "repeat",
    "reshape",
    "roll",
    "rot90",
    "split",
    "split_sizes",
    "squeeze",
    "stack",
    "swapaxes",
    "tile",
    "transpose",
    "unstack",
]


@contextmanager
def _value_error(expected: str) -> Iterator[None]:
    try:
        yield
    except tf.errors.InvalidArgumentError as error:  # differs: X-shape-error
        raise ValueError(f"expected {expected}: {error}") from error


def _axis(axis: int, count: int) -> int:
    if not -count <= axis < count:  # differs: X-axis-error raises InvalidArgumentError or ValueError
        raise IndexError(f"axis {axis}: expected one in [{-count}, {count})")
    return axis % count


# --- shape --------------------------------------------------------------------------------------------------


def reshape(x: tf.Tensor, shape: tuple[int, ...]) -> tf.Tensor:
    """The same elements in the same order, last axis fastest, in another shape; one size may be -1: the rest.

    Raises:
        ValueError: the shape has another number of elements, or does not determine the rest.
    """
    if -1 in shape and 0 in shape:  # differs: X-reshape-empty leaves the other 0 out, and divides
        raise ValueError(f"shape {shape}: expected no size 0 beside -1, which could be any number")
    with _value_error(f"a shape for {tf.size(x)} elements"):
        return tf.reshape(x, shape)


def flatten_channels_first(x: tf.Tensor) -> tf.Tensor:
    """Features of images (N, C, H, W), channel by channel, as PyTorch's Flatten lists them: (N, C H W)."""
    return tf.reshape(x, (len(x), -1))  # (N, C H W)  # differs: D019 the order behind PyTorch's dense weights


def flatten_channels_last(x: tf.Tensor) -> tf.Tensor:
    """Features of images (N, C, H, W), pixel by pixel, as Keras' Flatten lists them: (N, H W C)."""
    x = tf.transpose(x, (0, 2, 3, 1))  # (N, H, W, C)
    return tf.reshape(x, (len(x), -1))  # (N, H W C)


def expand_dims(x: tf.Tensor, axis: int) -> tf.Tensor:
    """A new axis of size 1 in this place of the result.

    Raises:
        IndexError: the result has no such axis.
    """
    return tf.expand_dims(x, _axis(axis, x.ndim + 1))


def squeeze(x: tf.Tensor, axis: int) -> tf.Tensor:
    """The tensor without this axis, which must be of size 1.

    Raises:
        IndexError: there is no such axis.
        ValueError: its size is not 1.
    """
    with _value_error(f"size 1 on axis {axis} of {tuple(x.shape)}"):
        return tf.squeeze(x, _axis(axis, x.ndim))


def broadcast_to(x: tf.Tensor, shape: tuple[int, ...]) -> tf.Tensor:
    """The tensor repeated along new axes in front and axes of size 1.

    Raises:
        ValueError: the shape is none that x broadcasts to.
    """
    with _value_error(f"a shape that {tuple(x.shape)} broadcasts to"):
        return tf.broadcast_to(x, shape)


# --- order of axes ------------------------------------------------------------------------------------------


def transpose(x: tf.Tensor) -> tf.Tensor:
    """All axes in reverse order: (A, B, C) gives (C, B, A)."""
    return tf.transpose(x)  # differs: D256


def permute(x: tf.Tensor, axes: tuple[int, ...]) -> tf.Tensor:
    """The axes of x in this order; negative ones count from the last.

    Raises:
        IndexError: there is no such axis.
        ValueError: an axis is missing or repeated.
    """
    with _value_error(f"each of {x.ndim} axes once"):
        return tf.transpose(x, [_axis(axis, x.ndim) for axis in axes])


def swapaxes(x: tf.Tensor, first: int, second: int) -> tf.Tensor:
    """Two axes exchanged.

    Raises:
        IndexError: there is no such axis.
    """
    return ops.swapaxes(x, _axis(first, x.ndim), _axis(second, x.ndim))


def moveaxis(x: tf.Tensor, source: int, destination: int) -> tf.Tensor:
    """One axis moved to another place; the others keep their order.

    Raises:
        IndexError: there is no such axis.
    """
    return ops.moveaxis(x, _axis(source, x.ndim), _axis(destination, x.ndim))


# --- joining and parting ------------------------------------------------------------------------------------


def concatenate(x: tf.Tensor, y: tf.Tensor, axis: int) -> tf.Tensor:
    """Two tensors end to end along an axis.

    Raises:
        IndexError: there is no such axis.
        ValueError: the other axes differ.
    """
    if x.ndim == 0 or x.ndim != y.ndim:
        raise ValueError(f"shapes {tuple(x.shape)} and {tuple(y.shape)}: expected equally many axes, at least 1")
    with _value_error("shapes that agree outside the axis"):
        return tf.concat((x, y), _axis(axis, x.ndim))


def stack(x: tf.Tensor, y: tf.Tensor, axis: int) -> tf.Tensor:
    """Two tensors of one shape side by side along a new axis, of size 2.

    Raises:
        IndexError: the result has no such axis.
        ValueError: the shapes differ.
    """
    with _value_error("equal shapes"):
        return tf.stack((x, y), _axis(axis, x.ndim + 1))


def unstack(x: tf.Tensor, axis: int) -> tuple[tf.Tensor, ...]:
    """The slices along an axis, each without it.

    Raises:
        IndexError: there is no such axis.
    """
    return tuple(tf.unstack(x, axis=_axis(axis, x.ndim)))


def split(x: tf.Tensor, pieces: int, axis: int) -> tuple[tf.Tensor, ...]:
    """Pieces of equal size, this many, along an axis.

    Raises:
        IndexError: there is no such axis.
        ValueError: its size is not divisible by their number.
    """
    with _value_error(f"a divisor of axis {axis} of {tuple(x.shape)}"):
        return tuple(tf.split(x, pieces, _axis(axis, x.ndim)))  # differs: D248 takes the number of pieces


def split_sizes(x: tf.Tensor, sizes: tuple[int, ...], axis: int) -> tuple[tf.Tensor, ...]:
    """Pieces of these sizes along an axis.

    Raises:
        IndexError: there is no such axis.
        ValueError: a size is negative, or they do not add up to the axis.
    """
    axis = _axis(axis, x.ndim)
    if min(sizes, default=0) < 0 or sum(sizes) != x.shape[axis]:  # differs: X-split-rest -1 means the rest
        raise ValueError(f"sizes {sizes} of axis {axis} of {tuple(x.shape)}: expected them to add up to it")
    return tuple(tf.split(x, sizes, axis))


# --- repeating and moving -----------------------------------------------------------------------------------


def repeat(x: tf.Tensor, repeats: int, axis: int) -> tf.Tensor:
    """Each slice along an axis this many times in a row: a a b b c c.

    Raises:
        IndexError: there is no such axis.
        ValueError: the number is negative.
    """
    with _value_error("0 repeats or more"):
        return tf.repeat(x, repeats, _axis(axis, x.ndim))  # differs: D249


def tile(x: tf.Tensor, multiples: tuple[int, ...]) -> tf.Tensor:
    """The whole tensor this many times along each axis, the last ones if they are fewer: a b c a b c.

    Raises:
        ValueError: a number is negative.
    """
    with _value_error("multiples of 0 or more"):
        return ops.tile(x, multiples)  # differs: D249 tf.tile wants as many multiples as axes


def flip(x: tf.Tensor, axes: tuple[int, ...]) -> tf.Tensor:
    """The elements in reverse order along these axes.

    Raises:
        IndexError: there is no such axis.
        ValueError: an axis is repeated.
    """
    with _value_error("each axis at most once"):
        return tf.reverse(x, [_axis(axis, x.ndim) for axis in axes])


def roll(x: tf.Tensor, shift: int, axis: int) -> tf.Tensor:
    """The elements moved towards the end of an axis, those that leave it coming in again in front.

    Raises:
        IndexError: there is no such axis.
    """
    return tf.roll(x, shift, _axis(axis, x.ndim))


def rot90(x: tf.Tensor, turns: int = 1) -> tf.Tensor:
    """Images (N, C, H, W) turned counter-clockwise by quarter turns; an odd number exchanges H and W."""
    x = tf.transpose(x, (0, 2, 3, 1))  # (N, H, W, C)  # differs: D255 keras.ops.rot90 turns half turns wrongly
    x = tf.image.rot90(x, turns)
    return tf.transpose(x, (0, 3, 1, 2))  # (N, C, H, W)


# --- images and grids ---------------------------------------------------------------------------------------


def pad(x: tf.Tensor, pads: tuple[tuple[int, int], tuple[int, int]], mode: str = "constant") -> tf.Tensor:
    """Images (N, C, H, W) with a border: (N, C, top + H + bottom, left + W + right).

    Args:
        x: (N, C, H, W).
        pads: ((top, bottom), (left, right)), in pixels.
        mode: constant (zeros), reflect (c b | a b c | b a) or symmetric (b a | a b c | c b).

    Raises:
        ValueError: another mode, or a pad that is negative or larger than what there is to mirror.
    """
    _check_pads(x, pads, mode)
    if 0 in x.shape[:2]:  # differs: X-pad-empty reflect wants a pixel on every axis, padded or not
        mode = "constant"
    return tf.pad(x, ((0, 0), (0, 0), *pads), mode)  # differs: D026, D027


def _check_pads(x: tf.Tensor, pads: tuple[tuple[int, int], tuple[int, int]], mode: str) -> None:
    if mode not in ("constant", "reflect", "symmetric"):
        raise ValueError(f"mode {mode!r}: expected constant, reflect or symmetric")
    for size, sides in zip(x.shape[2:], pads, strict=True):
        most = {"constant": float("inf"), "reflect": size - 1, "symmetric": size}[mode]
        if not 0 <= min(sides) <= max(sides) <= most:
            raise ValueError(f"pads {sides} of size {size}, {mode}: expected 0 to {most}")


def meshgrid(x: tf.Tensor, y: tf.Tensor, indexing: str) -> tuple[tf.Tensor, tf.Tensor]:
    """The coordinates of all points of a grid, from x (A,) and y (B,): (A, B) each for ij, (B, A) each for xy.

    Raises:
        ValueError: another indexing.
    """
    return tuple(tf.meshgrid(x, y, indexing=indexing))  # differs: D247 the default is xy


def pixel_shuffle(x: tf.Tensor, block: int) -> tf.Tensor:
    """Channels laid out as blocks of pixels: (N, C block block, H, W) gives (N, C, H block, W block).

    Channel (c block + i) block + j becomes row i and column j of each block of channel c.

    Raises:
        ValueError: the number of channels is not divisible by block block.

    Source:
        Shi et al. 2016, Real-Time Single Image and Video Super-Resolution, section 3.2.
    """
    batch, channels, height, width = x.shape
    if block < 1 or channels % block**2:
        raise ValueError(f"{channels} channels in blocks of {block}: expected a multiple of its square")
    x = tf.reshape(x, (batch, channels // block**2, block**2, height, width))
    x = tf.transpose(x, (0, 3, 4, 2, 1))  # (N, H, W, block block, C)  # differs: D021 TensorFlow's order
    x = tf.reshape(x, (batch, height, width, channels))
    if block > 1:  # differs: X-block-one raises InvalidArgumentError
        x = tf.nn.depth_to_space(x, block)  # (N, H block, W block, C)
    return tf.transpose(x, (0, 3, 1, 2))  # (N, C, H block, W block)
