"""Surgery on a network in PyTorch: its children are listed by name, a slice of a Sequential is a Sequential.

Source: Dive into Deep Learning, sections 6.1 and 7.6.
"""

from collections import OrderedDict

import torch
from torch import nn

from dualnet.concepts.computation.module_surgery import KINDS, POOL, Pieces, Summary

__all__ = ["add_module", "children", "layer_summary", "slice_network"]

_KINDS = dict(zip(("Conv2d", "ReLU", "MaxPool2d", "Flatten", "Linear"), range(len(KINDS)), strict=True))


def _network(filters: torch.Tensor, weight: torch.Tensor) -> nn.Sequential:
    """Convolution, ReLU, pooling, flattening and a dense layer, with these weights and no bias."""
    like = {"dtype": filters.dtype, "device": filters.device}
    outputs, inputs, *window = filters.shape
    layers = OrderedDict(
        convolution=nn.Conv2d(inputs, outputs, tuple(window), bias=False, **like),
        relu=nn.ReLU(),
        pooling=nn.MaxPool2d(POOL),
        flatten=nn.Flatten(),
        dense=nn.Linear(*weight.T.shape, bias=False, **like),
    )
    network = nn.Sequential(layers)
    network.load_state_dict({"convolution.weight": filters, "dense.weight": weight})  # differs: D007, D008
    return network.requires_grad_(False)


def children(filters: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """What the parts of the network are, by the names of their classes.

    Args:
        filters: (C, in, A, B), of the convolution.
        weight: (K, C), of the dense layer.

    Returns:
        (L,) int64, places in `KINDS`.
    """
    network = _network(filters, weight)
    return torch.tensor([_KINDS[type(child).__name__] for child in network.children()])  # differs: X-module-children


def slice_network(images: torch.Tensor, filters: torch.Tensor, weight: torch.Tensor, stop: int) -> Pieces:
    """The network cut behind some layer: the first piece finds features, the second reads them.

    Args:
        images: (N, in, H, W).
        filters: (C, in, A, B), of the convolution.
        weight: (K, C), of the dense layer.
        stop: how many layers the first piece has.

    Returns:
        What leaves each piece, and the whole network.

    Raises:
        ValueError: a piece would have no layer.
    """
    network = _network(filters, weight)
    if not 0 < stop < len(network):
        raise ValueError(f"stop {stop}: expected 1 to {len(network) - 1}, so that both pieces have a layer")
    features = network[:stop](images)  # differs: X-module-slice
    return Pieces(features, network[stop:](features), network(images))


def add_module(images: torch.Tensor, filters: torch.Tensor, weight: torch.Tensor, head: torch.Tensor) -> torch.Tensor:
    """The answer of the network, made longer by a ReLU and a dense layer.

    Args:
        images: (N, in, H, W).
        filters: (C, in, A, B), of the convolution.
        weight: (K, C), of the dense layer.
        head: (M, K), of the new dense layer.

    Returns:
        (N, M).
    """
    network = _network(filters, weight)
    new = nn.Linear(*head.T.shape, bias=False, dtype=head.dtype, device=head.device)
    new.load_state_dict({"weight": head})
    network.add_module("bend", nn.ReLU())  # differs: X-module-add
    network.add_module("head", new.requires_grad_(False))
    return network(images)


def layer_summary(filters: torch.Tensor, weight: torch.Tensor, image_size: int) -> Summary:
    """What leaves each layer, and how much it learns.

    Args:
        filters: (C, in, A, B), of the convolution.
        weight: (K, C), of the dense layer.
        image_size: height and width of an image in pixels.

    Returns:
        A row for each layer.
    """
    network, shapes = _network(filters, weight), []

    def note(module: nn.Module, inputs: tuple[torch.Tensor, ...], output: torch.Tensor) -> None:
        shapes.append([*output.shape[1:], 1, 1][:3])

    for child in network:
        child.register_forward_hook(note)  # differs: X-module-shapes
    network(filters.new_zeros(1, filters.shape[1], image_size, image_size))
    parameters = [sum(p.numel() for p in child.parameters()) for child in network]
    return Summary(children(filters, weight), torch.tensor(shapes), torch.tensor(parameters))
