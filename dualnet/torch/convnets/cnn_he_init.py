"""A convolutional network with He initialisation in PyTorch.

    3x3 conv -> ReLU -> max pool 2 -> 3x3 conv -> ReLU -> max pool 2 -> flatten -> dense

Each weight starts normal with variance 2 / fan_in, since a ReLU lets half of a signal through.

Source: He et al. (2015), eq. 10; Raschka, deeplearning-models, cnn/cnn-he-init.
On this side images are N C H W, and the dense layer must be told what is left of them.
"""

import torch
from torch import nn
from torch.nn import functional as F

from dualnet.concepts.convnets.cnn_he_init import KERNEL, feature_size

__all__ = ["CNN"]


def started(layer: nn.Module) -> nn.Module:
    """The layer with weights of variance 2 / fan_in and no bias."""
    nn.init.kaiming_normal_(layer.weight, mode="fan_in", nonlinearity="relu")  # differs: D051, D056
    nn.init.zeros_(layer.bias)  # differs: D052
    return layer


class Block(nn.Module):
    """Convolution that keeps the size, ReLU, max pooling by 2."""

    def __init__(self, in_channels: int, channels: int) -> None:
        super().__init__()
        self.conv = started(nn.Conv2d(in_channels, channels, KERNEL, padding="same"))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = torch.relu(self.conv(x))  # N C H W
        return F.max_pool2d(x, 2)  # N C H/2 W/2


class CNN(nn.Module):
    """Two convolutions with pooling, and a dense layer, each initialised by He's law.

    Args:
        in_channels: colours of the image.
        image_size: its height and width in pixels.
        channels: feature maps of the two convolutions.
        num_classes: units of the output.

    Input shape: (N, in_channels, image_size, image_size).
    Output shape: (N, num_classes), logits.

    Raises:
        ConfigError: the image is too small.
    """

    def __init__(
        self,
        *,
        in_channels: int = 1,
        image_size: int = 28,
        channels: tuple[int, int] = (4, 8),
        num_classes: int = 10,
    ) -> None:
        super().__init__()
        size = feature_size(image_size)
        self.block1 = Block(in_channels, channels[0])
        self.block2 = Block(channels[0], channels[1])
        self.output = started(nn.Linear(channels[1] * size * size, num_classes))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Logits of a batch of images."""
        x = self.block2(self.block1(images))  # N C H W
        x = x.flatten(1)  # differs: D019, N C*H*W
        return self.output(x)  # N K
