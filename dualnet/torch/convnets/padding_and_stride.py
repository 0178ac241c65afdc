"""Padding, stride and dilation, in PyTorch.

A window stands at every stride-th element of the padded axis, and reads every dilation-th element from there:

    outputs = floor((size + before + after - dilation * (kernel - 1) - 1) / stride) + 1

PyTorch pads both ends of an axis alike; other paddings are put explicitly. Images are N C H W and weights
(out, in, height, width).
"""

import torch
from torch.nn import functional as F

from dualnet.concepts.convnets.padding_and_stride import Padding, Pairs, output_sizes
from dualnet.interface import choose

__all__ = [
    "causal_conv1d",
    "conv2d",
    "conv2d_from_scratch",
    "conv2d_same",
    "output_size",
    "pad",
    "same_padding",
]


# --- sizes --------------------------------------------------------------------------------------------------


def output_size(
    size: torch.Tensor,
    kernel: torch.Tensor,
    before: torch.Tensor,
    after: torch.Tensor,
    stride: torch.Tensor,
    dilation: torch.Tensor,
) -> torch.Tensor:
    """How many windows fit on an axis, element by element over integers that broadcast; 0 if none fits."""
    room = size + before + after - dilation * (kernel - 1) - 1
    return torch.clamp(room // stride + 1, min=0)


def same_padding(
    size: torch.Tensor, kernel: torch.Tensor, stride: torch.Tensor, dilation: torch.Tensor, convention: str
) -> Padding:
    """The zeros that "same" means, element by element over integers that broadcast.

    Args:
        size, kernel, stride, dilation: of an axis.
        convention: "tensorflow": so many that there are ceil(size / stride) outputs, the odd one at the end;
            "pytorch": dilation * (kernel - 1) // 2 at both ends, whatever the size.

    Raises:
        ValueError: there is no such convention.
    """
    span = dilation * (kernel - 1) + 1
    needed = torch.clamp((size - 1) // stride * stride + span - size, min=0)
    half = torch.broadcast_to((span - 1) // 2, needed.shape)
    return choose(
        {"tensorflow": Padding(needed // 2, needed - needed // 2), "pytorch": Padding(half, half)},
        convention,
        "convention",
    )


def pad(x: torch.Tensor, paddings: Pairs, value: float) -> torch.Tensor:
    """A tensor with so many copies of a value before and after each axis.

    Raises:
        ValueError: there is not one pair of sizes of at least 0 for each axis.
    """
    if len(paddings) != x.dim() or min(map(min, paddings)) < 0:
        raise ValueError(f"paddings {paddings}: expected {x.dim()} pairs of at least 0")
    return F.pad(x, [size for pair in reversed(paddings) for size in pair], value=value)  # differs: D026


# --- convolutions -------------------------------------------------------------------------------------------


def conv2d_from_scratch(
    x: torch.Tensor, weight: torch.Tensor, paddings: Pairs, stride: tuple[int, int], dilation: tuple[int, int]
) -> torch.Tensor:
    """A convolution as a sum over the kernel's elements, each of which reads a grid of pixels.

    Args:
        x: (N, C, H, W).
        weight: (O, C, A, B).
        paddings: ((top, bottom), (left, right)).
        stride, dilation: vertical and horizontal.

    Returns:
        (N, O, H', W') with the sizes of `output_size`.

    Raises:
        ValueError: no window fits, a padding is negative, or a stride or dilation is below 1.
    """
    rows, columns = output_sizes(x.shape[2:], weight.shape[2:], paddings, stride, dilation)
    x = pad(x, ((0, 0), (0, 0), *paddings), 0.0)

    def grid(a: int, b: int) -> torch.Tensor:
        top, left = a * dilation[0], b * dilation[1]
        bottom, right = top + (rows - 1) * stride[0] + 1, left + (columns - 1) * stride[1] + 1
        return x[:, :, top : bottom : stride[0], left : right : stride[1]]  # (N, C, H', W')

    return sum(
        torch.einsum("nchw,oc->nohw", grid(a, b), weight[:, :, a, b])
        for a in range(weight.shape[2])
        for b in range(weight.shape[3])
    )


def conv2d(
    x: torch.Tensor, weight: torch.Tensor, paddings: Pairs, stride: tuple[int, int], dilation: tuple[int, int]
) -> torch.Tensor:
    """`conv2d_from_scratch` by PyTorch's own operation."""
    output_sizes(x.shape[2:], weight.shape[2:], paddings, stride, dilation)  # differs: X-conv-no-window
    x = pad(x, ((0, 0), (0, 0), *paddings), 0.0)  # (N, C, H, W)
    return F.conv2d(x, weight, stride=stride, dilation=dilation)  # (N, O, H', W')


def conv2d_same(
    x: torch.Tensor, weight: torch.Tensor, stride: tuple[int, int], dilation: tuple[int, int], convention: str
) -> torch.Tensor:
    """A convolution with the padding of `same_padding`.

    Args:
        x: (N, C, H, W).
        weight: (O, C, A, B).
        stride, dilation: vertical and horizontal.
        convention: "tensorflow" or "pytorch".

    Returns:
        (N, O, ceil(H / stride), ceil(W / stride)); for "pytorch" with an even kernel, possibly one less.

    Raises:
        ValueError: no window fits.
    """
    if convention == "pytorch":
        half = [d * (size - 1) // 2 for d, size in zip(dilation, weight.shape[2:], strict=True)]  # differs: D004, D005
        output_sizes(x.shape[2:], weight.shape[2:], tuple((n, n) for n in half), stride, dilation)
        return F.conv2d(x, weight, stride=stride, padding=half, dilation=dilation)
    size, kernel, steps, gaps = (torch.tensor(axes) for axes in (x.shape[2:], weight.shape[2:], stride, dilation))
    before, after = same_padding(size, kernel, steps, gaps, convention)
    paddings = tuple(zip(before.tolist(), after.tolist(), strict=True))  # differs: D001, D002, D003
    return conv2d(x, weight, paddings, stride, dilation)


def causal_conv1d(x: torch.Tensor, weight: torch.Tensor, dilation: int) -> torch.Tensor:
    """A convolution over time that sees no later step.

    Args:
        x: (N, C, T).
        weight: (O, C, K).
        dilation: the distance of the steps that it reads.

    Returns:
        (N, O, T).

    Raises:
        ValueError: the dilation is below 1.
    """
    early = dilation * (weight.shape[2] - 1)
    output_sizes(x.shape[2:], weight.shape[2:], ((early, 0),), (1,), (dilation,))
    x = F.pad(x, (early, 0))  # (N, C, early + T)  # differs: D006
    return F.conv1d(x, weight, dilation=dilation)  # (N, O, T)
