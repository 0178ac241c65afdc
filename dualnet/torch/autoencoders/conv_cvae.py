"""A convolutional conditional variational autoencoder in PyTorch.

    image and label planes -> 3 convolutions -> mean and log-variance;
    mean + noise * exp(log-variance / 2) and one-hot label -> dense -> 3 transposed convolutions -> sigmoid

Source: Sohn, Lee, Yan (2015); Raschka, deeplearning-models, autoencoder/ae-cnn-cvae.
On this side a transposed convolution is told what to crop, and `F.one_hot` gives integers.
"""

import torch
from torch import nn
from torch.nn import functional as F

from dualnet.concepts.autoencoders.conv_cvae import (
    CROPS,
    DECODER_KERNELS,
    DECODER_STRIDES,
    KERNELS,
    SIZES,
    STRIDES,
    Variational,
    VariationalLoss,
)

__all__ = ["ConvolutionalConditionalVariationalAutoencoder", "variational_loss"]


def variational_loss(outputs: Variational, targets: torch.Tensor) -> VariationalLoss:
    """Minus the evidence lower bound, and its two terms, summed over batch and pixels, in nats."""
    mean, log_variance = outputs.mean, outputs.log_variance
    divergence = 0.5 * torch.sum(torch.square(mean) + torch.exp(log_variance) - log_variance - 1)
    reconstruction = F.binary_cross_entropy_with_logits(outputs.logits, targets, reduction="sum")
    return VariationalLoss(divergence + reconstruction, divergence, reconstruction)


class Decoder(nn.Module):
    """From latent vectors to the logits of images: a dense layer, then transposed convolutions."""

    def __init__(self, latent: int, channels: tuple[int, int, int], out_channels: int, negative_slope: float) -> None:
        maps = (*channels[::-1], out_channels)
        super().__init__()
        self.dense = nn.Linear(latent, channels[-1] * SIZES[-1] ** 2)
        self.up = nn.ModuleList(
            nn.ConvTranspose2d(maps[i], maps[i + 1], DECODER_KERNELS[i], DECODER_STRIDES[i], padding=CROPS[i])
            for i in range(3)
        )
        self.negative_slope = negative_slope

    def forward(self, latent: torch.Tensor) -> torch.Tensor:
        x = self.dense(latent)  # N C*H*W
        x = x.unflatten(1, (-1, SIZES[-1], SIZES[-1]))  # N C H W
        for layer in self.up:
            x = F.leaky_relu(layer(x), self.negative_slope)
        return x


class ConvolutionalConditionalVariationalAutoencoder(nn.Module):
    """Convolutional conditional variational autoencoder, for images of 28 pixels.

    Args:
        in_channels: colours of the image.
        channels: feature maps of the three convolutions.
        latent: dimensions of the latent space.
        num_classes: labels are 0 to num_classes - 1.
        label_in_reconstruction: reconstruct the label planes, too.
        negative_slope: of the leaky ReLUs below 0.

    Input shape: images (N, in_channels, 28, 28), in 0-1; labels (N,), integers; noise (N, latent), standard
        normal, drawn where none is given.
    Output shape: reconstruction and logits as the images, with num_classes more channels if labels are
        reconstructed; mean, log_variance and latent (N, latent).
    """

    def __init__(
        self,
        *,
        in_channels: int = 1,
        channels: tuple[int, int, int] = (16, 32, 64),
        latent: int = 50,
        num_classes: int = 10,
        label_in_reconstruction: bool = True,
        negative_slope: float = 0.01,
    ) -> None:
        super().__init__()
        maps = (in_channels + num_classes, *channels)
        self.encoder = nn.ModuleList(nn.Conv2d(maps[i], maps[i + 1], KERNELS[i], STRIDES[i]) for i in range(3))
        self.mean = nn.Linear(channels[-1] * SIZES[-1] ** 2, latent)
        self.log_variance = nn.Linear(channels[-1] * SIZES[-1] ** 2, latent)
        self.decoder = Decoder(
            latent + num_classes, channels, in_channels + label_in_reconstruction * num_classes, negative_slope
        )
        self.num_classes = num_classes
        self.negative_slope = negative_slope
        for name, parameter in self.named_parameters():
            start = nn.init.xavier_uniform_ if name.endswith("weight") else nn.init.zeros_
            start(parameter)  # differs: D051, D052

    def forward(self, images: torch.Tensor, labels: torch.Tensor, noise: torch.Tensor | None = None) -> Variational:
        """Encode a batch of images, draw a latent vector for each, and decode it, knowing the labels."""
        codes = F.one_hot(labels, self.num_classes).to(images.dtype)  # differs: D251, N K
        planes = codes[:, :, None, None].expand(-1, -1, *images.shape[2:])  # N K H W
        x = torch.cat([images, planes], dim=1)  # N C+K H W
        for layer in self.encoder:
            x = F.leaky_relu(layer(x), self.negative_slope)  # N C H W
        x = torch.flatten(x, start_dim=1)  # N C*H*W
        mean, log_variance = self.mean(x), self.log_variance(x)  # N latent
        noise = torch.randn_like(mean) if noise is None else noise
        latent = mean + noise * torch.exp(log_variance / 2)
        logits = self.decoder(torch.cat([latent, codes], dim=1))  # N C H W
        return Variational(torch.sigmoid(logits), mean, log_variance, latent, logits)
