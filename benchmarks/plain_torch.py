"""The ordinary way to train in PyTorch: `nn.Sequential` and an eager loop over shuffled rows of tensors."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import pairwise

import torch
from torch import nn
from torch.nn import functional as F

from dualnet.concepts.autoencoders.conv_vae import (
    CROPS,
    DECODER_KERNELS,
    DECODER_STRIDES,
    KERNELS,
    SIZES,
    STRIDES,
)
from dualnet.concepts.convnets.lenet import feature_size
from dualnet.interface import Array, Config, Optimizer

__all__ = ["FORMATS", "NETWORKS", "OWN_STEPS", "adversarial_loop", "loop", "model", "variational_loop"]

FORMATS = {"contiguous": torch.contiguous_format, "channels_last": torch.channels_last}
"""Ways to lay images out in memory."""


def lenet(settings: Config) -> list[nn.Module]:
    activation = {"sigmoid": nn.Sigmoid, "relu": nn.ReLU, "tanh": nn.Tanh}[settings["activation"]]
    pooling = {"avg": nn.AvgPool2d, "max": nn.MaxPool2d}[settings["pooling"]]
    first, second = settings["channels"]
    sizes = [second * feature_size(settings["image_size"], settings["padding"])[-1] ** 2, *settings["hidden"]]
    return [
        nn.Conv2d(settings["in_channels"], first, 5, padding=settings["padding"][0]),
        activation(),
        pooling(2),
        nn.Conv2d(first, second, 5, padding=settings["padding"][1]),
        activation(),
        pooling(2),
        nn.Flatten(),
        *(layer for a, b in pairwise(sizes) for layer in (nn.Linear(a, b), activation())),
        nn.Linear(sizes[-1], settings["num_classes"]),
    ]


def multilayer_perceptron(settings: Config) -> list[nn.Module]:
    return [
        nn.Flatten(),
        nn.Linear(settings["in_channels"] * settings["image_size"] ** 2, settings["hidden"]),
        nn.ReLU(),
        nn.Linear(settings["hidden"], settings["num_classes"]),
    ]


NETWORKS: Mapping[str, Callable[[Config], list[nn.Module]]] = {
    "lenet": lenet,
    "multilayer_perceptron": multilayer_perceptron,
}


def model(concept: str, settings: Config, public: str) -> nn.Module:
    """A network as it is written by hand, or torchvision's of this name."""
    if not public:
        return nn.Sequential(*NETWORKS[concept](settings))
    from torchvision import models

    one_output = {"aux_logits": False, "init_weights": False} if public == "googlenet" else {}
    network: nn.Module = getattr(models, public)(weights=None, num_classes=settings["num_classes"], **one_output)
    return network


def loop(
    network: nn.Module,
    rule: Optimizer,
    x: Array,
    y: Array,
    orders: Iterable[Array],
    batch_size: int,
    memory_format: str,
) -> Iterator[float]:
    """Seconds of each epoch; the images are brought into memory format before the clock starts."""
    layout = FORMATS[memory_format]
    network = network.to(memory_format=layout)
    update = optimizer(rule, network)
    images, labels = torch.tensor(x).contiguous(memory_format=layout), torch.tensor(y)
    for order in orders:
        started = time.perf_counter()
        for rows in torch.as_tensor(order).split(batch_size):
            update.zero_grad()
            loss = F.cross_entropy(network(images[rows]), labels[rows])
            loss.backward()
            update.step()
        yield time.perf_counter() - started


def dcgan(settings: Config) -> tuple[nn.Module, nn.Module]:
    maps = [settings["channels"] * 2**i for i in range(settings["image_size"].bit_length() - 3)]
    up, down = [settings["latent"], *reversed(maps)], [settings["in_channels"], *maps]
    generator: list[nn.Module] = []
    for i, (a, b) in enumerate(pairwise(up)):
        stride, padding = (2, 1) if i else (1, 0)
        generator += [nn.ConvTranspose2d(a, b, 4, stride, padding, bias=False), nn.BatchNorm2d(b), nn.ReLU()]
    generator += [nn.ConvTranspose2d(up[-1], settings["in_channels"], 4, 2, 1, bias=False), nn.Tanh()]
    discriminator: list[nn.Module] = []
    for a, b in pairwise(down):
        discriminator += [nn.Conv2d(a, b, 4, 2, 1, bias=False), nn.BatchNorm2d(b)]
        discriminator += [nn.LeakyReLU(settings["negative_slope"])]
    return nn.Sequential(*generator), nn.Sequential(*discriminator, nn.Conv2d(down[-1], 1, 4, bias=False))


def adversarial_loop(
    settings: Config, rule: Optimizer, x: Array, orders: Iterable[Array], batch_size: int, memory_format: str
) -> Iterator[float]:
    """Seconds of each epoch of a DCGAN, trained as in PyTorch's own tutorial: each fake batch serves both players."""
    layout = FORMATS[memory_format]
    generator, discriminator = (part.to(memory_format=layout) for part in dcgan(settings))
    updates = optimizer(rule, generator), optimizer(rule, discriminator)
    images, criterion = torch.tensor(x).contiguous(memory_format=layout), nn.BCEWithLogitsLoss()
    for order in orders:
        started = time.perf_counter()
        for rows in torch.as_tensor(order).split(batch_size):
            updates[1].zero_grad()
            real = discriminator(images[rows]).flatten()
            criterion(real, torch.ones_like(real)).backward()
            generated = generator(torch.randn(len(rows), settings["latent"], 1, 1))
            fake = discriminator(generated.detach()).flatten()
            criterion(fake, torch.zeros_like(fake)).backward()
            updates[1].step()
            updates[0].zero_grad()
            fake = discriminator(generated).flatten()
            criterion(fake, torch.ones_like(fake)).backward()
            updates[0].step()
        yield time.perf_counter() - started


class VAE(nn.Module):
    """An encoder with two heads, and a decoder."""

    def __init__(self, settings: Config) -> None:
        super().__init__()
        channels, slope, latent = settings["channels"], settings["negative_slope"], settings["latent"]
        down, up = (settings["in_channels"], *channels), (*channels[::-1], settings["in_channels"])
        encoder: list[nn.Module] = []
        for (a, b), kernel, stride in zip(pairwise(down), KERNELS, STRIDES, strict=True):
            encoder += [nn.Conv2d(a, b, kernel, stride), nn.LeakyReLU(slope)]
        features = channels[-1] * SIZES[-1] ** 2
        decoder: list[nn.Module] = [nn.Linear(latent, features), nn.Unflatten(1, (-1, SIZES[-1], SIZES[-1]))]
        for (a, b), kernel, stride, crop in zip(pairwise(up), DECODER_KERNELS, DECODER_STRIDES, CROPS, strict=True):
            decoder += [nn.ConvTranspose2d(a, b, kernel, stride, crop), nn.LeakyReLU(slope)]
        self.encoder, self.decoder = nn.Sequential(*encoder, nn.Flatten()), nn.Sequential(*decoder)
        self.mean, self.log_variance = nn.Linear(features, latent), nn.Linear(features, latent)

    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Logits, mean and log-variance."""
        features = self.encoder(images)
        mean, log_variance = self.mean(features), self.log_variance(features)
        latent = mean + torch.randn_like(mean) * torch.exp(log_variance / 2)
        return self.decoder(latent), mean, log_variance


def variational_loop(
    settings: Config, rule: Optimizer, x: Array, orders: Iterable[Array], batch_size: int, memory_format: str
) -> Iterator[float]:
    """Seconds of each epoch of a convolutional variational autoencoder."""
    layout = FORMATS[memory_format]
    model = VAE(settings).to(memory_format=layout)
    update, images = optimizer(rule, model), torch.tensor(x).contiguous(memory_format=layout)
    for order in orders:
        started = time.perf_counter()
        for rows in torch.as_tensor(order).split(batch_size):
            update.zero_grad()
            batch = images[rows]
            logits, mean, log_variance = model(batch)
            loss = 0.5 * torch.sum(mean.square() + log_variance.exp() - log_variance - 1)
            loss = loss + F.binary_cross_entropy_with_logits(logits, batch, reduction="sum")
            loss.backward()
            update.step()
        yield time.perf_counter() - started


def optimizer(rule: Optimizer, model: nn.Module) -> torch.optim.Optimizer:
    if rule.name == "sgd":
        return torch.optim.SGD(model.parameters(), rule.learning_rate, rule.momentum)
    return torch.optim.Adam(model.parameters(), rule.learning_rate, rule.betas, rule.epsilon)


OWN_STEPS = {"dcgan": adversarial_loop, "conv_vae": variational_loop}
"""What is trained otherwise than by cross entropy of labels."""
