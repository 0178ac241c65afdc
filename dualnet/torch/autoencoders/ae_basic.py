"""A fully connected autoencoder in PyTorch.

    pixels -> dense -> leaky ReLU: the code -> dense -> sigmoid: the reconstruction

Source: Hinton, Salakhutdinov (2006); Raschka, deeplearning-models, autoencoder/ae-basic.
On this side a layer must be told the size of its input, and a leaky ReLU its slope.
"""

import torch
from torch import nn
from torch.nn import functional as F

from dualnet.concepts.autoencoders.ae_basic import Reconstruction

__all__ = ["Autoencoder", "binary_cross_entropy", "reconstruction_loss"]


def binary_cross_entropy(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Cross entropy of targets in 0-1 and the sigmoid of logits, averaged over all elements.

    Args:
        logits: any shape.
        targets: the same shape, in 0-1.

    Returns:
        (), in nats; NaN for an empty batch.
    """
    return F.binary_cross_entropy_with_logits(logits, targets)


def reconstruction_loss(outputs: Reconstruction, targets: torch.Tensor) -> torch.Tensor:
    """Binary cross entropy of an image and its reconstruction, the mean over batch and pixels, in nats."""
    return binary_cross_entropy(outputs.logits, targets)


class Autoencoder(nn.Module):
    """A fully connected autoencoder.

    Args:
        num_features: pixels of an image.
        hidden: numbers in a code.
        negative_slope: of the leaky ReLU below 0; 0 makes it a ReLU.

    Input shape: (N, num_features), in 0-1.
    Output shape: reconstruction (N, num_features) in 0-1, code (N, hidden), logits (N, num_features).
    """

    def __init__(self, *, num_features: int = 784, hidden: int = 32, negative_slope: float = 0.01) -> None:
        super().__init__()
        self.encoder = nn.Linear(num_features, hidden)
        self.decoder = nn.Linear(hidden, num_features)
        for layer in (self.encoder, self.decoder):
            nn.init.xavier_uniform_(layer.weight)  # differs: D051
            nn.init.zeros_(layer.bias)  # differs: D052
        self.negative_slope = negative_slope

    def forward(self, pixels: torch.Tensor) -> Reconstruction:
        """Encode a batch of images, and draw them again."""
        code = F.leaky_relu(self.encoder(pixels), self.negative_slope)  # N hidden
        logits = self.decoder(code)  # N num_features
        return Reconstruction(torch.sigmoid(logits), code, logits)
