"""What a convolutional network costs, in PyTorch.

    multiply-adds of a convolution  = weights * H_out * W_out      (each weight, once at each place)
    multiply-adds of a dense layer  = weights

On this side the layers are made on the meta device, where tensors have shapes and no numbers.
"""

import torch
from torch import nn

from dualnet.concepts.modern_convnets.conv_cost_analysis import (
    Comparison,
    Conv,
    Costs,
    FirstDense,
    Layer,
    Memory,
    Pool,
    check_layer,
    deep_stack,
    first_dense_index,
    wide_stack,
)

__all__ = ["deep_against_wide", "first_dense", "layer_costs", "training_memory"]


def native(layer: Layer, shape: torch.Size) -> nn.Module:
    """The layer on inputs of this shape, (1, C, H, W) or (1, F)."""
    if isinstance(layer, Conv):
        channels, kernel, stride, padding, groups = layer
        return nn.Conv2d(shape[1], channels, kernel, stride, padding, groups=groups, device="meta")  # differs: D001
    if isinstance(layer, Pool):
        return nn.MaxPool2d(layer.kernel, layer.stride, layer.padding)
    return nn.Sequential(nn.Flatten(), nn.Linear(shape.numel(), layer.units, device="meta"))


def layer_costs(shape: tuple[int, ...], layers: tuple[Layer, ...]) -> Costs:
    """Parameters, multiply-adds and activations of each layer, for one image.

    Args:
        shape: of the image, (C, H, W).
        layers: from the image on.

    Returns:
        Three times (L,) int64.

    Raises:
        ValueError: a layer cannot follow the one before it.
    """
    x = torch.empty(1, *shape, device="meta")  # differs: X-shapes-alone
    rows = []
    for layer in layers:
        check_layer(tuple(x.shape[1:]), layer)
        module = native(layer, x.shape)
        x = module(x)
        sizes = [(p.dim(), p.numel()) for p in module.parameters()]
        weights = sum(size for dim, size in sizes if dim > 1)
        rows.append((sum(size for _, size in sizes), weights * x.shape[2:].numel(), x.numel()))
    return Costs(*torch.tensor(rows, dtype=torch.int64).reshape(-1, 3).unbind(1))


def training_memory(shape: tuple[int, ...], layers: tuple[Layer, ...], batch_size: int, dtype: str) -> Memory:
    """What a training step keeps of parameters, their gradients, and activations.

    Args:
        shape: of an image, (C, H, W).
        layers: from the image on.
        batch_size: images at once.
        dtype: of all of it, as "float32".

    Returns:
        Three times () int64, in bytes; the optimizer's own memory and the framework's are not in it.

    Raises:
        ValueError: a layer cannot follow the one before it.
    """
    costs, item = layer_costs(shape, layers), getattr(torch, dtype).itemsize
    parameters = costs.parameters.sum() * item
    return Memory(parameters, parameters, costs.activations.sum() * batch_size * item)


def deep_against_wide(channels: int, size: int, kernel: int) -> Comparison:
    """Convolutions of 3x3 in a row against one large one that sees as far.

    Args:
        channels: of the input and of each output.
        size: height and width of the maps, kept by padding.
        kernel: height and width of the large one, odd.

    Returns:
        Three times (2,) int64: deep, then wide.

    Raises:
        ValueError: the kernel is even, or less than 3.

    Source:
        Simonyan, Zisserman (2015), section 2.3.
    """
    stacks = deep_stack(channels, kernel), wide_stack(channels, kernel)
    both = [layer_costs((channels, size, size), stack) for stack in stacks]
    return Comparison(*(torch.stack([deep.sum(), wide.sum()]) for deep, wide in zip(*both, strict=True)))


def first_dense(shape: tuple[int, ...], layers: tuple[Layer, ...]) -> FirstDense:
    """What the first dense layer costs, and its share of all.

    Args:
        shape: of the image, (C, H, W).
        layers: from the image on.

    Returns:
        Its parameters () int64, and its shares of parameters and multiply-adds () float64.

    Raises:
        ValueError: there is no dense layer, or a layer cannot follow the one before it.
    """
    index = first_dense_index(layers)
    parameters, multiply_adds, _ = layer_costs(shape, layers)
    shares = [counts[index].double() / counts.sum() for counts in (parameters, multiply_adds)]
    return FirstDense(parameters[index], *shares)
