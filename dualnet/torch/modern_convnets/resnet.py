"""ResNet in PyTorch.

    stem -> stages of residual blocks -> average pooling -> dense

Every stage but the first halves height and width. A block adds what its convolutions find to its input.

Source: He et al. (2015), table 1; names of the parameters as in torchvision.
On this side images are N C H W and a layer must be told the size of its input.
"""

import torch
from torch import nn
from torch.nn import functional as F

from dualnet.concepts.modern_convnets.resnet import EXPANSION, MOMENTUM, PADDED_POOL, head_size, map_sizes
from dualnet.interface import choose
from dualnet.torch._convolution import Conv2D

__all__ = ["ResNet"]


def _conv(in_channels: int, channels: int, kernel: int, stride: int, bias: bool) -> Conv2D:
    conv = Conv2D(in_channels, channels, kernel, stride, bias=bias)  # differs: D001
    nn.init.kaiming_normal_(conv.weight, mode="fan_out", nonlinearity="relu")  # differs: D051, D056
    if conv.bias is not None:
        nn.init.zeros_(conv.bias)  # differs: D052
    return conv


def _norm(channels: int, epsilon: float) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, epsilon, MOMENTUM)  # differs: D030, D031, D033


class Shortcut(nn.Sequential):
    """The identity, or a 1x1 convolution (with batch normalization if wanted) where a block changes the shape."""

    def __init__(self, in_channels: int, channels: int, stride: int, bias: bool, norm: bool, epsilon: float) -> None:
        layers: list[nn.Module] = []
        if stride != 1 or in_channels != channels:
            layers.append(_conv(in_channels, channels, 1, stride, bias))
            if norm:
                layers.append(_norm(channels, epsilon))
        super().__init__(*layers)


class BasicBlock(nn.Module):
    """Two 3x3 convolutions beside a shortcut: He et al. (2015), figure 5, left."""

    def __init__(
        self,
        in_channels: int,
        channels: int,
        stride: int,
        version: str,
        bias: bool,
        shortcut_norm: bool,
        epsilon: float,
    ) -> None:
        super().__init__()
        self.conv1 = _conv(in_channels, channels, 3, stride, bias)
        self.bn1 = _norm(channels, epsilon)
        self.conv2 = _conv(channels, channels, 3, 1, bias)
        self.bn2 = _norm(channels, epsilon)
        self.downsample = Shortcut(in_channels, channels, stride, bias, shortcut_norm, epsilon)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        residual = F.relu(self.bn1(self.conv1(x)))  # N C H/stride W/stride
        residual = self.bn2(self.conv2(residual))
        return F.relu(residual + self.downsample(x))


class Bottleneck(nn.Module):
    """1x1, 3x3 and 1x1 convolutions beside a shortcut: He et al. (2015), figure 5, right."""

    def __init__(
        self,
        in_channels: int,
        channels: int,
        stride: int,
        version: str,
        bias: bool,
        shortcut_norm: bool,
        epsilon: float,
    ) -> None:
        super().__init__()
        wide = EXPANSION["bottleneck"] * channels
        stride1, stride2 = choose({"v1": (stride, 1), "v1.5": (1, stride)}, version, "version")
        self.conv1 = _conv(in_channels, channels, 1, stride1, bias)
        self.bn1 = _norm(channels, epsilon)
        self.conv2 = _conv(channels, channels, 3, stride2, bias)
        self.bn2 = _norm(channels, epsilon)
        self.conv3 = _conv(channels, wide, 1, 1, bias)
        self.bn3 = _norm(wide, epsilon)
        self.downsample = Shortcut(in_channels, wide, stride, bias, shortcut_norm, epsilon)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        residual = F.relu(self.bn1(self.conv1(x)))  # N C H W
        residual = F.relu(self.bn2(self.conv2(residual)))  # N C H/stride W/stride
        residual = self.bn3(self.conv3(residual))  # N 4*C H/stride W/stride
        return F.relu(residual + self.downsample(x))


BLOCKS: dict[str, type[BasicBlock] | type[Bottleneck]] = {"basic": BasicBlock, "bottleneck": Bottleneck}


class ResNet(nn.Module):
    """ResNet.

    Args:
        in_channels: colours of the image.
        image_size: its height and width in pixels.
        num_classes: units of the output; 0 for no output layer, for models that go on from the features.
        block: "basic" (18 and 34 layers) or "bottleneck" (50, 101 and 152 layers).
        layers: blocks of each stage; there are four for ImageNet, three in the paper for CIFAR-10.
        channels: feature maps of each stage; a bottleneck gives four times as many.
        stem: "imagenet", 7x7 at stride 2 and max pooling, or "cifar", 3x3 at stride 1.
        version: where a bottleneck strides: "v1", in its first 1x1 convolution, or "v1.5", in its 3x3 one.
        pool: "global" average pooling, or "padded", 7x7 at stride 1 over a map with two zeros on every side.
        conv_bias: biases in convolutions.
        shortcut_norm: batch normalization after a convolution on a shortcut.
        epsilon: of batch normalization.

    Input shape: (N, in_channels, image_size, image_size).
    Output shape: (N, num_classes), logits; (N, F), features, without an output layer.

    Raises:
        ConfigError: an unknown block, stem, version or pool.
    """

    def __init__(
        self,
        *,
        in_channels: int = 1,
        image_size: int = 28,
        num_classes: int = 10,
        block: str = "basic",
        layers: tuple[int, ...] = (2, 2, 2, 2),
        channels: tuple[int, ...] = (64, 128, 256, 512),
        stem: str = "imagenet",
        version: str = "v1.5",
        pool: str = "global",
        conv_bias: bool = False,
        shortcut_norm: bool = True,
        epsilon: float = 1e-5,
    ) -> None:
        super().__init__()
        size = head_size(map_sizes(image_size, stem, len(layers))[-1], pool)
        kind = choose(BLOCKS, block, "block")
        self.stem, self.pool = stem, pool
        kernel, stride = (7, 2) if stem == "imagenet" else (3, 1)
        self.conv1 = _conv(in_channels, channels[0], kernel, stride, conv_bias)
        self.bn1 = _norm(channels[0], epsilon)
        inputs, self.stages = channels[0], []
        for i, count in enumerate(layers):
            blocks = []
            for j in range(count):
                stride = 2 if i > 0 and j == 0 else 1
                blocks.append(kind(inputs, channels[i], stride, version, conv_bias, shortcut_norm, epsilon))
                inputs = EXPANSION[block] * channels[i]
            self.stages.append(f"layer{i + 1}")
            self.add_module(self.stages[-1], nn.Sequential(*blocks))
        self.num_features = inputs * size * size
        self.fc: nn.Module = nn.Identity()
        if num_classes:
            self.fc = nn.Linear(self.num_features, num_classes)
            nn.init.xavier_uniform_(self.fc.weight)
            nn.init.zeros_(self.fc.bias)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Logits of a batch of images."""
        x = F.relu(self.bn1(self.conv1(images)))  # N C H/2 W/2
        if self.stem == "imagenet":
            x = F.max_pool2d(x, 3, 2, padding=1)  # differs: D093, N C H/4 W/4
        for name in self.stages:
            x = self.get_submodule(name)(x)  # N C H/32 W/32 for four stages
        if self.pool == "global":
            x = x.mean((2, 3))  # N C
        else:
            window, zeros = PADDED_POOL
            x = torch.flatten(F.avg_pool2d(x, window, 1, zeros), start_dim=1)  # differs: D091, N C*H*W
        return self.fc(x)  # N K
