"""DenseNet in PyTorch.

    stem -> dense block -> transition -> ... -> dense block -> batch norm -> relu -> average pooling -> dense

A layer of a dense block adds `growth_rate` channels to all that came before it in the block.

Source: Huang et al. (2017), table 1; names of the parameters as in torchvision.
On this side images are N C H W and a layer must be told the size of its input.
"""

import torch
from torch import nn
from torch.nn import functional as F

from dualnet.concepts.modern_convnets.densenet import BOTTLENECK, MOMENTUM, channel_counts, map_sizes
from dualnet.torch._convolution import Conv2D

__all__ = ["DenseNet"]


def _conv(in_channels: int, channels: int, kernel: int, stride: int, bias: bool) -> Conv2D:
    conv = Conv2D(in_channels, channels, kernel, stride, bias=bias)  # differs: D001
    nn.init.kaiming_normal_(conv.weight, mode="fan_in", nonlinearity="relu")  # differs: D051, D056
    if conv.bias is not None:
        nn.init.zeros_(conv.bias)  # differs: D052
    return conv


def _norm(channels: int, epsilon: float) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, epsilon, MOMENTUM)  # differs: D030, D031, D033


class DenseLayer(nn.Module):
    """A 3x3 convolution of what came before it, beside it; with a bottleneck, a 1x1 convolution comes first."""

    def __init__(self, in_channels: int, growth_rate: int, bottleneck: bool, bias: bool, epsilon: float) -> None:
        super().__init__()
        self.norm1 = _norm(in_channels, epsilon)
        self.bottleneck = bottleneck
        if bottleneck:
            self.conv1 = _conv(in_channels, BOTTLENECK * growth_rate, 1, 1, bias)
            self.norm2 = _norm(BOTTLENECK * growth_rate, epsilon)
            self.conv2 = _conv(BOTTLENECK * growth_rate, growth_rate, 3, 1, bias)
        else:
            self.conv1 = _conv(in_channels, growth_rate, 3, 1, bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        new = self.conv1(F.relu(self.norm1(x)))
        if self.bottleneck:
            new = self.conv2(F.relu(self.norm2(new)))
        return torch.cat([x, new], dim=1)  # N C+growth_rate H W


class Transition(nn.Module):
    """A 1x1 convolution halves the channels, average pooling halves height and width."""

    def __init__(self, in_channels: int, bias: bool, epsilon: float) -> None:
        super().__init__()
        self.norm = _norm(in_channels, epsilon)
        self.conv = _conv(in_channels, in_channels // 2, 1, 1, bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.avg_pool2d(self.conv(F.relu(self.norm(x))), 2)  # N C/2 H/2 W/2


class DenseNet(nn.Module):
    """DenseNet.

    Args:
        in_channels: colours of the image.
        image_size: its height and width in pixels.
        num_classes: units of the output.
        layers: of each dense block.
        growth_rate: channels that each of them adds.
        stem_channels: feature maps of the first convolution.
        bottleneck: a 1x1 convolution to four times the growth rate before each 3x3 one.
        conv_bias: biases in convolutions.
        epsilon: of batch normalization.

    Input shape: (N, in_channels, image_size, image_size).
    Output shape: (N, num_classes), logits.

    Raises:
        ConfigError: an image too small for so many blocks.
    """

    def __init__(
        self,
        *,
        in_channels: int = 1,
        image_size: int = 32,
        num_classes: int = 10,
        layers: tuple[int, ...] = (6, 12, 24, 16),
        growth_rate: int = 32,
        stem_channels: int = 64,
        bottleneck: bool = True,
        conv_bias: bool = False,
        epsilon: float = 1e-5,
    ) -> None:
        super().__init__()
        map_sizes(image_size, len(layers))
        counts = channel_counts(stem_channels, growth_rate, layers)
        self.features = nn.Sequential()
        self.features.add_module("conv0", _conv(in_channels, stem_channels, 7, 2, conv_bias))
        self.features.add_module("norm0", _norm(stem_channels, epsilon))
        self.features.add_module("relu0", nn.ReLU())
        self.features.add_module("pool0", nn.MaxPool2d(3, 2, padding=1))  # differs: D093
        channels = stem_channels
        for i, count in enumerate(layers, start=1):
            block = nn.Sequential()
            for j in range(count):
                layer = DenseLayer(channels + j * growth_rate, growth_rate, bottleneck, conv_bias, epsilon)
                block.add_module(f"denselayer{j + 1}", layer)
            self.features.add_module(f"denseblock{i}", block)
            if i < len(layers):
                self.features.add_module(f"transition{i}", Transition(counts[i - 1], conv_bias, epsilon))
                channels = counts[i - 1] // 2
        self.features.add_module("norm5", _norm(counts[-1], epsilon))
        self.classifier = nn.Linear(counts[-1], num_classes)
        nn.init.xavier_uniform_(self.classifier.weight)
        nn.init.zeros_(self.classifier.bias)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Logits of a batch of images."""
        x = F.relu(self.features(images))  # N C H/32 W/32 for four blocks
        return self.classifier(x.mean((2, 3)))  # N K
