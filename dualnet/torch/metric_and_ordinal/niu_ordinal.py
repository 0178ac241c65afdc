"""Ordinal regression by K - 1 binary outputs in PyTorch.

    rows or images -> backbone -> K - 1 pairs; softmax of pair k: the probability of a rank above k

Source: Niu, Zhou, Wang, Gao, Hua (2016), section 3.
On this side `F.log_softmax` has the axis as an argument that must be given.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from dualnet.concepts.metric_and_ordinal.niu_ordinal import EPSILON, MOMENTUM, OrdinalOutput
from dualnet.interface import choose
from dualnet.torch.modern_convnets.alexnet import AlexNet
from dualnet.torch.modern_convnets.resnet import ResNet

__all__ = ["NiuOrdinal", "niu_loss", "pairwise_cross_entropy"]


def pairwise_cross_entropy(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Two-class cross entropy of every question, summed over the questions, averaged over the batch.

    Args:
        logits: (N, K - 1, 2), of "no" and of "yes, the rank is above this one".
        labels: (N,), ranks 0 to K - 1.

    Returns:
        (), in nats.
    """
    above = labels[:, None] > torch.arange(logits.shape[1], device=labels.device)  # N K-1
    log_no, log_yes = F.log_softmax(logits, dim=-1).unbind(dim=-1)  # N K-1 each
    return -torch.mean(torch.sum(torch.where(above, log_yes, log_no), dim=1))


def niu_loss(outputs: OrdinalOutput, labels: torch.Tensor) -> torch.Tensor:
    """Cross entropy of all questions, summed over them, averaged over the batch, in nats."""
    return pairwise_cross_entropy(outputs.logits, labels)


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


class NiuOrdinal(nn.Module):
    """Ordinal regression by K - 1 binary outputs on rows of numbers or images.

    Args:
        backbone: what finds the features: "mlp" of rows of numbers, "resnet" or "alexnet" of images.
        num_features: numbers in a row.
        hidden: units of the hidden layers of an "mlp" or "alexnet".
        num_classes: K, the number of ranks.
        dropout: share of the hidden units left out in training.
        batch_norm: of an "mlp": normalise after every hidden layer.
        negative_slope: of an "mlp": of the leaky ReLUs below 0.
        in_channels: colours of the images.
        image_size: their height and width in pixels.
        layers: of a "resnet": basic blocks of each stage.
        channels: feature maps of each stage, or of each convolution.
        pool: of a "resnet": "global" average pooling, or "padded", 7x7 at stride 1 with two zeros on every side.
        pooled_size: of an "alexnet": height and width to which the last maps are averaged.

    Input shape: (N, num_features), or (N, in_channels, image_size, image_size).
    Output shape: rank (N,), integers; probabilities (N, num_classes - 1); logits (N, num_classes - 1, 2).

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
        pooled_size: int = 3,
    ) -> None:
        super().__init__()
        images: dict[str, Any] = {
            "in_channels": in_channels,
            "image_size": image_size,
            "channels": channels,
            "num_classes": 0,
        }
        backbones: dict[str, Callable[[], MLP | ResNet | AlexNet]] = {
            "mlp": lambda: MLP(num_features, hidden, dropout, batch_norm, negative_slope),
            "resnet": lambda: ResNet(layers=layers, pool=pool, **images),
            "alexnet": lambda: AlexNet(pooled_size=pooled_size, hidden=hidden, dropout=dropout, **images),
        }
        network = choose(backbones, backbone, "backbone")()
        self.backbone = backbone
        self.add_module(backbone, network)
        self.output = nn.Linear(network.num_features, 2 * (num_classes - 1))
        nn.init.xavier_uniform_(self.output.weight)
        nn.init.zeros_(self.output.bias)

    def forward(self, inputs: torch.Tensor) -> OrdinalOutput:
        """Ranks of a batch of rows or images."""
        x = self.get_submodule(self.backbone)(inputs)  # N F
        logits = self.output(x).unflatten(1, (-1, 2))  # N K-1 2
        probabilities = torch.softmax(logits, dim=-1)[..., 1]  # N K-1
        rank = torch.sum(probabilities > 0.5, dim=1)  # N
        return OrdinalOutput(rank, probabilities, logits)
