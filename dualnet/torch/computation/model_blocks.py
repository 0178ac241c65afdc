"""Layers and blocks in PyTorch.

On this side every block is a ``nn.Module``: what is assigned to its attributes is found as its part, and ``forward``
is plain Python. Source: Dive into Deep Learning, section 6.1.
"""

from collections import OrderedDict

import torch
from torch import nn

from dualnet.concepts.computation.model_blocks import frozen_weight

__all__ = ["FixedHiddenMLP", "NestedMLP", "nested", "sequential"]


def dense(inputs: int, units: int) -> nn.Linear:
    """A dense layer with Glorot's weights and no bias at first."""
    layer = nn.Linear(inputs, units)
    nn.init.xavier_uniform_(layer.weight)  # differs: D051
    nn.init.zeros_(layer.bias)  # differs: D052
    return layer


def block(inputs: int, units: int) -> nn.Sequential:
    """A dense layer and a ReLU."""
    return nn.Sequential(OrderedDict(dense=dense(inputs, units), relu=nn.ReLU()))  # differs: X-sequential-names


def sequential(*, image_size: int = 8, hidden: int = 32, num_classes: int = 10) -> nn.Sequential:
    """A list of layers is a network: each takes what the one before gives.

    Args:
        image_size: height and width of the image in pixels.
        hidden: units of the hidden layer.
        num_classes: units of the output.

    Input shape of the model: (N, 1, image_size, image_size).
    Output shape: (N, num_classes), logits.
    """
    parts = OrderedDict(
        flatten=nn.Flatten(),
        hidden=dense(image_size**2, hidden),
        relu=nn.ReLU(),
        output=dense(hidden, num_classes),
    )
    return nn.Sequential(parts)


def nested(*, image_size: int = 8, hidden: int = 32, num_classes: int = 10) -> nn.Sequential:
    """A list may hold lists.

    Args:
        image_size: height and width of the image in pixels.
        hidden: units of each hidden layer.
        num_classes: units of the output.

    Input shape of the model: (N, 1, image_size, image_size).
    Output shape: (N, num_classes), logits.
    """
    parts = OrderedDict(
        flatten=nn.Flatten(),
        block1=block(image_size**2, hidden),
        block2=block(hidden, hidden),
        output=dense(hidden, num_classes),
    )
    return nn.Sequential(parts)


class NestedMLP(nn.Module):
    """A class may hold a list, and call it.

    Args:
        image_size: height and width of the image in pixels.
        hidden: units of each hidden layer.
        num_classes: units of the output.

    Input shape: (N, 1, image_size, image_size).
    Output shape: (N, num_classes), logits.
    """

    def __init__(self, *, image_size: int = 8, hidden: int = 32, num_classes: int = 10) -> None:
        super().__init__()
        parts = OrderedDict(block1=block(image_size**2, hidden), block2=block(hidden, hidden))
        self.body = nn.Sequential(parts)
        self.output = dense(hidden, num_classes)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Logits of a batch of images."""
        x = images.flatten(1)  # N H*W
        return self.output(self.body(x))  # N K


class FixedHiddenMLP(nn.Module):
    """A class may do anything: use a layer twice, a weight that never learns, and a loop as long as the data say.

    Args:
        image_size: height and width of the image in pixels.
        hidden: units of each hidden layer.
        num_classes: units of the output.

    Input shape: (N, 1, image_size, image_size).
    Output shape: (N, num_classes), logits.
    """

    def __init__(self, *, image_size: int = 8, hidden: int = 32, num_classes: int = 10) -> None:
        super().__init__()
        fixed = torch.tensor(frozen_weight(hidden)).to(torch.get_default_dtype())
        self.register_buffer("fixed", fixed)  # differs: X-block-buffer
        self.entry = dense(image_size**2, hidden)
        self.shared = dense(hidden, hidden)
        self.output = dense(hidden, num_classes)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Logits of a batch of images."""
        x = self.entry(images.flatten(1))  # N F
        x = torch.relu(self.shared(x) @ self.fixed + 1)  # N F
        x = halved(self.shared(x))  # N F
        return self.output(x)  # N K


def halved(x: torch.Tensor) -> torch.Tensor:
    """Each row (N, F) halved until its absolute values sum to at most 1."""
    while (large := x.abs().sum(1, keepdim=True) > 1).any():  # differs: D223
        x = torch.where(large, x / 2, x)  # N F
    return x
