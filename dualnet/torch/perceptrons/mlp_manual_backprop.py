"""A multilayer perceptron with hand-written backpropagation, in PyTorch.

    flatten -> dense -> sigmoid -> dense

    squared error of sigmoids a:  d loss / d score = 2 (a - target) / N * a (1 - a)
    cross entropy of softmax p:   d loss / d score = (p - target) / N
    then, for both:               d loss / d hidden score = (d loss / d score) @ W * h (1 - h)

Source: Raschka, deeplearning-models, mlp/mlp-fromscratch__sigmoid-mse and mlp/mlp-lowlevel.
On this side a weight is (out, in), and a step takes the gradients that stand in the parameters.
"""

from collections.abc import Callable, Mapping
from functools import partial

import torch
from torch import nn
from torch.nn import functional as F

from dualnet.concepts.perceptrons.mlp_manual_backprop import DEVIATION, Backpropagation
from dualnet.interface import Loss, choose

__all__ = [
    "SigmoidMLP",
    "autograd_gradients",
    "sigmoid_mse_gradients",
    "sigmoid_mse_step",
    "sigmoid_softmax_ce_gradients",
    "sigmoid_softmax_ce_step",
    "squared_error_of_sigmoids",
    "tf_gradients_step",
]


# --- gradients ----------------------------------------------------------------------------------------------


def sigmoid_mse_gradients(
    pixels: torch.Tensor,
    labels: torch.Tensor,
    hidden_weight: torch.Tensor,
    hidden_bias: torch.Tensor,
    output_weight: torch.Tensor,
    output_bias: torch.Tensor,
) -> Backpropagation:
    """The squared error of sigmoid outputs, summed over classes and averaged over rows, and its gradient by hand.

    Args:
        pixels: (N, I).
        labels: (N,) int64 in [0, K).
        hidden_weight: (H, I).
        hidden_bias: (H,).
        output_weight: (K, H).
        output_bias: (K,).

    Raises:
        ValueError: a label is no class.
    """
    targets = one_hot(labels, output_bias)  # N K
    hidden = torch.sigmoid(pixels @ hidden_weight.T + hidden_bias)  # N H
    outputs = torch.sigmoid(hidden @ output_weight.T + output_bias)  # N K
    loss = (outputs - targets).square().sum(dim=1).mean()
    by_score = 2 * (outputs - targets) / len(pixels) * outputs * (1 - outputs)  # N K
    return backpropagated(loss, by_score, hidden, pixels, output_weight)


def sigmoid_softmax_ce_gradients(
    pixels: torch.Tensor,
    labels: torch.Tensor,
    hidden_weight: torch.Tensor,
    hidden_bias: torch.Tensor,
    output_weight: torch.Tensor,
    output_bias: torch.Tensor,
) -> Backpropagation:
    """The cross entropy of a softmax, averaged over rows, and its gradient by hand.

    Args:
        pixels: (N, I).
        labels: (N,) int64 in [0, K).
        hidden_weight: (H, I).
        hidden_bias: (H,).
        output_weight: (K, H).
        output_bias: (K,).

    Raises:
        ValueError: a label is no class.
    """
    targets = one_hot(labels, output_bias)  # N K
    hidden = torch.sigmoid(pixels @ hidden_weight.T + hidden_bias)  # N H
    log_probabilities = torch.log_softmax(hidden @ output_weight.T + output_bias, dim=-1)  # N K
    loss = -(targets * log_probabilities).sum(dim=1).mean()
    by_score = (torch.exp(log_probabilities) - targets) / len(pixels)  # N K
    return backpropagated(loss, by_score, hidden, pixels, output_weight)


def backpropagated(
    loss: torch.Tensor,
    by_score: torch.Tensor,
    hidden: torch.Tensor,
    pixels: torch.Tensor,
    output_weight: torch.Tensor,
) -> Backpropagation:
    """From the gradient by the scores (N, K) to those by the parameters of both layers."""
    by_hidden_score = by_score @ output_weight * hidden * (1 - hidden)  # N H
    return Backpropagation(
        loss,
        hidden_weight=by_hidden_score.T @ pixels,
        hidden_bias=by_hidden_score.sum(dim=0),
        output_weight=by_score.T @ hidden,
        output_bias=by_score.sum(dim=0),
    )


def autograd_gradients(
    pixels: torch.Tensor,
    labels: torch.Tensor,
    hidden_weight: torch.Tensor,
    hidden_bias: torch.Tensor,
    output_weight: torch.Tensor,
    output_bias: torch.Tensor,
    loss: str,
) -> Backpropagation:
    """The same by automatic differentiation.

    Args:
        pixels: (N, I).
        labels: (N,) int64 in [0, K).
        hidden_weight: (H, I).
        hidden_bias: (H,).
        output_weight: (K, H).
        output_bias: (K,).
        loss: squared_error or cross_entropy.

    Raises:
        ConfigError: no such loss.
    """
    losses: dict[str, Loss] = {"squared_error": squared_error_of_sigmoids, "cross_entropy": F.cross_entropy}
    weights = [w.detach().requires_grad_() for w in (hidden_weight, hidden_bias, output_weight, output_bias)]
    hidden = torch.sigmoid(F.linear(pixels, weights[0], weights[1]))  # N H
    scores = F.linear(hidden, weights[2], weights[3])  # N K
    value = choose(losses, loss, "loss")(scores, labels)
    return Backpropagation(value.detach(), *torch.autograd.grad(value, weights))


def one_hot(labels: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    """A row of zeros with a 1 at the label, of the type and the last axis of another tensor."""
    classes = like.shape[-1]
    if ((labels < 0) | (labels >= classes)).any():  # differs: X-one-hot-range
        raise ValueError(f"labels {labels.tolist()}: expected integers in [0, {classes})")
    return F.one_hot(labels, classes).to(like.dtype)


def squared_error_of_sigmoids(scores: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """The squared error of sigmoid outputs, summed over classes and averaged over rows.

    Args:
        scores: (N, K).
        labels: (N,) int64 in [0, K).
    """
    return (torch.sigmoid(scores) - one_hot(labels, scores)).square().sum(dim=1).mean()


# --- the network, and how it is trained -----------------------------------------------------------------------


def dense(in_features: int, features: int) -> nn.Linear:
    """A dense layer with a normal start."""
    layer = nn.Linear(in_features, features)
    nn.init.normal_(layer.weight, 0.0, DEVIATION)  # differs: D051
    nn.init.zeros_(layer.bias)  # differs: D052
    return layer


class Network(nn.Module):
    """Dense, sigmoid, dense."""

    def __init__(self, in_features: int, hidden: int, num_classes: int) -> None:
        super().__init__()
        self.hidden = dense(in_features, hidden)
        self.output = dense(hidden, num_classes)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        return self.output(torch.sigmoid(self.hidden(pixels)))  # N K


class SigmoidMLP(nn.Module):
    """A multilayer perceptron with one hidden layer of sigmoids.

    Args:
        in_channels: colours of the image.
        image_size: its height and width in pixels.
        hidden: units of the hidden layer.
        num_classes: units of the output.

    Input shape: (N, in_channels, image_size, image_size).
    Output shape: (N, num_classes), scores: logits of a softmax, or of a sigmoid for each class.
    """

    def __init__(self, *, in_channels: int = 1, image_size: int = 28, hidden: int = 50, num_classes: int = 10) -> None:
        super().__init__()
        self.network = Network(in_channels * image_size * image_size, hidden, num_classes)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Scores of a batch of images."""
        return self.network(flat(images))  # N K


def flat(images: torch.Tensor) -> torch.Tensor:
    """The pixels of each image in a row."""
    return torch.flatten(images, start_dim=1)  # differs: D019, N C*H*W


def step_by(
    gradients: Callable[..., Backpropagation],
    model: SigmoidMLP,
    optimizers: Mapping[str, torch.optim.Optimizer],
    images: torch.Tensor,
    labels: torch.Tensor,
) -> tuple[torch.Tensor]:
    """One update by gradients that a function of pixels, labels and parameters gives."""
    layers = model.network.hidden, model.network.output
    parameters = [parameter for layer in layers for parameter in (layer.weight, layer.bias)]
    loss, *slopes = gradients(flat(images), labels, *(parameter.detach() for parameter in parameters))
    for parameter, slope in zip(parameters, slopes, strict=True):
        parameter.grad = slope  # differs: D008
    optimizers["network"].step()
    return (loss,)


def sigmoid_mse_step(
    model: SigmoidMLP,
    optimizers: Mapping[str, torch.optim.Optimizer],
    inputs: list[torch.Tensor],
    targets: torch.Tensor,
) -> tuple[torch.Tensor]:
    """One update by `sigmoid_mse_gradients`.

    Args:
        model: to be trained.
        optimizers: of its network.
        inputs: images.
        targets: labels.

    Returns:
        The loss before the update.
    """
    return step_by(sigmoid_mse_gradients, model, optimizers, inputs[0], targets)


def sigmoid_softmax_ce_step(
    model: SigmoidMLP,
    optimizers: Mapping[str, torch.optim.Optimizer],
    inputs: list[torch.Tensor],
    targets: torch.Tensor,
) -> tuple[torch.Tensor]:
    """One update by `sigmoid_softmax_ce_gradients`; arguments as those of `sigmoid_mse_step`."""
    return step_by(sigmoid_softmax_ce_gradients, model, optimizers, inputs[0], targets)


def tf_gradients_step(
    model: SigmoidMLP,
    optimizers: Mapping[str, torch.optim.Optimizer],
    inputs: list[torch.Tensor],
    targets: torch.Tensor,
) -> tuple[torch.Tensor]:
    """One update by `autograd_gradients` of the cross entropy; arguments as those of `sigmoid_mse_step`."""
    return step_by(partial(autograd_gradients, loss="cross_entropy"), model, optimizers, inputs[0], targets)
