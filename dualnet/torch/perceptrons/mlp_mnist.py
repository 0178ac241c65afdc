"""A multilayer perceptron for digits in PyTorch.

    flatten -> (dense -> [batch normalization] -> ReLU -> [dropout]) twice -> dense

Source: Raschka, deeplearning-models, mlp.
On this side images are N C H W, and a layer must be told the size of its input.
"""

import torch
from torch import nn

from dualnet.concepts.perceptrons.mlp_mnist import DEVIATION, EPSILON, MOMENTUM

__all__ = ["DigitMLP"]


def dense(in_features: int, features: int, bias: bool = True) -> nn.Linear:
    """A dense layer with a normal start."""
    layer = nn.Linear(in_features, features, bias)
    nn.init.normal_(layer.weight, 0.0, DEVIATION)  # differs: D051
    if bias:
        nn.init.zeros_(layer.bias)  # differs: D052
    return layer


class Hidden(nn.Module):
    """Dense, batch normalization if wanted, ReLU, dropout."""

    def __init__(self, in_features: int, features: int, dropout: float, batch_norm: bool) -> None:
        super().__init__()
        self.linear = dense(in_features, features, bias=not batch_norm)  # the mean that is taken off has the bias in it
        self.norm = nn.BatchNorm1d(features, EPSILON, MOMENTUM) if batch_norm else None  # differs: D030, D031, D033
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.linear(x)  # N F
        if self.norm is not None:
            x = self.norm(x)
        return self.dropout(torch.relu(x))


class DigitMLP(nn.Module):
    """A multilayer perceptron with two hidden layers.

    Args:
        in_channels: colours of the image.
        image_size: its height and width in pixels.
        hidden: units of the hidden layers.
        num_classes: units of the output.
        dropout: the probability with which a hidden number is dropped in training.
        batch_norm: whether hidden numbers are normalised ahead of the ReLU.

    Input shape: (N, in_channels, image_size, image_size).
    Output shape: (N, num_classes), logits.
    """

    def __init__(
        self,
        *,
        in_channels: int = 1,
        image_size: int = 28,
        hidden: tuple[int, int] = (128, 256),
        num_classes: int = 10,
        dropout: float = 0.0,
        batch_norm: bool = False,
    ) -> None:
        super().__init__()
        self.hidden1 = Hidden(in_channels * image_size * image_size, hidden[0], dropout, batch_norm)
        self.hidden2 = Hidden(hidden[0], hidden[1], dropout, batch_norm)
        self.output = dense(hidden[1], num_classes)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Logits of a batch of images."""
        x = torch.flatten(images, start_dim=1)  # differs: D019, N C*H*W
        x = self.hidden2(self.hidden1(x))  # N F
        return self.output(x)  # N K
