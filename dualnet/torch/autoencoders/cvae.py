"""A conditional variational autoencoder in PyTorch.

    pixels and one-hot label -> dense -> mean and log-variance;
    mean + noise * exp(log-variance / 2) and one-hot label -> dense -> dense -> sigmoid

Source: Sohn, Lee, Yan (2015); Raschka, deeplearning-models, autoencoder/ae-cvae.
On this side `F.one_hot` gives integers, and raises on a label that is none.
"""

import torch
from torch import nn
from torch.nn import functional as F

from dualnet.concepts.autoencoders.cvae import Variational, VariationalLoss

__all__ = ["ConditionalVariationalAutoencoder", "variational_loss"]


def variational_loss(outputs: Variational, targets: torch.Tensor) -> VariationalLoss:
    """Minus the evidence lower bound, and its two terms, summed over batch and pixels, in nats."""
    mean, log_variance = outputs.mean, outputs.log_variance
    divergence = 0.5 * torch.sum(torch.square(mean) + torch.exp(log_variance) - log_variance - 1)
    reconstruction = F.binary_cross_entropy_with_logits(outputs.logits, targets, reduction="sum")
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


class ConditionalVariationalAutoencoder(nn.Module):
    """A fully connected conditional variational autoencoder.

    Args:
        num_features: pixels of an image.
        hidden: units of the hidden layer in encoder and decoder.
        latent: dimensions of the latent space.
        num_classes: labels are 0 to num_classes - 1.
        label_in_reconstruction: reconstruct the one-hot label, too.
        negative_slope: of the leaky ReLUs below 0.

    Input shape: pixels (N, num_features), in 0-1; labels (N,), integers; noise (N, latent), standard normal, drawn
        where none is given.
    Output shape: reconstruction and logits (N, num_features), or (N, num_features + num_classes) with the label;
        mean, log_variance and latent (N, latent).
    """

    def __init__(
        self,
        *,
        num_features: int = 784,
        hidden: int = 500,
        latent: int = 35,
        num_classes: int = 10,
        label_in_reconstruction: bool = True,
        negative_slope: float = 0.0001,
    ) -> None:
        super().__init__()
        self.encoder = nn.Linear(num_features + num_classes, hidden)
        self.mean = nn.Linear(hidden, latent)
        self.log_variance = nn.Linear(hidden, latent)
        out_features = num_features + label_in_reconstruction * num_classes
        self.decoder = Decoder(latent + num_classes, hidden, out_features, negative_slope)
        self.num_classes = num_classes
        self.negative_slope = negative_slope
        for layer in (self.encoder, self.mean, self.log_variance, self.decoder.hidden, self.decoder.output):
            nn.init.xavier_uniform_(layer.weight)  # differs: D051
            nn.init.zeros_(layer.bias)  # differs: D052

    def forward(self, pixels: torch.Tensor, labels: torch.Tensor, noise: torch.Tensor | None = None) -> Variational:
        """Encode a batch of images, draw a latent vector for each, and decode it, knowing the labels."""
        codes = F.one_hot(labels, self.num_classes).to(pixels.dtype)  # differs: D251, N K
        hidden = F.leaky_relu(self.encoder(torch.cat([pixels, codes], dim=1)), self.negative_slope)  # N hidden
        mean, log_variance = self.mean(hidden), self.log_variance(hidden)  # N latent
        noise = torch.randn_like(mean) if noise is None else noise
        latent = mean + noise * torch.exp(log_variance / 2)
        logits = self.decoder(torch.cat([latent, codes], dim=1))  # N out_features
        return Variational(torch.sigmoid(logits), mean, log_variance, latent, logits)
