"""Receptive field, computed from the layers and measured by a gradient, in PyTorch.

    size_l  = size_(l-1) + (kernel_l - 1) dilation_l jump_(l-1)
    jump_l  = jump_(l-1) stride_l
    start_l = start_(l-1) - padding_l jump_(l-1)

from size 1, jump 1 and start 0: along one axis, as all axes are alike.
"""

import torch
from torch.nn import functional as F

from dualnet.concepts.convnets.receptive_field import Field, Layer, Seen, output_sizes

__all__ = ["measured_field", "receptive_field"]


def receptive_field(
    kernels: torch.Tensor, strides: torch.Tensor, paddings: torch.Tensor, dilations: torch.Tensor
) -> Field:
    """Size, jump and start of the receptive field behind each layer.

    Args:
        kernels, strides, paddings, dilations: (L,) int64, of the layers from the input on.

    Returns:
        Three times (L,) int64, in elements of the input.
    """
    jumps = torch.cumprod(strides, 0)  # (L,)
    before = torch.cat((jumps.new_ones(1), jumps))[: len(jumps)]  # (L,)  # differs: D246
    sizes = 1 + torch.cumsum((kernels - 1) * dilations * before, 0)  # (L,)
    return Field(sizes, jumps, -torch.cumsum(paddings * before, 0))


def measured_field(size: int, layers: tuple[Layer, ...]) -> Seen:
    """The elements by which the middle output of a stack of convolutions with ones has a gradient.

    Args:
        size: of the input.
        layers: from the input on.

    Returns:
        Three times () int64: the first and the last such element, and how many there are.

    Raises:
        ValueError: a layer has no output, or there is no layer.
    """
    *_, outputs = output_sizes(size, layers)
    x = torch.ones(1, 1, size, dtype=torch.float64, requires_grad=True)
    y = x  # (1, 1, T)
    for kernel, stride, padding, dilation in layers:
        ones = torch.ones(1, 1, kernel, dtype=torch.float64)  # differs: D009
        y = F.conv1d(y, ones, stride=stride, padding=padding, dilation=dilation)  # differs: D023
    (gradient,) = torch.autograd.grad(y[0, 0, outputs // 2], x)
    places = gradient[0, 0].nonzero()[:, 0]
    return Seen(places[0], places[-1], torch.tensor(len(places)))
