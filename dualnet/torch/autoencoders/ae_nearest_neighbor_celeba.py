"""A large convolutional autoencoder for colour images in PyTorch.

    n x (4x4 conv, stride 2 -> leaky ReLU -> batch norm) -> dense: the code
    -> dense -> n x (nearest neighbours x 2 -> 4x4 conv -> leaky ReLU -> batch norm), the last one -> sigmoid

Source: Raschka, deeplearning-models, autoencoder/ae-conv-nneighbor-celeba; Odena, Dumoulin, Olah (2016).
On this side `F.pad` repeats the edge by "replicate", and names the last axis first.
"""

import torch
from torch import nn
from torch.nn import functional as F

from dualnet.concepts.autoencoders.ae_nearest_neighbor_celeba import (
    EPSILON,
    KERNEL,
    MOMENTUM,
    Reconstruction,
    code_size,
)

__all__ = ["ColourAutoencoder", "squared_error_loss"]


def squared_error_loss(outputs: Reconstruction, targets: torch.Tensor) -> torch.Tensor:
    """Squared error of an image and its reconstruction, the mean over batch, channels and pixels."""
    return F.mse_loss(outputs.reconstruction, targets)


class DownBlock(nn.Module):
    """Half the height and width: strided convolution, leaky ReLU, batch normalization."""

    def __init__(self, in_channels: int, channels: int, negative_slope: float) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, channels, KERNEL, stride=2, padding=1)
        self.norm = nn.BatchNorm2d(channels, EPSILON, MOMENTUM)
        self.negative_slope = negative_slope

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.conv(x)  # N C H/2 W/2
        return self.norm(F.leaky_relu(x, self.negative_slope))


class UpBlock(nn.Module):
    """Twice the height and width: repeated pixels, convolution, and all but the last: leaky ReLU, batch norm."""

    def __init__(self, in_channels: int, channels: int, negative_slope: float, last: bool) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, channels, KERNEL)
        self.norm = None if last else nn.BatchNorm2d(channels, EPSILON, MOMENTUM)
        self.negative_slope = negative_slope

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = F.interpolate(x, scale_factor=2, mode="nearest")  # differs: D105, N C 2H 2W
        x = F.pad(x, (2, 1, 2, 1), mode="replicate")  # differs: D027, N C 2H+3 2W+3
        x = self.conv(x)  # N C 2H 2W
        return x if self.norm is None else self.norm(F.leaky_relu(x, self.negative_slope))


class Decoder(nn.Module):
    """From codes to the logits of images."""

    def __init__(
        self, latent: int, channels: tuple[int, ...], out_channels: int, size: int, negative_slope: float
    ) -> None:
        super().__init__()
        maps = (*channels[::-1], out_channels)
        self.size = size
        self.dense = nn.Linear(latent, channels[-1] * size * size)
        self.blocks = nn.ModuleList(
            UpBlock(maps[i], maps[i + 1], negative_slope, last=i + 1 == len(channels)) for i in range(len(channels))
        )

    def forward(self, code: torch.Tensor) -> torch.Tensor:
        x = self.dense(code)  # N C*H*W
        x = x.unflatten(1, (-1, self.size, self.size))  # N C H W
        for block in self.blocks:
            x = block(x)
        return x


class ColourAutoencoder(nn.Module):
    """A convolutional autoencoder with a vector as its code.

    Args:
        in_channels: colours of the image.
        image_size: its height and width in pixels, to be halved once for each of the channels.
        channels: feature maps after each step down.
        latent: numbers in a code.
        negative_slope: of the leaky ReLUs below 0.

    Input shape: (N, in_channels, image_size, image_size), in 0-1.
    Output shape: reconstruction as the input, in 0-1; code (N, latent); logits as the reconstruction.

    Raises:
        ConfigError: the image cannot be halved so often.
    """

    def __init__(
        self,
        *,
        in_channels: int = 3,
        image_size: int = 128,
        channels: tuple[int, ...] = (32, 64, 128, 256, 512),
        latent: int = 1000,
        negative_slope: float = 0.2,
    ) -> None:
        super().__init__()
        size = code_size(image_size, len(channels))
        maps = (in_channels, *channels)
        self.encoder = nn.ModuleList(DownBlock(maps[i], maps[i + 1], negative_slope) for i in range(len(channels)))
        self.code = nn.Linear(channels[-1] * size * size, latent)
        self.decoder = Decoder(latent, channels, in_channels, size, negative_slope)
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")  # differs: D051
                nn.init.zeros_(module.bias)  # differs: D052

    def forward(self, images: torch.Tensor) -> Reconstruction:
        """Encode a batch of images, and draw them again."""
        x = images
        for block in self.encoder:
            x = block(x)  # N C H/2 W/2
        x = torch.flatten(x, start_dim=1)  # N C*H*W
        code = self.code(x)  # N latent
        logits = self.decoder(code)  # N C H W
        return Reconstruction(torch.sigmoid(logits), code, logits)
