"""AlexNet in PyTorch.

    11x11 conv -> pool -> 5x5 conv -> pool -> 3x3 conv, three times -> pool -> dense -> dense -> dense

Source: Krizhevsky et al. (2012), section 3; Krizhevsky (2014); Dive into Deep Learning, section 8.1.
On this side a convolution pads both sides by itself, and alpha of local response normalization multiplies a mean.
"""

import torch
from torch import nn

from dualnet.concepts.modern_convnets.alexnet import (
    BIASES,
    EPSILON,
    LRN_ALPHA,
    LRN_BETA,
    LRN_K,
    LRN_SIZE,
    MOMENTUM,
    NORMALIZED,
    POOLED,
    WEIGHT_STD,
    convolution_names,
    map_sizes,
)
from dualnet.interface import choose

__all__ = ["AlexNet"]


def start(layer: nn.Conv2d | nn.Linear, initializer: str, bias: float) -> nn.Module:
    """The layer, with weights drawn by the initializer and this bias."""
    if initializer == "normal":
        nn.init.normal_(layer.weight, std=WEIGHT_STD)  # differs: D051
    else:
        nn.init.xavier_uniform_(layer.weight)
    nn.init.constant_(layer.bias, bias)  # differs: D052
    return layer


class AlexNet(nn.Module):
    """AlexNet.

    Args:
        in_channels: colours of the image.
        image_size: its height and width in pixels.
        channels: feature maps of the five convolutions.
        kernel_sizes: their heights and widths in pixels.
        stem_stride: stride of the first one in pixels.
        paddings: zeros on each side of their inputs, in pixels.
        groups: into how many groups each splits its channels; 2 are the paper's towers.
        normalization: "none", "batch" before or "local_response" after the first two ReLUs.
        pooled_size: height and width to which the last maps are averaged; 0 leaves them as they are.
        hidden: units of the hidden dense layers.
        dropout: probability that a feature is dropped.
        dropout_first: before each hidden dense layer, not after it.
        num_classes: units of the output; 0 for no output layer, for models that go on from the features.
        initializer: "xavier_uniform", or "normal" as in the paper.

    Input shape: (N, in_channels, image_size, image_size).
    Output shape: (N, num_classes), logits; (N, F), features, without an output layer.

    Raises:
        ConfigError: an unknown normalization or initializer, or an image too small.
    """

    def __init__(
        self,
        *,
        in_channels: int = 1,
        image_size: int = 95,
        channels: tuple[int, ...] = (16, 24, 32, 24, 24),
        kernel_sizes: tuple[int, ...] = (11, 5, 3, 3, 3),
        stem_stride: int = 4,
        paddings: tuple[int, ...] = (2, 2, 1, 1, 1),
        groups: tuple[int, ...] = (1, 1, 1, 1, 1),
        normalization: str = "none",
        pooled_size: int = 3,
        hidden: tuple[int, ...] = (48, 40),
        dropout: float = 0.5,
        dropout_first: bool = True,
        num_classes: int = 10,
        initializer: str = "xavier_uniform",
    ) -> None:
        super().__init__()
        convolution_names(normalization)
        size = pooled_size or map_sizes(image_size, kernel_sizes, stem_stride, paddings)[-1]
        biases = choose(BIASES, initializer, "initializer")
        features: list[nn.Module] = []
        for i, kernel in enumerate(kernel_sizes):
            source, stride = channels[i - 1] if i else in_channels, stem_stride if i == 0 else 1
            conv = nn.Conv2d(source, channels[i], kernel, stride, paddings[i], groups=groups[i])
            features.append(start(conv, initializer, biases[i]))
            if normalization == "batch" and i in NORMALIZED:
                features.append(nn.BatchNorm2d(channels[i], EPSILON, MOMENTUM))
            features.append(nn.ReLU())
            if normalization == "local_response" and i in NORMALIZED:
                alpha = LRN_SIZE * LRN_ALPHA  # differs: D101
                features.append(nn.LocalResponseNorm(LRN_SIZE, alpha, LRN_BETA, LRN_K))
            if i in POOLED:
                features.append(nn.MaxPool2d(3, 2))
        self.features = nn.Sequential(*features)
        self.pool = nn.AdaptiveAvgPool2d(pooled_size) if pooled_size else nn.Identity()

        classifier: list[nn.Module] = []
        sizes = [channels[-1] * size * size, *hidden]
        for i, units in enumerate(hidden):
            dense = [start(nn.Linear(sizes[i], units), initializer, biases[5 + i]), nn.ReLU()]
            drop = [nn.Dropout(dropout)]
            classifier += drop + dense if dropout_first else dense + drop
        if num_classes:
            classifier.append(start(nn.Linear(sizes[-1], num_classes), initializer, 0.0))
        self.num_features = sizes[-1]
        self.classifier = nn.Sequential(*classifier)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Logits of a batch of images."""
        x = self.pool(self.features(images))  # N C H W
        x = torch.flatten(x, start_dim=1)  # N C*H*W
        return self.classifier(x)  # N K
