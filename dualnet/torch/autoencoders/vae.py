"""A variational autoencoder in PyTorch.

    pixels -> dense -> mean and log-variance; mean + noise * exp(log-variance / 2) -> dense -> dense -> sigmoid

Source: Kingma, Welling (2014), sections 2.4 and 3, appendix B; Raschka, deeplearning-models, autoencoder/ae-var.
On this side random numbers come from `torch.randn_like`, in the type and on the device of another tensor.
"""

import torch
from torch import nn
from torch.nn import functional as F

from dualnet.concepts.autoencoders.vae import Variational, VariationalLoss

__all__ = ["VariationalAutoencoder", "binary_cross_entropy", "kl_divergence", "reparameterize", "variational_loss"]


def reparameterize(mean: torch.Tensor, log_variance: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
    """Draws from Gaussians, as a function of standard normal noise: gradients reach mean and variance.

    Args:
        mean, log_variance, noise: (N, latent).

    Returns:
        (N, latent).
    """
    return mean + noise * torch.exp(log_variance / 2)


def kl_divergence(mean: torch.Tensor, log_variance: torch.Tensor) -> torch.Tensor:
    """Kullback-Leibler divergence of Gaussians from the standard normal one, summed over the batch.

    Args:
        mean, log_variance: (N, latent).

    Returns:
        (), in nats; 0 for an empty batch.
    """
    return 0.5 * torch.sum(torch.square(mean) + torch.exp(log_variance) - log_variance - 1)


def binary_cross_entropy(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Cross entropy of targets in 0-1 and the sigmoid of logits, summed over all elements.

    Args:
        logits: any shape.
        targets: the same shape, in 0-1.

    Returns:
        (), in nats; 0 for an empty batch.
    """
    return F.binary_cross_entropy_with_logits(logits, targets, reduction="sum")  # differs: D124


def variational_loss(outputs: Variational, targets: torch.Tensor) -> VariationalLoss:
    """Minus the evidence lower bound, and its two terms, summed over batch and pixels, in nats."""
    divergence = kl_divergence(outputs.mean, outputs.log_variance)
    reconstruction = binary_cross_entropy(outputs.logits, targets)
    return VariationalLoss(divergence + reconstruction, divergence, reconstruction)


class Decoder(nn.Module):
    """From latent vectors to the logits of pixels."""

    def __init__(self, latent: int, hidden: int, num_features: int, negative_slope: float) -> None:
        super().__init__()
        self.hidden = nn.Linear(latent, hidden)
        self.output = nn.Linear(hidden, num_features)
        self.negative_slope = negative_slope

    def forward(self, latent: torch.Tensor) -> torch.Tensor:
        hidden = F.leaky_relu(self.hidden(latent), self.negative_slope)  # N hidden
        return self.output(hidden)  # N num_features


class VariationalAutoencoder(nn.Module):
    """A fully connected variational autoencoder.

    Args:
        num_features: pixels of an image.
        hidden: units of the hidden layer in encoder and decoder.
        latent: dimensions of the latent space.
        negative_slope: of the leaky ReLUs below 0.

    Input shape: pixels (N, num_features), in 0-1; noise (N, latent), standard normal, drawn where none is given.
    Output shape: reconstruction and logits (N, num_features); mean, log_variance and latent (N, latent).
    """

    def __init__(
        self, *, num_features: int = 784, hidden: int = 500, latent: int = 15, negative_slope: float = 0.0001
    ) -> None:
        super().__init__()
        self.encoder = nn.Linear(num_features, hidden)
        self.mean = nn.Linear(hidden, latent)
        self.log_variance = nn.Linear(hidden, latent)
        self.decoder = Decoder(latent, hidden, num_features, negative_slope)
        self.negative_slope = negative_slope
        for layer in (self.encoder, self.mean, self.log_variance, self.decoder.hidden, self.decoder.output):
            nn.init.xavier_uniform_(layer.weight)  # differs: D051
            nn.init.zeros_(layer.bias)  # differs: D052

    def forward(self, pixels: torch.Tensor, noise: torch.Tensor | None = None) -> Variational:
        """Encode a batch of images, draw a latent vector for each, and decode it."""
        hidden = F.leaky_relu(self.encoder(pixels), self.negative_slope)  # N hidden
        mean, log_variance = self.mean(hidden), self.log_variance(hidden)  # N latent
        noise = torch.randn_like(mean) if noise is None else noise
        latent = reparameterize(mean, log_variance, noise)
        logits = self.decoder(latent)  # N num_features
        return Variational(torch.sigmoid(logits), mean, log_variance, latent, logits)
