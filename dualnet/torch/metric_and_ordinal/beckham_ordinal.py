"""Ordinal regression by the expected class in PyTorch.

    rows or images -> backbone -> softmax over K; (K - 1) * sigmoid(softmax . a): the rank, to be rounded

Source: Beckham, Pal (2016), section 2.
On this side there is no cumulative sum from the end: flip, sum, flip.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from dualnet.concepts.metric_and_ordinal.beckham_ordinal import EPSILON, MOMENTUM, ExpectedRank
from dualnet.interface import choose
from dualnet.torch.modern_convnets.resnet import ResNet

__all__ = ["BeckhamOrdinal", "above", "beckham_loss", "expected_rank"]


def expected_rank(logits: torch.Tensor, rank_weights: torch.Tensor) -> torch.Tensor:
    """A rank as a real number: class probabilities weighted by learnt numbers, squeezed into 0 to K - 1.

    Args:
        logits: (N, K).
        rank_weights: (K,).

    Returns:
        (N,).
    """
    score = torch.softmax(logits, dim=1) @ rank_weights  # N
    return (logits.shape[1] - 1) * torch.sigmoid(score)


def above(class_probabilities: torch.Tensor) -> torch.Tensor:
    """Probability of being above each of the lower ranks.

    Args:
        class_probabilities: (N, K).

    Returns:
        (N, K - 1).
    """
    return class_probabilities.flip(1).cumsum(1).flip(1)[:, 1:]  # differs: X-cumsum-reverse


def beckham_loss(outputs: ExpectedRank, labels: torch.Tensor) -> torch.Tensor:
    """Squared error of the expected rank, averaged over the batch, in ranks squared."""
    return torch.mean(torch.square(outputs.expectation - labels.to(outputs.expectation.dtype)))


class DenseBlock(nn.Module):
    """Dense layer, leaky ReLU, dropout, batch normalization if wanted."""

    def __init__(
        self, in_features: int, features: int, dropout: float, batch_norm: bool, negative_slope: float
    ) -> None:
        super().__init__()
        self.linear = nn.Linear(in_features, features)
        nn.init.xavier_uniform_(self.linear.weight)  # differs: D051
        nn.init.zeros_(self.linear.bias)  # differs: D052
        self.dropout = nn.Dropout(dropout)
        self.norm = nn.BatchNorm1d(features, EPSILON, MOMENTUM) if batch_norm else None
        self.negative_slope = negative_slope

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.dropout(F.leaky_relu(self.linear(x), self.negative_slope))  # N F
        return x if self.norm is None else self.norm(x)


class MLP(nn.Sequential):
    """Dense blocks, one after the other."""

    def __init__(
        self, num_features: int, hidden: tuple[int, ...], dropout: float, batch_norm: bool, negative_slope: float
    ) -> None:
        sizes = (num_features, *hidden)
        blocks = (DenseBlock(sizes[i], n, dropout, batch_norm, negative_slope) for i, n in enumerate(hidden))
        super().__init__(*blocks)
        self.num_features = sizes[-1]


class BeckhamOrdinal(nn.Module):
    """Ordinal regression by the expected class on rows of numbers or images.

    Args:
        backbone: what finds the features: "mlp" of rows of numbers, or "resnet" of images.
        num_features: numbers in a row.
        hidden: of an "mlp": units of the hidden layers.
        num_classes: K, the number of ranks.
        dropout: of an "mlp": share of the hidden units left out in training.
        batch_norm: of an "mlp": normalise after every hidden layer.
        negative_slope: of an "mlp": of the leaky ReLUs below 0.
        in_channels: colours of the images.
        image_size: their height and width in pixels.
        layers: of a "resnet": basic blocks of each stage.
        channels: of a "resnet": feature maps of each stage.
        pool: of a "resnet": "global" average pooling, or "padded", 7x7 at stride 1 with two zeros on every side.

    Input shape: (N, num_features), or (N, in_channels, image_size, image_size).
    Output shape: rank (N,), integers; probabilities (N, num_classes - 1); logits (N, num_classes);
        expectation (N,).

    Raises:
        ConfigError: an unknown backbone or pool, or images too small.
    """

    def __init__(
        self,
        *,
        backbone: str = "mlp",
        num_features: int = 10,
        hidden: tuple[int, ...] = (300, 300),
        num_classes: int = 5,
        dropout: float = 0.2,
        batch_norm: bool = True,
        negative_slope: float = 0.01,
        in_channels: int = 1,
        image_size: int = 28,
        layers: tuple[int, ...] = (3, 4, 6, 3),
        channels: tuple[int, ...] = (64, 128, 256, 512),
        pool: str = "global",
    ) -> None:
        super().__init__()
        images: dict[str, Any] = {
            "in_channels": in_channels,
            "image_size": image_size,
            "channels": channels,
            "num_classes": 0,
        }
        backbones: dict[str, Callable[[], MLP | ResNet]] = {
            "mlp": lambda: MLP(num_features, hidden, dropout, batch_norm, negative_slope),
            "resnet": lambda: ResNet(layers=layers, pool=pool, **images),
        }
        network = choose(backbones, backbone, "backbone")()
        self.backbone = backbone
        self.add_module(backbone, network)
        self.output = nn.Linear(network.num_features, num_classes)
        nn.init.xavier_uniform_(self.output.weight)
        nn.init.zeros_(self.output.bias)
        self.rank_weights = nn.Parameter(torch.normal(0.0, 0.1, (num_classes,)))

    def forward(self, inputs: torch.Tensor) -> ExpectedRank:
        """Ranks of a batch of rows or images."""
        x = self.get_submodule(self.backbone)(inputs)  # N F
        logits = self.output(x)  # N K
        probabilities = above(torch.softmax(logits, dim=1))  # N K-1
        expectation = expected_rank(logits, self.rank_weights)  # N
        return ExpectedRank(torch.round(expectation).long(), probabilities, logits, expectation)
