"""Layers of one's own in PyTorch: ``__init__`` creates the parameters, ``forward`` uses them.

Source: Dive into Deep Learning, section 6.5.
"""

import torch
from torch import nn

__all__ = ["CenteredMLP", "MyDenseMLP"]


class Centered(nn.Module):
    """A layer without parameters: takes the mean of all numbers off each.

    Input shape and output shape: any.
    """

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The centred batch."""
        return x - x.mean()


class MyDense(nn.Module):
    """A layer with parameters: x @ weight + bias.

    Args:
        inputs: features of the input.
        units: features of the output.

    Input shape: (N, inputs).
    Output shape: (N, units).
    """

    def __init__(self, inputs: int, units: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(inputs, units))  # differs: X-layer-build
        self.bias = nn.Parameter(torch.zeros(units))
        nn.init.xavier_uniform_(self.weight)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The rows, mapped."""
        return x @ self.weight + self.bias  # N F


class CenteredMLP(nn.Module):
    """Two dense layers with a `Centered` one between them.

    Args:
        image_size: height and width of the image in pixels.
        hidden: units of the hidden layer.
        num_classes: units of the output.

    Input shape: (N, 1, image_size, image_size).
    Output shape: (N, num_classes), logits.
    """

    def __init__(self, *, image_size: int = 8, hidden: int = 32, num_classes: int = 10) -> None:
        super().__init__()
        self.hidden = nn.Linear(image_size**2, hidden)
        self.centered = Centered()
        self.output = nn.Linear(hidden, num_classes)
        for layer in (self.hidden, self.output):
            nn.init.xavier_uniform_(layer.weight)  # differs: D051
            nn.init.zeros_(layer.bias)  # differs: D052

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Logits of a batch of images."""
        x = self.hidden(images.flatten(1))  # N F
        x = torch.relu(self.centered(x))  # N F
        return self.output(x)  # N K


class MyDenseMLP(nn.Module):
    """Two `MyDense` layers.

    Args:
        image_size: height and width of the image in pixels.
        hidden: units of the hidden layer.
        num_classes: units of the output.

    Input shape: (N, 1, image_size, image_size).
    Output shape: (N, num_classes), logits.
    """

    def __init__(self, *, image_size: int = 8, hidden: int = 32, num_classes: int = 10) -> None:
        super().__init__()
        self.hidden = MyDense(image_size**2, hidden)
        self.output = MyDense(hidden, num_classes)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Logits of a batch of images."""
        x = torch.relu(self.hidden(images.flatten(1)))  # N F
        return self.output(x)  # N K
