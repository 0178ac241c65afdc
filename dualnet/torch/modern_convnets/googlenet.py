"""GoogLeNet in PyTorch.

    7x7 conv, pool -> 1x1 and 3x3 conv, pool -> 2 blocks, pool -> 5 blocks, pool -> 2 blocks -> mean -> dense

Source: Szegedy et al. (2015), table 1; torchvision (names, normalization); Dive into Deep Learning, section 8.4.
On this side the channels, along which the paths are joined, are axis 1, and a pooling can round up by itself.
"""

import torch
from torch import nn
from torch.nn import functional as F

from dualnet.concepts.modern_convnets.googlenet import (
    AUXILIARY_SIZE,
    AUXILIARY_WEIGHT,
    EPSILON,
    MOMENTUM,
    Logits,
    Loss,
    map_sizes,
    scaled,
)

__all__ = ["GoogLeNet", "weighted_cross_entropy"]


def weighted_cross_entropy(outputs: Logits, targets: torch.Tensor) -> Loss:
    """Cross entropy of the main classifier, plus a fraction of that of each auxiliary one.

    Args:
        outputs: three times (N, K), logits.
        targets: (N,), labels.

    Returns:
        Their weighted sum and each of them, means over the batch in nats.
    """
    main, aux1, aux2 = (F.cross_entropy(logits, targets) for logits in outputs)
    return Loss(main + AUXILIARY_WEIGHT * (aux1 + aux2), main, aux1, aux2)


class ConvBlock(nn.Module):
    """Convolution, then batch normalization or a bias, then ReLU."""

    def __init__(
        self, in_channels: int, channels: int, kernel: int, batch_norm: bool, stride: int = 1, padding: int = 0
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, channels, kernel, stride, padding, bias=not batch_norm)
        nn.init.xavier_uniform_(self.conv.weight)  # differs: D051
        if self.conv.bias is not None:
            nn.init.zeros_(self.conv.bias)  # differs: D052
        self.bn = nn.BatchNorm2d(channels, EPSILON, MOMENTUM) if batch_norm else nn.Identity()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.relu(self.bn(self.conv(x)))  # N C H W


class Inception(nn.Module):
    """1x1; 1x1 and 3x3; 1x1 and 5x5; pooling and 1x1: the maps of the four paths one after another."""

    def __init__(self, in_channels: int, channels: tuple[int, ...], kernel: int, batch_norm: bool) -> None:
        super().__init__()
        one, squeezed3, three, squeezed5, five, pooled = channels
        self.branch1 = ConvBlock(in_channels, one, 1, batch_norm)
        self.branch2 = nn.Sequential(
            ConvBlock(in_channels, squeezed3, 1, batch_norm), ConvBlock(squeezed3, three, 3, batch_norm, padding=1)
        )
        self.branch3 = nn.Sequential(
            ConvBlock(in_channels, squeezed5, 1, batch_norm),
            ConvBlock(squeezed5, five, kernel, batch_norm, padding=kernel // 2),
        )
        self.branch4 = nn.Sequential(nn.MaxPool2d(3, 1, 1), ConvBlock(in_channels, pooled, 1, batch_norm))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat([self.branch1(x), self.branch2(x), self.branch3(x), self.branch4(x)], 1)  # N 4*C H W


class MaxPool(nn.MaxPool2d):
    """Max pooling with stride 2 that pads both sides or rounds up."""

    def __init__(self, size: int, padding: bool) -> None:
        super().__init__(size, 2, padding=int(padding), ceil_mode=not padding)  # differs: D093, D095


class Auxiliary(nn.Module):
    """A classifier in the middle: the maps averaged to 4x4, a 1x1 convolution, two dense layers."""

    def __init__(self, in_channels: int, width: int, batch_norm: bool, dropout: float, num_classes: int) -> None:
        super().__init__()
        self.pool = nn.AdaptiveAvgPool2d(AUXILIARY_SIZE)
        self.conv = ConvBlock(in_channels, 2 * width, 1, batch_norm)
        self.fc1 = dense(2 * width * AUXILIARY_SIZE**2, 16 * width)
        self.dropout = nn.Dropout(dropout)
        self.fc2 = dense(16 * width, num_classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = torch.flatten(self.conv(self.pool(x)), start_dim=1)  # N C*4*4
        return self.fc2(self.dropout(torch.relu(self.fc1(x))))  # N K


def dense(in_features: int, features: int) -> nn.Linear:
    """A dense layer with Xavier's weights and no bias."""
    layer = nn.Linear(in_features, features)
    nn.init.xavier_uniform_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer


class GoogLeNet(nn.Module):
    """GoogLeNet.

    Args:
        in_channels: colours of the image.
        image_size: its height and width in pixels.
        width: maps of the first convolution, a multiple of 4; those of all other layers follow, 64 is the paper's.
        kernel_size: of the widest path of each block; torchvision has 3.
        pool_padding: poolings pad both sides, instead of rounding up.
        last_pool: height and width of the last pooling window, 2 or 3.
        batch_norm: normalise before every ReLU of a convolution.
        auxiliary: with the classifiers behind blocks 4a and 4d, in evaluation as well.
        dropout: probability that a feature is dropped before the output.
        auxiliary_dropout: the same in the auxiliary classifiers.
        num_classes: units of each output.

    Input shape: (N, in_channels, image_size, image_size).
    Output shape: (N, num_classes), logits; with auxiliary classifiers three of them.

    Raises:
        ConfigError: a width that is no multiple of 4, or an image too small.
    """

    def __init__(
        self,
        *,
        in_channels: int = 1,
        image_size: int = 64,
        width: int = 8,
        kernel_size: int = 5,
        pool_padding: bool = False,
        last_pool: int = 3,
        batch_norm: bool = False,
        auxiliary: bool = True,
        dropout: float = 0.4,
        auxiliary_dropout: float = 0.7,
        num_classes: int = 10,
    ) -> None:
        super().__init__()
        map_sizes(image_size, pool_padding, last_pool)
        self.conv1 = ConvBlock(in_channels, width, 7, batch_norm, stride=2, padding=3)
        self.maxpool1 = MaxPool(3, pool_padding)
        self.conv2 = ConvBlock(width, width, 1, batch_norm)
        self.conv3 = ConvBlock(width, 3 * width, 3, batch_norm, padding=1)
        self.maxpool2 = MaxPool(3, pool_padding)
        maps = 3 * width
        for name, channels in scaled(width).items():
            self.add_module(f"inception{name}", Inception(maps, channels, kernel_size, batch_norm))
            one, _, three, _, five, pooled = channels
            maps = one + three + five + pooled
            if auxiliary and name in ("4a", "4d"):
                head = Auxiliary(maps, width, batch_norm, auxiliary_dropout, num_classes)
                self.add_module("aux1" if name == "4a" else "aux2", head)
        self.maxpool3 = MaxPool(3, pool_padding)
        self.maxpool4 = MaxPool(last_pool, pool_padding)
        self.auxiliary = auxiliary
        self.dropout = nn.Dropout(dropout)
        self.fc = dense(maps, num_classes)

    def forward(self, images: torch.Tensor) -> torch.Tensor | Logits:
        """Logits of a batch of images, of the auxiliary classifiers as well if there are any."""
        x = self.maxpool1(self.conv1(images))  # N C H/4 W/4
        x = self.maxpool2(self.conv3(self.conv2(x)))  # N C H/8 W/8
        x = self.maxpool3(self.inception3b(self.inception3a(x)))  # N C H/16 W/16
        first = x = self.inception4a(x)
        second = x = self.inception4d(self.inception4c(self.inception4b(x)))
        x = self.maxpool4(self.inception4e(x))  # N C H/32 W/32
        x = self.inception5b(self.inception5a(x)).mean((2, 3))  # N C
        logits = self.fc(self.dropout(x))  # N K
        return Logits(logits, self.aux1(first), self.aux2(second)) if self.auxiliary else logits
