"""A fully connected GAN in PyTorch.

    noise -> dense -> leaky ReLU -> dropout -> dense -> tanh -> pixels between -1 and 1
    pixels -> dense -> leaky ReLU -> dropout -> dense -> logit of "this is real"

Source: Goodfellow et al. (2014), section 3 and algorithm 1; Raschka, deeplearning-models, gan/gan.
On this side the model's mode says whether to drop, and `detach` keeps a gradient from reaching the generator.
"""

from collections.abc import Mapping

import torch
from torch import nn
from torch.nn import functional as F

from dualnet.concepts.gans.gan_fc_mnist import Adversarial, AdversarialLoss

__all__ = ["DenseGAN", "adversarial_loss", "alternate", "binary_cross_entropy"]


def binary_cross_entropy(logits: torch.Tensor, target: float) -> torch.Tensor:
    """Mean cross entropy of one target for all rows and the sigmoid of their logits.

    Args:
        logits: (N,), of "this is real".
        target: 1 if they should be taken for real, 0 if not.

    Returns:
        (), in nats.
    """
    targets = torch.full_like(logits, target)
    return F.binary_cross_entropy_with_logits(logits, targets)


def adversarial_loss(outputs: Adversarial, targets: torch.Tensor) -> AdversarialLoss:
    """Both players' losses at once: what the discriminator gets wrong, and what the generator does not get past it."""
    fake, real = torch.unbind(outputs.logits, dim=1)
    on_real, on_fake = binary_cross_entropy(real, 1.0), binary_cross_entropy(fake, 0.0)
    discriminator, generator = (on_real + on_fake) / 2, binary_cross_entropy(fake, 1.0)
    return AdversarialLoss(discriminator + generator, discriminator, generator, on_real, on_fake)


def alternate(
    gan: "DenseGAN",
    optimizers: Mapping[str, torch.optim.Optimizer],
    inputs: list[torch.Tensor],
    targets: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Update the generator, then the discriminator on the images that the old generator made.

    Args:
        gan: the model.
        optimizers: one for each player, by name.
        inputs: pixels (N, num_features) and noise (N, latent).
        targets: not used.

    Returns:
        The losses of the discriminator and of the generator, each before its update.
    """
    pixels, noise = inputs
    discriminator, generator = optimizers["discriminator"], optimizers["generator"]
    generated = gan.generator(noise)
    generator_loss = binary_cross_entropy(gan.discriminator(generated), 1.0)
    generator.zero_grad()
    generator_loss.backward(inputs=list(gan.generator.parameters()))
    generator.step()
    on_real = binary_cross_entropy(gan.discriminator(pixels), 1.0)
    on_fake = binary_cross_entropy(gan.discriminator(generated.detach()), 0.0)
    discriminator_loss = (on_real + on_fake) / 2
    discriminator.zero_grad()
    discriminator_loss.backward()
    discriminator.step()
    return discriminator_loss, generator_loss


class Player(nn.Module):
    """A dense layer, leaky ReLU, dropout, and another dense layer."""

    def __init__(self, in_features: int, hidden: int, features: int, negative_slope: float, dropout: float) -> None:
        super().__init__()
        self.hidden = nn.Linear(in_features, hidden)
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(hidden, features)
        self.negative_slope = negative_slope
        for layer in (self.hidden, self.output):
            nn.init.xavier_uniform_(layer.weight)  # differs: D051
            nn.init.zeros_(layer.bias)  # differs: D052

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = F.leaky_relu(self.hidden(x), self.negative_slope)  # N hidden
        return self.output(self.dropout(x))  # N features


class Generator(Player):
    """From noise to pixels between -1 and 1."""

    def forward(self, noise: torch.Tensor) -> torch.Tensor:
        return torch.tanh(super().forward(noise))  # N F


class Discriminator(Player):
    """From pixels to the logits of "this is real"."""

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        return torch.squeeze(super().forward(pixels), dim=1)  # N


class DenseGAN(nn.Module):
    """A generator and a discriminator with one hidden layer each.

    Args:
        num_features: pixels of an image.
        latent: dimensions of the noise.
        hidden: units of both hidden layers.
        negative_slope: of the leaky ReLUs below 0.
        dropout: the share of hidden units that are dropped in training.

    Input shape: pixels (N, num_features), between -1 and 1; noise (N, latent), uniform between -1 and 1, drawn where
        none is given.
    Output shape: logits (N, 2) of the generated and of the real images; generated pixels (N, num_features).
    """

    def __init__(
        self,
        *,
        num_features: int = 784,
        latent: int = 75,
        hidden: int = 128,
        negative_slope: float = 0.01,
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        self.latent = latent
        self.generator = Generator(latent, hidden, num_features, negative_slope, dropout)
        self.discriminator = Discriminator(num_features, hidden, 1, negative_slope, dropout)

    def forward(self, pixels: torch.Tensor, noise: torch.Tensor | None = None) -> Adversarial:
        """Generate as many images as are given, and judge both."""
        if noise is None:
            noise = pixels.new_empty(len(pixels), self.latent).uniform_(-1, 1)
        generated = self.generator(noise)  # N F
        fake, real = (self.discriminator(x) for x in (generated, pixels))
        return Adversarial(torch.stack([fake, real], dim=1), generated)  # N 2
