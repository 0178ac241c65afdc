"""Changing a tensor's shape and the order of its elements, in PyTorch.

Images are N C H W here. Where it can, PyTorch returns a view: another way to read the same memory, which an
in-place change of either tensor would show in both.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch.nn import functional as F

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
    except RuntimeError as error:  # differs: X-shape-error
        raise ValueError(f"expected {expected}: {error}") from error


# --- shape --------------------------------------------------------------------------------------------------


def reshape(x: torch.Tensor, shape: tuple[int, ...]) -> torch.Tensor:
    """The same elements in the same order, last axis fastest, in another shape; one size may be -1: the rest.

    Raises:
        ValueError: the shape has another number of elements, or does not determine the rest.
    """
    with _value_error(f"a shape for {x.numel()} elements"):
        return x.reshape(shape)


def flatten_channels_first(x: torch.Tensor) -> torch.Tensor:
    """Features of images (N, C, H, W), channel by channel, as PyTorch's Flatten lists them: (N, C H W)."""
    return x.flatten(start_dim=1)  # (N, C H W)


def flatten_channels_last(x: torch.Tensor) -> torch.Tensor:
    """Features of images (N, C, H, W), pixel by pixel, as Keras' Flatten lists them: (N, H W C)."""
    x = x.permute(0, 2, 3, 1)  # (N, H, W, C)  # differs: D019 the order behind Keras' dense weights
    return x.flatten(start_dim=1)  # (N, H W C)


def expand_dims(x: torch.Tensor, axis: int) -> torch.Tensor:
    """A new axis of size 1 in this place of the result.

    Raises:
        IndexError: the result has no such axis.
    """
    return x.unsqueeze(axis)


def squeeze(x: torch.Tensor, axis: int) -> torch.Tensor:
    """The tensor without this axis, which must be of size 1.

    Raises:
        IndexError: there is no such axis.
        ValueError: its size is not 1.
    """
    y = x.squeeze(axis)
    if y.dim() == x.dim():  # differs: X-squeeze-size returned as it is
        raise ValueError(f"axis {axis} of {tuple(x.shape)}: expected size 1")
    return y


def broadcast_to(x: torch.Tensor, shape: tuple[int, ...]) -> torch.Tensor:
    """The tensor repeated along new axes in front and axes of size 1.

    Raises:
        ValueError: the shape is none that x broadcasts to.
    """
    if min(shape, default=0) < 0:  # differs: X-broadcast-minus-one means the size that x has
        raise ValueError(f"shape {shape}: expected no negative size")
    with _value_error(f"a shape that {tuple(x.shape)} broadcasts to"):
        return x.broadcast_to(shape)


# --- order of axes ------------------------------------------------------------------------------------------


def transpose(x: torch.Tensor) -> torch.Tensor:
    """All axes in reverse order: (A, B, C) gives (C, B, A)."""
    return x.permute(tuple(reversed(range(x.dim()))))  # differs: D256 transpose swaps two axes


def permute(x: torch.Tensor, axes: tuple[int, ...]) -> torch.Tensor:
    """The axes of x in this order; negative ones count from the last.

    Raises:
        IndexError: there is no such axis.
        ValueError: an axis is missing or repeated.
    """
    with _value_error(f"each of {x.dim()} axes once"):
        return x.permute(axes)


def swapaxes(x: torch.Tensor, first: int, second: int) -> torch.Tensor:
    """Two axes exchanged.

    Raises:
        IndexError: there is no such axis.
    """
    return x.transpose(first, second)


def moveaxis(x: torch.Tensor, source: int, destination: int) -> torch.Tensor:
    """One axis moved to another place; the others keep their order.

    Raises:
        IndexError: there is no such axis.
    """
    return x.movedim(source, destination)


# --- joining and parting ------------------------------------------------------------------------------------


def concatenate(x: torch.Tensor, y: torch.Tensor, axis: int) -> torch.Tensor:
    """Two tensors end to end along an axis.

    Raises:
        IndexError: there is no such axis.
        ValueError: the other axes differ.
    """
    if x.dim() == 0 or x.dim() != y.dim():  # differs: X-concatenate-empty one of shape (0,) would be left out
        raise ValueError(f"shapes {tuple(x.shape)} and {tuple(y.shape)}: expected equally many axes, at least 1")
    with _value_error("shapes that agree outside the axis"):
        return torch.cat((x, y), dim=axis)


def stack(x: torch.Tensor, y: torch.Tensor, axis: int) -> torch.Tensor:
    """Two tensors of one shape side by side along a new axis, of size 2.

    Raises:
        IndexError: the result has no such axis.
        ValueError: the shapes differ.
    """
    with _value_error("equal shapes"):
        return torch.stack((x, y), dim=axis)


def unstack(x: torch.Tensor, axis: int) -> tuple[torch.Tensor, ...]:
    """The slices along an axis, each without it.

    Raises:
        IndexError: there is no such axis.
    """
    return x.unbind(axis)


def split(x: torch.Tensor, pieces: int, axis: int) -> tuple[torch.Tensor, ...]:
    """Pieces of equal size, this many, along an axis.

    Raises:
        IndexError: there is no such axis.
        ValueError: its size is not divisible by their number.
    """
    if pieces < 1 or x.size(axis) % pieces:  # differs: D248 chunk would make them unequal, or fewer
        raise ValueError(f"{pieces} pieces of axis {axis} of {tuple(x.shape)}: expected a divisor of its size")
    return x.chunk(pieces, dim=axis)  # differs: D248 split takes the size of a piece


def split_sizes(x: torch.Tensor, sizes: tuple[int, ...], axis: int) -> tuple[torch.Tensor, ...]:
    """Pieces of these sizes along an axis.

    Raises:
        IndexError: there is no such axis.
        ValueError: a size is negative, or they do not add up to the axis.
    """
    if min(sizes, default=0) < 0 or sum(sizes) != x.size(axis):  # differs: X-split-rest raises RuntimeError
        raise ValueError(f"sizes {sizes} of axis {axis} of {tuple(x.shape)}: expected them to add up to it")
    return x.split(sizes, dim=axis)


# --- repeating and moving -----------------------------------------------------------------------------------


def repeat(x: torch.Tensor, repeats: int, axis: int) -> torch.Tensor:
    """Each slice along an axis this many times in a row: a a b b c c.

    Raises:
        IndexError: there is no such axis.
        ValueError: the number is negative.
    """
    with _value_error("0 repeats or more"):
        return x.repeat_interleave(repeats, dim=axis)  # differs: D249 Tensor.repeat tiles


def tile(x: torch.Tensor, multiples: tuple[int, ...]) -> torch.Tensor:
    """The whole tensor this many times along each axis, the last ones if they are fewer: a b c a b c.

    Raises:
        ValueError: a number is negative.
    """
    with _value_error("multiples of 0 or more"):
        return x.tile(multiples)  # differs: D249


def flip(x: torch.Tensor, axes: tuple[int, ...]) -> torch.Tensor:
    """The elements in reverse order along these axes.

    Raises:
        IndexError: there is no such axis.
        ValueError: an axis is repeated.
    """
    with _value_error("each axis at most once"):
        return x.flip(axes)


def roll(x: torch.Tensor, shift: int, axis: int) -> torch.Tensor:
    """The elements moved towards the end of an axis, those that leave it coming in again in front.

    Raises:
        IndexError: there is no such axis.
    """
    return x.roll(shift, axis)


def rot90(x: torch.Tensor, turns: int = 1) -> torch.Tensor:
    """Images (N, C, H, W) turned counter-clockwise by quarter turns; an odd number exchanges H and W."""
    return x.rot90(turns, dims=(-2, -1))  # differs: D255 the default is the first two axes


# --- images and grids ---------------------------------------------------------------------------------------


def pad(x: torch.Tensor, pads: tuple[tuple[int, int], tuple[int, int]], mode: str = "constant") -> torch.Tensor:
    """Images (N, C, H, W) with a border: (N, C, top + H + bottom, left + W + right).

    Args:
        x: (N, C, H, W).
        pads: ((top, bottom), (left, right)), in pixels.
        mode: constant (zeros), reflect (c b | a b c | b a) or symmetric (b a | a b c | c b).

    Raises:
        ValueError: another mode, or a pad that is negative or larger than what there is to mirror.
    """
    _check_pads(x, pads, mode)
    (top, bottom), (left, right) = pads
    if mode != "symmetric":
        return F.pad(x, (left, right, top, bottom), mode)  # differs: D026 the last axis first
    # differs: D027 PyTorch has no such mode
    height, width = x.shape[2:]
    x = torch.cat((x[..., :top, :].flip(-2), x, x[..., height - bottom :, :].flip(-2)), dim=-2)
    return torch.cat((x[..., :left].flip(-1), x, x[..., width - right :].flip(-1)), dim=-1)


def _check_pads(x: torch.Tensor, pads: tuple[tuple[int, int], tuple[int, int]], mode: str) -> None:
    if mode not in ("constant", "reflect", "symmetric"):
        raise ValueError(f"mode {mode!r}: expected constant, reflect or symmetric")
    for size, sides in zip(x.shape[2:], pads, strict=True):
        most = {"constant": float("inf"), "reflect": size - 1, "symmetric": size}[mode]
        if not 0 <= min(sides) <= max(sides) <= most:  # differs: X-pad-negative crops
            raise ValueError(f"pads {sides} of size {size}, {mode}: expected 0 to {most}")


def meshgrid(x: torch.Tensor, y: torch.Tensor, indexing: str) -> tuple[torch.Tensor, torch.Tensor]:
    """The coordinates of all points of a grid, from x (A,) and y (B,): (A, B) each for ij, (B, A) each for xy.

    Raises:
        ValueError: another indexing.
    """
    with _value_error("indexing ij or xy"):
        return torch.meshgrid(x, y, indexing=indexing)  # differs: D247 the default is ij


def pixel_shuffle(x: torch.Tensor, block: int) -> torch.Tensor:
    """Channels laid out as blocks of pixels: (N, C block block, H, W) gives (N, C, H block, W block).

    Channel (c block + i) block + j becomes row i and column j of each block of channel c.

    Raises:
        ValueError: the number of channels is not divisible by block block.

    Source:
        Shi et al. 2016, Real-Time Single Image and Video Super-Resolution, section 3.2.
    """
    if block < 1 or x.size(1) % block**2:
        raise ValueError(f"{x.size(1)} channels in blocks of {block}: expected a multiple of its square")
    return F.pixel_shuffle(x, block)
