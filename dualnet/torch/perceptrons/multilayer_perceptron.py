"""Multilayer perceptron in PyTorch.

    flatten -> dense -> ReLU -> dense

Source: Dive into Deep Learning, sections 5.1 and 5.2.
On this side images are N C H W, and a dense layer must be told the size of its input.
"""

import torch
from torch import nn
from torch.nn import functional as F

__all__ = ["MultilayerPerceptron", "MultilayerPerceptronScratch", "cross_entropy_from_logits", "relu"]


def relu(x: torch.Tensor) -> torch.Tensor:
    """Elementwise, the larger of x and 0; the gradient at 0 is 0."""
    return torch.where(x <= 0, torch.zeros_like(x), x)  # differs: D203


def cross_entropy_from_logits(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Minus the log-probability of the labels, averaged over the batch.

    The logarithm of the softmax is logit - log(sum(exp(logits))): like this, no probability is rounded to 0
    before its logarithm is taken.

    Args:
        logits: (N, K).
        labels: (N,) int64 in [0, K).

    Returns:
        (), in nats; NaN for an empty batch.

    Raises:
        ValueError: not one label for each row.
        IndexError: a label is no class.
    """
    _check_labels(logits, labels)
    shifted = logits - logits.amax(dim=-1, keepdim=True).detach()  # N K
    log_sum = torch.log(torch.exp(shifted).sum(dim=-1))  # N
    chosen = shifted.gather(1, labels[:, None])[:, 0]  # differs: D250, N
    return torch.mean(log_sum - chosen)


def _check_labels(logits: torch.Tensor, labels: torch.Tensor) -> None:
    rows, classes = logits.shape
    if labels.shape != (rows,):
        raise ValueError(f"labels {tuple(labels.shape)}: expected one for each row of the logits {tuple(logits.shape)}")
    wrong = (labels < 0) | (labels >= classes)  # N
    if wrong.any():  # differs: D154
        raise IndexError(f"label {labels[wrong][0]}: expected integers in [0, {classes})")


class Affine(nn.Module):
    """A dense layer from tensors: x @ weight + bias."""

    def __init__(self, in_features: int, features: int, weight_std: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.normal(0.0, weight_std, (in_features, features)))
        self.bias = nn.Parameter(torch.zeros(features))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x @ self.weight + self.bias  # N F


class MultilayerPerceptronScratch(nn.Module):
    """Multilayer perceptron from tensors: to be trained with `cross_entropy_from_logits`.

    Args:
        in_channels: colours of the image.
        image_size: its height and width in pixels.
        hidden: units of the hidden layer.
        num_classes: units of the output.
        weight_std: standard deviation of the initial weights.

    Input shape: (N, in_channels, image_size, image_size).
    Output shape: (N, num_classes), logits.
    """

    def __init__(
        self,
        *,
        in_channels: int = 1,
        image_size: int = 28,
        hidden: int = 256,
        num_classes: int = 10,
        weight_std: float = 0.01,
    ) -> None:
        super().__init__()
        self.hidden = Affine(in_channels * image_size * image_size, hidden, weight_std)
        self.output = Affine(hidden, num_classes, weight_std)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Logits of a batch of images."""
        x = torch.flatten(images, start_dim=1)  # N C*H*W
        x = relu(self.hidden(x))  # N F
        return self.output(x)  # N K


class MultilayerPerceptron(nn.Module):
    """Multilayer perceptron of dense layers: to be trained with the built-in cross entropy.

    Args:
        in_channels: colours of the image.
        image_size: its height and width in pixels.
        hidden: units of the hidden layer.
        num_classes: units of the output.
        weight_std: standard deviation of the initial weights.

    Input shape: (N, in_channels, image_size, image_size).
    Output shape: (N, num_classes), logits.
    """

    def __init__(
        self,
        *,
        in_channels: int = 1,
        image_size: int = 28,
        hidden: int = 256,
        num_classes: int = 10,
        weight_std: float = 0.01,
    ) -> None:
        super().__init__()
        self.hidden = nn.Linear(in_channels * image_size * image_size, hidden)
        self.output = nn.Linear(hidden, num_classes)
        for layer in (self.hidden, self.output):
            nn.init.normal_(layer.weight, 0.0, weight_std)  # differs: D051
            nn.init.zeros_(layer.bias)  # differs: D052

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Logits of a batch of images."""
        x = torch.flatten(images, start_dim=1)  # N C*H*W
        x = F.relu(self.hidden(x))  # N F
        return self.output(x)  # N K
