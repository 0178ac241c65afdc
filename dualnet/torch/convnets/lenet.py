"""LeNet-5 in PyTorch.

Two blocks of convolution, activation and pooling, then dense layers:

    5x5 conv -> pool 2 -> 5x5 conv -> pool 2 -> flatten -> dense -> dense -> dense

Source: LeCun et al. (1998), section II.B; Dive into Deep Learning, section 7.6.
On this side images are N C H W and a layer must be told the size of its input.
"""

from collections.abc import Callable

import torch
from torch import nn
from torch.nn import functional as F

from dualnet.concepts.convnets.lenet import EPSILON, KERNEL, MOMENTUM, feature_size
from dualnet.interface import choose

__all__ = ["LeNet"]

ACTIVATIONS: dict[str, Callable[..., torch.Tensor]] = {"sigmoid": torch.sigmoid, "relu": F.relu, "tanh": torch.tanh}
POOLINGS: dict[str, Callable[..., torch.Tensor]] = {"avg": F.avg_pool2d, "max": F.max_pool2d}


class ConvBlock(nn.Module):
    """Convolution, batch normalization if wanted, activation, pooling by 2."""

    def __init__(
        self, in_channels: int, channels: int, padding: str, activation: str, pooling: str, batch_norm: bool
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, channels, KERNEL, padding=padding)
        nn.init.xavier_uniform_(self.conv.weight)  # differs: D051
        nn.init.zeros_(self.conv.bias)  # differs: D052
        self.norm = nn.BatchNorm2d(channels, EPSILON, MOMENTUM) if batch_norm else None
        self.activation = choose(ACTIVATIONS, activation, "activation")
        self.pool = choose(POOLINGS, pooling, "pooling")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.conv(x)  # N C H W
        if self.norm is not None:
            x = self.norm(x)
        return self.pool(self.activation(x), 2)  # N C H/2 W/2


class DenseBlock(nn.Module):
    """Dense layer, batch normalization if wanted, activation."""

    def __init__(self, in_features: int, features: int, activation: str, batch_norm: bool) -> None:
        super().__init__()
        self.linear = nn.Linear(in_features, features)
        nn.init.xavier_uniform_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)
        self.norm = nn.BatchNorm1d(features, EPSILON, MOMENTUM) if batch_norm else None
        self.activation = choose(ACTIVATIONS, activation, "activation")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.linear(x)  # N F
        if self.norm is not None:
            x = self.norm(x)
        return self.activation(x)


class LeNet(nn.Module):
    """LeNet-5.

    Args:
        in_channels: colours of the image.
        image_size: its height and width in pixels.
        channels: feature maps of the two convolutions.
        padding: "same" or "valid" for each of them.
        hidden: units of the hidden dense layers.
        num_classes: units of the output.
        activation: "sigmoid", "relu" or "tanh".
        pooling: "avg" or "max".
        batch_norm: normalise before every hidden activation.

    Input shape: (N, in_channels, image_size, image_size).
    Output shape: (N, num_classes), logits.

    Raises:
        ConfigError: an unknown activation, pooling or padding, or an image too small.
    """

    def __init__(
        self,
        *,
        in_channels: int = 1,
        image_size: int = 28,
        channels: tuple[int, int] = (6, 16),
        padding: tuple[str, str] = ("same", "valid"),
        hidden: tuple[int, ...] = (120, 84),
        num_classes: int = 10,
        activation: str = "sigmoid",
        pooling: str = "avg",
        batch_norm: bool = False,
    ) -> None:
        super().__init__()
        size = feature_size(image_size, padding)[-1]
        self.block1 = ConvBlock(in_channels, channels[0], padding[0], activation, pooling, batch_norm)
        self.block2 = ConvBlock(channels[0], channels[1], padding[1], activation, pooling, batch_norm)
        sizes = [channels[1] * size * size, *hidden]
        self.hidden = nn.ModuleList(
            DenseBlock(sizes[i], units, activation, batch_norm) for i, units in enumerate(hidden)
        )
        self.output = nn.Linear(sizes[-1], num_classes)
        nn.init.xavier_uniform_(self.output.weight)
        nn.init.zeros_(self.output.bias)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Logits of a batch of images."""
        x = self.block2(self.block1(images))  # N C H W
        x = torch.flatten(x, start_dim=1)  # N C*H*W
        for layer in self.hidden:
            x = layer(x)
        return self.output(x)  # N K
