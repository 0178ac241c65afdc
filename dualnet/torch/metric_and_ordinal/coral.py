"""CORAL in PyTorch.

    rows or images -> backbone -> one score; score + bias k -> sigmoid: the probability of a rank above k

Source: Cao, Mirjalili, Raschka (2020), sections 3.2 to 3.4.
On this side a parameter is an `nn.Parameter`, and a dense layer is told the size of its input.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from dualnet.concepts.metric_and_ordinal.coral import EPSILON, MOMENTUM, OrdinalOutput
from dualnet.interface import choose
from dualnet.torch.modern_convnets.resnet import ResNet

__all__ = ["Coral", "coral_loss", "cumulative_cross_entropy", "levels"]


def levels(labels: torch.Tensor, num_classes: int) -> torch.Tensor:
    """Whether each rank is above each of the lower ones.

    Args:
        labels: (N,), ranks 0 to num_classes - 1.
        num_classes: K.

    Returns:
        (N, K - 1), bool.
    """
    return labels[:, None] > torch.arange(num_classes - 1, device=labels.device)


def cumulative_cross_entropy(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Binary cross entropy of every question, summed over the questions, averaged over the batch.

    Args:
        logits: (N, K - 1), of the rank being above each of the lower ones.
        labels: (N,), ranks 0 to K - 1.

    Returns:
        (), in nats.
    """
    above = levels(labels, logits.shape[1] + 1).to(logits.dtype)  # N K-1
    losses = F.binary_cross_entropy_with_logits(logits, above, reduction="none")
    return torch.mean(torch.sum(losses, dim=1))


def coral_loss(outputs: OrdinalOutput, labels: torch.Tensor) -> torch.Tensor:
    """Cross entropy of all questions, summed over them, averaged over the batch, in nats."""
    return cumulative_cross_entropy(outputs.logits, labels)


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


class Head(nn.Module):
    """One score for all questions, and a bias for each: their order is the same for every row."""

    def __init__(self, features: int, num_classes: int) -> None:
        super().__init__()
        self.score = nn.Linear(features, 1, bias=False)
        nn.init.xavier_uniform_(self.score.weight)
        self.bias = nn.Parameter(torch.arange(num_classes - 1, 0, -1) / (num_classes - 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.score(x) + self.bias  # N K-1


class Coral(nn.Module):
    """CORAL ordinal regression on rows of numbers or images.

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
    Output shape: rank (N,), integers; probabilities and logits (N, num_classes - 1).

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
        self.head = Head(network.num_features, num_classes)

    def forward(self, inputs: torch.Tensor) -> OrdinalOutput:
        """Ranks of a batch of rows or images."""
        x = self.get_submodule(self.backbone)(inputs)  # N F
        logits = self.head(x)  # N K-1
        probabilities = torch.sigmoid(logits)
        rank = torch.sum(probabilities > 0.5, dim=1)  # N
        return OrdinalOutput(rank, probabilities, logits)
