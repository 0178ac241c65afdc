"""Softmax regression in PyTorch.

    logits = pixels @ weight + bias
    probability of class k = exp(logit k) / sum over all classes of exp(logit)

The models return logits: the softmax is part of the loss, where it can be computed without overflow.

Source: Dive into Deep Learning, sections 4.1, 4.4 and 4.5.
On this side images are N C H W, and a dense layer must be told the size of its input.
"""

import torch
from torch import nn

__all__ = [
    "SoftmaxRegression",
    "SoftmaxRegressionScratch",
    "count_correct",
    "cross_entropy_from_logits",
    "softmax",
]


def softmax(logits: torch.Tensor) -> torch.Tensor:
    """Logits as probabilities over the last axis.

    The largest logit is subtracted first: it changes nothing, and exp cannot overflow.

    Args:
        logits: (..., K); minus infinity is a class with probability 0.

    Returns:
        (..., K), each row with sum 1; NaN where all of a row is minus infinity, or anything plus infinity.
    """
    largest = logits.amax(dim=-1, keepdim=True).detach()  # ... 1
    exponentials = torch.exp(logits - largest)
    return exponentials / exponentials.sum(dim=-1, keepdim=True)


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


def count_correct(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """How many rows have their first largest logit at their label.

    Args:
        logits: (N, K); a row with NaN is not correct.
        labels: (N,) int64.

    Returns:
        (), int64.
    """
    correct = logits.argmax(dim=-1) == labels  # N
    return (correct & ~logits.isnan().any(dim=-1)).sum()  # differs: D240


def _check_labels(logits: torch.Tensor, labels: torch.Tensor) -> None:
    rows, classes = logits.shape
    if labels.shape != (rows,):
        raise ValueError(f"labels {tuple(labels.shape)}: expected one for each row of the logits {tuple(logits.shape)}")
    wrong = (labels < 0) | (labels >= classes)  # N
    if wrong.any():  # differs: D154
        raise IndexError(f"label {labels[wrong][0]}: expected integers in [0, {classes})")


class SoftmaxRegressionScratch(nn.Module):
    """Softmax regression from tensors: to be trained with `cross_entropy_from_logits`.

    Args:
        in_channels: colours of the image.
        image_size: its height and width in pixels.
        num_classes: units of the output.
        weight_std: standard deviation of the initial weights.

    Input shape: (N, in_channels, image_size, image_size).
    Output shape: (N, num_classes), logits.
    """

    def __init__(
        self, *, in_channels: int = 1, image_size: int = 28, num_classes: int = 10, weight_std: float = 0.01
    ) -> None:
        super().__init__()
        pixels = in_channels * image_size * image_size
        self.weight = nn.Parameter(torch.normal(0.0, weight_std, (pixels, num_classes)))
        self.bias = nn.Parameter(torch.zeros(num_classes))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Logits of a batch of images."""
        x = torch.flatten(images, start_dim=1)  # N C*H*W
        return x @ self.weight + self.bias  # N K


class SoftmaxRegression(nn.Module):
    """Softmax regression as a dense layer: to be trained with the built-in cross entropy.

    Args:
        in_channels: colours of the image.
        image_size: its height and width in pixels.
        num_classes: units of the output.
        weight_std: standard deviation of the initial weights.

    Input shape: (N, in_channels, image_size, image_size).
    Output shape: (N, num_classes), logits.
    """

    def __init__(
        self, *, in_channels: int = 1, image_size: int = 28, num_classes: int = 10, weight_std: float = 0.01
    ) -> None:
        super().__init__()
        self.linear = nn.Linear(in_channels * image_size * image_size, num_classes)
        nn.init.normal_(self.linear.weight, 0.0, weight_std)  # differs: D051
        nn.init.zeros_(self.linear.bias)  # differs: D052

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Logits of a batch of images."""
        x = torch.flatten(images, start_dim=1)  # N C*H*W
        return self.linear(x)  # N K
