"""A generative adversarial network on points of the plane, in PyTorch.

    noise -> dense -> points;  points -> dense -> tanh -> dense -> tanh -> dense -> logit of "this is real"

Source: Goodfellow et al. (2014), section 3 and algorithm 1; Dive into Deep Learning, section 20.1.
On this side `detach` keeps a gradient from reaching the generator, and `backward` is told whose gradients to find.
"""

from collections.abc import Mapping

import torch
from torch import nn
from torch.nn import functional as F

from dualnet.concepts.gans.gan_gaussian import DEVIATION, Adversarial, AdversarialLoss

__all__ = ["GaussianGAN", "adversarial_loss", "alternate", "binary_cross_entropy"]


def binary_cross_entropy(logits: torch.Tensor, target: float) -> torch.Tensor:
    """Cross entropy of one target for all rows and the sigmoid of their logits, summed over the batch.

    Args:
        logits: (N,), of "this is real".
        target: 1 if they should be taken for real, 0 if not.

    Returns:
        (), in nats; 0 for an empty batch.
    """
    targets = torch.full_like(logits, target)
    return F.binary_cross_entropy_with_logits(logits, targets, reduction="sum")  # differs: D124


def adversarial_loss(outputs: Adversarial, targets: torch.Tensor) -> AdversarialLoss:
    """Both players' losses at once: what the discriminator gets wrong, and what the generator does not get past it."""
    fake, real = torch.unbind(outputs.logits, dim=1)
    on_real, on_fake = binary_cross_entropy(real, 1.0), binary_cross_entropy(fake, 0.0)
    discriminator, generator = (on_real + on_fake) / 2, binary_cross_entropy(fake, 1.0)
    return AdversarialLoss(discriminator + generator, discriminator, generator, on_real, on_fake)


def alternate(
    gan: "GaussianGAN",
    optimizers: Mapping[str, torch.optim.Optimizer],
    inputs: list[torch.Tensor],
    targets: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Update the discriminator, then the generator against the new discriminator.

    Args:
        gan: the model.
        optimizers: one for each player, by name.
        inputs: points (N, num_features) and noise (N, latent).
        targets: not used.

    Returns:
        The losses of the discriminator and of the generator, each before its update.
    """
    points, noise = inputs
    discriminator, generator = optimizers["discriminator"], optimizers["generator"]
    generated = gan.generator(noise)
    on_real = binary_cross_entropy(gan.discriminator(points), 1.0)
    on_fake = binary_cross_entropy(gan.discriminator(generated.detach()), 0.0)
    discriminator_loss = (on_real + on_fake) / 2
    discriminator.zero_grad()
    discriminator_loss.backward()
    discriminator.step()
    generator_loss = binary_cross_entropy(gan.discriminator(generated), 1.0)
    generator.zero_grad()
    generator_loss.backward(inputs=list(gan.generator.parameters()))
    generator.step()
    return discriminator_loss, generator_loss


def dense(in_features: int, units: int) -> nn.Linear:
    """A dense layer that starts close to 0."""
    layer = nn.Linear(in_features, units)
    nn.init.normal_(layer.weight, std=DEVIATION)  # differs: D051
    nn.init.normal_(layer.bias, std=DEVIATION)  # differs: D052
    return layer


class Discriminator(nn.Module):
    """From points to the logits of "this is real"."""

    def __init__(self, num_features: int, hidden: tuple[int, ...]) -> None:
        super().__init__()
        sizes = (num_features, *hidden)
        self.hidden = nn.ModuleList([dense(sizes[i], units) for i, units in enumerate(hidden)])
        self.output = dense(sizes[-1], 1)

    def forward(self, points: torch.Tensor) -> torch.Tensor:
        x = points
        for layer in self.hidden:
            x = torch.tanh(layer(x))  # N hidden
        return torch.squeeze(self.output(x), dim=1)  # N


class GaussianGAN(nn.Module):
    """A linear generator and a discriminator with tanh units.

    Args:
        num_features: coordinates of a point.
        latent: dimensions of the noise.
        hidden: units of the discriminator's hidden layers.

    Input shape: points (N, num_features); noise (N, latent), standard normal, drawn where none is given.
    Output shape: logits (N, 2) of the generated and of the real points; generated points (N, num_features).
    """

    def __init__(self, *, num_features: int = 2, latent: int = 2, hidden: tuple[int, ...] = (5, 3)) -> None:
        super().__init__()
        self.latent = latent
        self.generator = dense(latent, num_features)
        self.discriminator = Discriminator(num_features, hidden)

    def forward(self, points: torch.Tensor, noise: torch.Tensor | None = None) -> Adversarial:
        """Generate as many points as are given, and judge both."""
        noise = points.new_empty(len(points), self.latent).normal_() if noise is None else noise
        generated = self.generator(noise)  # N F
        logits = torch.stack([self.discriminator(generated), self.discriminator(points)], dim=1)  # N 2
        return Adversarial(logits, generated)
