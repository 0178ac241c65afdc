"""A convolutional autoencoder with nearest-neighbour upsampling in PyTorch.

    2 x (3x3 conv -> leaky ReLU -> pool 2): the code -> 2 x (nearest neighbours x 2 -> 3x3 conv -> leaky ReLU)
    -> sigmoid

Source: Masci et al. (2011); Odena, Dumoulin, Olah (2016); Raschka, deeplearning-models, autoencoder/ae-conv-nneighbor.
On this side images are N C H W, and `F.interpolate` repeats pixels.
"""

import torch
from torch import nn
from torch.nn import functional as F

from dualnet.concepts.autoencoders.ae_nearest_neighbor import Reconstruction

__all__ = ["NearestNeighborAutoencoder", "reconstruction_loss", "squared_error_loss"]


def reconstruction_loss(outputs: Reconstruction, targets: torch.Tensor) -> torch.Tensor:
    """Binary cross entropy of an image and its reconstruction, the mean over batch and pixels, in nats."""
    return F.binary_cross_entropy_with_logits(outputs.logits, targets)


def squared_error_loss(outputs: Reconstruction, targets: torch.Tensor) -> torch.Tensor:
    """Squared error of an image and its reconstruction, the mean over batch and pixels."""
    return F.mse_loss(outputs.reconstruction, targets)


class Decoder(nn.Sequential):
    """From codes to the logits of images."""

    def __init__(self, in_channels: int, channels: tuple[int, int], negative_slope: float) -> None:
        first, second = channels
        super().__init__(nn.Conv2d(second, first, 3, padding=1), nn.Conv2d(first, in_channels, 3, padding=1))
        self.negative_slope = negative_slope

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for layer in self:
            x = F.interpolate(x, scale_factor=2, mode="nearest")  # differs: D105, N C 2H 2W
            x = F.leaky_relu(layer(x), self.negative_slope)
        return x


class NearestNeighborAutoencoder(nn.Module):
    """A convolutional autoencoder with nearest-neighbour upsampling, for images of 28 pixels.

    Args:
        in_channels: colours of the image.
        channels: feature maps of the two convolutions.
        negative_slope: of the leaky ReLUs below 0.

    Input shape: (N, in_channels, 28, 28), in 0-1.
    Output shape: reconstruction (N, in_channels, 28, 28) in 0-1, code (N, channels[1], 7, 7), logits as the
        reconstruction.
    """

    def __init__(
        self, *, in_channels: int = 1, channels: tuple[int, int] = (4, 8), negative_slope: float = 0.01
    ) -> None:
        super().__init__()
        first, second = channels
        self.encoder = nn.ModuleList(
            [nn.Conv2d(in_channels, first, 3, padding=1), nn.Conv2d(first, second, 3, padding=1)]
        )
        self.decoder = Decoder(in_channels, channels, negative_slope)
        self.negative_slope = negative_slope
        for layer in (*self.encoder, *self.decoder):
            nn.init.xavier_uniform_(layer.weight)  # differs: D051
            nn.init.zeros_(layer.bias)  # differs: D052

    def forward(self, images: torch.Tensor) -> Reconstruction:
        """Encode a batch of images, and draw them again."""
        x = images
        for layer in self.encoder:
            x = F.max_pool2d(F.leaky_relu(layer(x), self.negative_slope), 2)  # N C H/2 W/2
        logits = self.decoder(x)  # N C 28 28
        return Reconstruction(torch.sigmoid(logits), x, logits)
