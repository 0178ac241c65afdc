"""A deep convolutional GAN in PyTorch.

    noise -> transposed convolutions (1 -> 4 -> 8 -> ... pixels) -> tanh -> image between -1 and 1
    image -> strided convolutions (... -> 8 -> 4 -> 1 pixels) -> logit of "this is real"

Batch normalization follows every convolution but the last of each player, then ReLU or leaky ReLU.

Source: Radford et al. (2016), section 3; Dive into Deep Learning, section 20.2.
On this side 4x4 kernels with stride 2 are padded by 1, and feature maps are N C H W.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from dualnet.concepts.gans.dcgan import DEVIATION, EPSILON, KERNEL, MOMENTUM, Adversarial, AdversarialLoss, blocks

__all__ = ["DCGAN", "adversarial_loss", "alternate", "binary_cross_entropy"]


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
    gan: "DCGAN",
    optimizers: Mapping[str, torch.optim.Optimizer],
    inputs: list[torch.Tensor],
    targets: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Update the discriminator, then the generator against the new discriminator, by the same generated images.

    Args:
        gan: the model.
        optimizers: one for each player, by name.
        inputs: images (N, C, H, W) and noise (N, latent).
        targets: not used.

    Returns:
        The losses of the discriminator and of the generator, each before its update.
    """
    images, noise = inputs
    discriminator, generator = optimizers["discriminator"], optimizers["generator"]
    generated = gan.generator(noise)
    on_real = binary_cross_entropy(gan.discriminator(images), 1.0)
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


def convolution(kind: Any, in_channels: int, channels: int, stride: int, padding: int) -> nn.Module:
    """A convolution, or a transposed one, without a bias."""
    layer: nn.Module = kind(in_channels, channels, KERNEL, stride, padding, bias=False)
    nn.init.normal_(layer.weight, std=DEVIATION)  # differs: D051
    return layer


def batch_norm(channels: int) -> nn.BatchNorm2d:
    """Batch normalization that starts close to 0."""
    norm = nn.BatchNorm2d(channels, EPSILON, MOMENTUM)  # differs: D030, D031, D033
    nn.init.normal_(norm.weight, std=DEVIATION)
    nn.init.normal_(norm.bias, std=DEVIATION)
    return norm


class Up(nn.Module):
    """A transposed convolution, normalised, and ReLU."""

    def __init__(self, in_channels: int, channels: int, stride: int, padding: int) -> None:
        super().__init__()
        self.conv = convolution(nn.ConvTranspose2d, in_channels, channels, stride, padding)
        self.norm = batch_norm(channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.relu(self.norm(self.conv(x)))


class Generator(nn.Module):
    """From noise to images between -1 and 1."""

    def __init__(self, out_channels: int, image_size: int, latent: int, channels: int) -> None:
        super().__init__()
        maps = [channels * 2**i for i in reversed(range(blocks(image_size)))]
        self.up = nn.ModuleList([Up(latent, maps[0], 1, 0)])
        self.up.extend([Up(maps[i - 1], maps[i], 2, 1) for i in range(1, len(maps))])
        self.output = convolution(nn.ConvTranspose2d, channels, out_channels, 2, 1)

    def forward(self, noise: torch.Tensor) -> torch.Tensor:
        x = noise[:, :, None, None]  # N latent 1 1
        for layer in self.up:
            x = layer(x)  # N C 4 4, then twice as high and wide, half as deep
        return torch.tanh(self.output(x))  # N C H W


class Down(nn.Module):
    """A convolution that halves height and width, normalised, and leaky ReLU."""

    def __init__(self, in_channels: int, channels: int, negative_slope: float) -> None:
        super().__init__()
        self.conv = convolution(nn.Conv2d, in_channels, channels, 2, 1)
        self.norm = batch_norm(channels)
        self.negative_slope = negative_slope

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.norm(self.conv(x))
        return F.leaky_relu(x, self.negative_slope)  # differs: D199


class Discriminator(nn.Module):
    """From images to the logits of "this is real"."""

    def __init__(self, in_channels: int, image_size: int, channels: int, negative_slope: float) -> None:
        super().__init__()
        maps = [in_channels, *(channels * 2**i for i in range(blocks(image_size)))]
        self.down = nn.ModuleList([Down(maps[i], maps[i + 1], negative_slope) for i in range(len(maps) - 1)])
        self.output = convolution(nn.Conv2d, maps[-1], 1, 1, 0)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        x = images
        for layer in self.down:
            x = layer(x)  # half as high and wide, then twice as deep
        return torch.reshape(self.output(x), (-1,))  # N


class DCGAN(nn.Module):
    """A deep convolutional generator and discriminator.

    Args:
        in_channels: colours of the image.
        image_size: its height and width in pixels, a power of two.
        latent: dimensions of the noise.
        channels: feature maps next to the image; they double whenever height and width halve.
        negative_slope: of the discriminator's leaky ReLUs below 0.

    Input shape: images (N, in_channels, H, W), between -1 and 1; noise (N, latent), standard normal, drawn where none
        is given.
    Output shape: logits (N, 2) of the generated and of the real images; generated images as the real ones.

    Raises:
        ConfigError: an image that cannot be halved down to 4 pixels.
    """

    def __init__(
        self,
        *,
        in_channels: int = 3,
        image_size: int = 64,
        latent: int = 100,
        channels: int = 64,
        negative_slope: float = 0.2,
    ) -> None:
        super().__init__()
        self.latent = latent
        self.generator = Generator(in_channels, image_size, latent, channels)
        self.discriminator = Discriminator(in_channels, image_size, channels, negative_slope)

    def forward(self, images: torch.Tensor, noise: torch.Tensor | None = None) -> Adversarial:
        """Generate as many images as are given, and judge both."""
        noise = images.new_empty(len(images), self.latent).normal_() if noise is None else noise
        generated = self.generator(noise)  # N C H W
        fake, real = (self.discriminator(x) for x in (generated, images))
        return Adversarial(torch.stack([fake, real], dim=1), generated)  # N 2
