"""Dropout in PyTorch.

    in training: x / (1 - rate) where the mask is True, 0 elsewhere; in evaluation: x
    flatten -> (dense -> ReLU -> dropout) twice -> dense

Divided by the share that is kept, each number has the same expectation in training and in evaluation.

Source: Srivastava et al. (2014), section 4; Dive into Deep Learning, section 5.6.
On this side images are N C H W, and a module is in training until it is told otherwise.
"""

import torch
from torch import nn

from dualnet.concepts.perceptrons.dropout import check_rate

__all__ = ["DropoutMLP", "dropout"]


def dropout(x: torch.Tensor, mask: torch.Tensor, rate: float, training: bool) -> torch.Tensor:
    """What a mask leaves of numbers, scaled up so that their expectation stays.

    Args:
        x: any shape.
        mask: of the same shape, True where a number is kept.
        rate: the probability of being dropped, with which the mask was drawn; at 1 all are dropped.
        training: False returns the numbers as they are.

    Raises:
        ConfigError: the rate is no probability.
        ValueError: the mask has another shape.
    """
    check_rate(rate)
    if mask.shape != x.shape:
        raise ValueError(f"mask of shape {tuple(mask.shape)}: expected that of the numbers, {tuple(x.shape)}")
    if not training:
        return x
    if rate == 1:
        return torch.zeros_like(x)
    return torch.where(mask, x / (1 - rate), torch.zeros_like(x))  # differs: X-dropped-not-finite


def dense(in_features: int, features: int) -> nn.Linear:
    """A dense layer with Xavier's start."""
    layer = nn.Linear(in_features, features)
    nn.init.xavier_uniform_(layer.weight)  # differs: D051
    nn.init.zeros_(layer.bias)  # differs: D052
    return layer


class DropoutScratch(nn.Module):
    """Dropout from tensors: the built-in layer only says which numbers to keep, so that one stream serves both."""

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate
        self.draw = nn.Dropout(rate)  # differs: D273

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        mask = self.draw(torch.ones_like(x)) > 0  # N F
        return dropout(x, mask, self.rate, self.training)  # differs: D275


class DropoutMLP(nn.Module):
    """A multilayer perceptron with dropout behind both hidden layers.

    Args:
        in_channels: colours of the image.
        image_size: its height and width in pixels.
        hidden: units of the hidden layers.
        num_classes: units of the output.
        rate: the probability with which a hidden number is dropped in training.
        scratch: dropout from tensors instead of the framework's layer.

    Input shape: (N, in_channels, image_size, image_size).
    Output shape: (N, num_classes), logits.

    Raises:
        ConfigError: the rate is no probability.
    """

    def __init__(
        self,
        *,
        in_channels: int = 1,
        image_size: int = 28,
        hidden: tuple[int, int] = (256, 256),
        num_classes: int = 10,
        rate: float = 0.5,
        scratch: bool = False,
    ) -> None:
        super().__init__()
        check_rate(rate)
        layer = DropoutScratch if scratch else nn.Dropout
        self.hidden1 = dense(in_channels * image_size * image_size, hidden[0])
        self.dropout1 = layer(rate)
        self.hidden2 = dense(hidden[0], hidden[1])
        self.dropout2 = layer(rate)
        self.output = dense(hidden[1], num_classes)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Logits of a batch of images."""
        x = torch.flatten(images, start_dim=1)  # differs: D019, N C*H*W
        x = self.dropout1(torch.relu(self.hidden1(x)))  # N F
        x = self.dropout2(torch.relu(self.hidden2(x)))  # N F
        return self.output(x)  # N K
