"""VGG in PyTorch.

    (3x3 conv -> ReLU, once to four times -> pool 2), five times -> dense -> dense -> dense

Source: Simonyan, Zisserman (2015), table 1; Dive into Deep Learning, section 8.2.
On this side a stack numbers its layers by itself, and each must be told the size of its input.
"""

import torch
from torch import nn

from dualnet.concepts.modern_convnets.vgg import last_size

__all__ = ["VGG"]


def start(layer: nn.Conv2d | nn.Linear) -> nn.Module:
    """The layer, with Xavier's weights and no bias."""
    nn.init.xavier_uniform_(layer.weight)  # differs: D051
    nn.init.zeros_(layer.bias)  # differs: D052
    return layer


def block(convolutions: int, in_channels: int, channels: int) -> list[nn.Module]:
    """So many convolutions of 3x3 with ReLU, then pooling by 2."""
    stack: list[nn.Module] = []
    for i in range(convolutions):
        stack += [start(nn.Conv2d(channels if i else in_channels, channels, 3, padding=1)), nn.ReLU()]
    return [*stack, nn.MaxPool2d(2)]


class VGG(nn.Module):
    """VGG.

    Args:
        in_channels: colours of the image.
        image_size: its height and width in pixels.
        convolutions: how many each block has.
        channels: feature maps of each block.
        pooled_size: height and width to which the last maps are averaged; 0 leaves them as they are.
        hidden: units of the hidden dense layers.
        dropout: probability that a hidden feature is dropped.
        num_classes: units of the output.

    Input shape: (N, in_channels, image_size, image_size).
    Output shape: (N, num_classes), logits.

    Raises:
        ConfigError: an image too small.
    """

    def __init__(
        self,
        *,
        in_channels: int = 1,
        image_size: int = 32,
        convolutions: tuple[int, ...] = (1, 1, 2, 2, 2),
        channels: tuple[int, ...] = (8, 16, 24, 32, 32),
        pooled_size: int = 0,
        hidden: tuple[int, ...] = (48, 40),
        dropout: float = 0.5,
        num_classes: int = 10,
    ) -> None:
        super().__init__()
        size = pooled_size or last_size(image_size, len(convolutions))
        features: list[nn.Module] = []
        for i, count in enumerate(convolutions):
            features += block(count, channels[i - 1] if i else in_channels, channels[i])
        self.features = nn.Sequential(*features)
        self.avgpool = nn.AdaptiveAvgPool2d(pooled_size) if pooled_size else nn.Identity()

        sizes = [channels[-1] * size * size, *hidden]
        classifier: list[nn.Module] = []
        for i, units in enumerate(hidden):
            classifier += [start(nn.Linear(sizes[i], units)), nn.ReLU(), nn.Dropout(dropout)]
        self.classifier = nn.Sequential(*classifier, start(nn.Linear(sizes[-1], num_classes)))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Logits of a batch of images."""
        x = self.avgpool(self.features(images))  # N C H W
        x = torch.flatten(x, start_dim=1)  # N C*H*W
        return self.classifier(x)  # N K
