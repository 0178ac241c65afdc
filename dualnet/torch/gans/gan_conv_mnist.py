"""A convolutional GAN in PyTorch.

    noise -> dense -> 4 transposed convolutions (7 -> 13 -> 25 -> 27 -> 28 pixels) -> tanh -> image between -1 and 1
    image -> 2 strided convolutions (28 -> 14 -> 7 pixels) -> dense -> logit of "this is real"

Batch normalization and leaky ReLU follow every layer but the last of each player.

Source: Goodfellow et al. (2014), algorithm 1; Salimans et al. (2016), section 3.4; Raschka, deeplearning-models.
On this side a transposed convolution crops by itself, and feature maps are N C H W.
"""

from collections.abc import Mapping

import torch
from torch import nn
from torch.nn import functional as F

from dualnet.concepts.gans.gan_conv_mnist import (
    CROPS,
    EPSILON,
    KERNELS,
    MOMENTUM,
    SIZE,
    SMOOTHED,
    STRIDES,
    Adversarial,
    AdversarialLoss,
)

__all__ = [
    "ConvolutionalGAN",
    "adversarial_loss",
    "alternate",
    "alternate_smoothed",
    "binary_cross_entropy",
    "smoothed_adversarial_loss",
]


def binary_cross_entropy(logits: torch.Tensor, target: float) -> torch.Tensor:
    """Mean cross entropy of one target for all rows and the sigmoid of their logits.

    Args:
        logits: (N,), of "this is real".
        target: 1, or a little less, if they should be taken for real, 0 if not.

    Returns:
        (), in nats.
    """
    targets = torch.full_like(logits, target)
    return F.binary_cross_entropy_with_logits(logits, targets)


def adversarial_loss(outputs: Adversarial, targets: torch.Tensor) -> AdversarialLoss:
    """Both players' losses at once: what the discriminator gets wrong, and what the generator does not get past it."""
    return _losses(outputs, 1.0)


def smoothed_adversarial_loss(outputs: Adversarial, targets: torch.Tensor) -> AdversarialLoss:
    """The same with a target of 0.9 instead of 1, for both players."""
    return _losses(outputs, SMOOTHED)


def _losses(outputs: Adversarial, target: float) -> AdversarialLoss:
    fake, real = torch.unbind(outputs.logits, dim=1)
    on_real, on_fake = binary_cross_entropy(real, target), binary_cross_entropy(fake, 0.0)
    discriminator, generator = (on_real + on_fake) / 2, binary_cross_entropy(fake, target)
    return AdversarialLoss(discriminator + generator, discriminator, generator, on_real, on_fake)


def alternate(
    gan: "ConvolutionalGAN",
    optimizers: Mapping[str, torch.optim.Optimizer],
    inputs: list[torch.Tensor],
    targets: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Update the generator, then the discriminator on the images that the old generator made.

    Args:
        gan: the model.
        optimizers: one for each player, by name.
        inputs: images (N, 1, 28, 28) and noise (N, latent).
        targets: not used.

    Returns:
        The losses of the discriminator and of the generator, each before its update.
    """
    return _alternate(gan, optimizers, inputs, 1.0)


def alternate_smoothed(
    gan: "ConvolutionalGAN",
    optimizers: Mapping[str, torch.optim.Optimizer],
    inputs: list[torch.Tensor],
    targets: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor]:
    """The same with a target of 0.9 instead of 1, for both players."""
    return _alternate(gan, optimizers, inputs, SMOOTHED)


def _alternate(
    gan: "ConvolutionalGAN",
    optimizers: Mapping[str, torch.optim.Optimizer],
    inputs: list[torch.Tensor],
    target: float,
) -> tuple[torch.Tensor, torch.Tensor]:
    images, noise = inputs
    discriminator, generator = optimizers["discriminator"], optimizers["generator"]
    generated = gan.generator(noise)
    generator_loss = binary_cross_entropy(gan.discriminator(generated), target)
    generator.zero_grad()
    generator_loss.backward(inputs=list(gan.generator.parameters()))
    generator.step()
    on_real = binary_cross_entropy(gan.discriminator(images), target)
    on_fake = binary_cross_entropy(gan.discriminator(generated.detach()), 0.0)
    discriminator_loss = (on_real + on_fake) / 2
    discriminator.zero_grad()
    discriminator_loss.backward()
    discriminator.step()
    return discriminator_loss, generator_loss


class Up(nn.Module):
    """A transposed convolution that loses as many rows and columns at either end; normalised and activated."""

    def __init__(self, in_channels: int, channels: int, i: int, last: bool, negative_slope: float) -> None:
        super().__init__()
        self.conv = nn.ConvTranspose2d(in_channels, channels, KERNELS[i], STRIDES[i], padding=CROPS[i], bias=False)
        nn.init.xavier_uniform_(self.conv.weight)  # differs: D051
        self.norm = None if last else nn.BatchNorm2d(channels, EPSILON, MOMENTUM)
        self.negative_slope = negative_slope

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.conv(x)
        if self.norm is None:
            return torch.tanh(x)
        return F.leaky_relu(self.norm(x), self.negative_slope)


class Generator(nn.Module):
    """From noise to images between -1 and 1."""

    def __init__(self, latent: int, channels: tuple[int, ...], negative_slope: float) -> None:
        super().__init__()
        self.dense = nn.Linear(latent, channels[0] * SIZE**2, bias=False)
        nn.init.xavier_uniform_(self.dense.weight)
        self.norm = nn.BatchNorm1d(channels[0] * SIZE**2, EPSILON, MOMENTUM)
        maps = (*channels, 1)
        self.up = nn.ModuleList([Up(maps[i], maps[i + 1], i, i == 3, negative_slope) for i in range(4)])
        self.negative_slope = negative_slope

    def forward(self, noise: torch.Tensor) -> torch.Tensor:
        x = F.leaky_relu(self.norm(self.dense(noise)), self.negative_slope)  # N C*7*7
        x = x.reshape(-1, x.shape[1] // SIZE**2, SIZE, SIZE)  # N C 7 7
        for layer in self.up:
            x = layer(x)
        return x  # N 1 28 28


class Down(nn.Module):
    """A convolution that halves height and width; normalised and activated."""

    def __init__(self, in_channels: int, channels: int, negative_slope: float) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, channels, 3, 2, padding=1, bias=False)
        nn.init.xavier_uniform_(self.conv.weight)
        self.norm = nn.BatchNorm2d(channels, EPSILON, MOMENTUM)
        self.negative_slope = negative_slope

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.conv(x)  # N C H/2 W/2
        return F.leaky_relu(self.norm(x), self.negative_slope)


class Discriminator(nn.Module):
    """From images to the logits of "this is real"."""

    def __init__(self, channels: tuple[int, int], negative_slope: float) -> None:
        super().__init__()
        sizes = (1, *channels)
        self.down = nn.ModuleList([Down(sizes[i], maps, negative_slope) for i, maps in enumerate(channels)])
        self.output = nn.Linear(channels[-1] * SIZE**2, 1)
        nn.init.xavier_uniform_(self.output.weight)
        nn.init.zeros_(self.output.bias)  # differs: D052

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        x = images
        for layer in self.down:
            x = layer(x)
        x = torch.flatten(x, 1)  # N C*7*7
        return torch.squeeze(self.output(x), dim=1)  # N


class ConvolutionalGAN(nn.Module):
    """A convolutional generator and discriminator, for images of 28 pixels.

    Args:
        latent: dimensions of the noise.
        generator_channels: feature maps before each of the four transposed convolutions.
        discriminator_channels: feature maps after each of the two convolutions.
        negative_slope: of the leaky ReLUs below 0.

    Input shape: images (N, 1, 28, 28), between -1 and 1; noise (N, latent), uniform between -1 and 1, drawn where
        none is given.
    Output shape: logits (N, 2) of the generated and of the real images; generated images (N, 1, 28, 28).
    """

    def __init__(
        self,
        *,
        latent: int = 100,
        generator_channels: tuple[int, int, int, int] = (64, 32, 16, 8),
        discriminator_channels: tuple[int, int] = (8, 32),
        negative_slope: float = 0.0001,
    ) -> None:
        super().__init__()
        self.latent = latent
        self.generator = Generator(latent, generator_channels, negative_slope)
        self.discriminator = Discriminator(discriminator_channels, negative_slope)

    def forward(self, images: torch.Tensor, noise: torch.Tensor | None = None) -> Adversarial:
        """Generate as many images as are given, and judge both."""
        if noise is None:
            noise = images.new_empty(len(images), self.latent).uniform_(-1, 1)
        generated = self.generator(noise)  # N C H W
        fake, real = (self.discriminator(x) for x in (generated, images))
        return Adversarial(torch.stack([fake, real], dim=1), generated)  # N 2
