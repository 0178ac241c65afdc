"""Training in PyTorch: the loop is written out, or put into a class once, whose fit is then called.

for each epoch, for each batch: loss, gradients, one step against them
"""

from collections import OrderedDict
from collections.abc import Callable

import torch
from torch import nn
from torch.nn import functional as F

from dualnet.concepts.computation.high_level_training_api import Trained

__all__ = ["compile_fit", "custom_train_step", "explicit_loop"]


def _network(hidden_weight: torch.Tensor, output_weight: torch.Tensor) -> nn.Sequential:
    """Dense, ReLU, dense, with these weights and biases of 0."""
    like = {"dtype": hidden_weight.dtype, "device": hidden_weight.device}
    hidden, output = nn.Linear(*hidden_weight.T.shape, **like), nn.Linear(*output_weight.T.shape, **like)
    for layer, weight in ((hidden, hidden_weight), (output, output_weight)):
        layer.load_state_dict({"weight": weight, "bias": weight.new_zeros(len(weight))})  # differs: D008
    return nn.Sequential(OrderedDict(hidden=hidden, relu=nn.ReLU(), output=output))


def _trained(network: nn.Sequential, losses: torch.Tensor) -> Trained:
    hidden_weight, hidden_bias, output_weight, output_bias = (p.detach() for p in network.parameters())
    return Trained(hidden_weight, hidden_bias, output_weight, output_bias, losses)


class Trainer:
    """What Keras has in every model, and PyTorch leaves to its users: compile and fit."""

    def __init__(self, model: nn.Module) -> None:
        self.model = model

    def compile(self, optimizer: torch.optim.Optimizer, loss: Callable[..., torch.Tensor]) -> None:
        """Say how to train."""
        self.optimizer, self.loss = optimizer, loss

    def fit(self, features: torch.Tensor, labels: torch.Tensor, batch_size: int, epochs: int) -> torch.Tensor:
        """Train on all rows in their order, epoch by epoch; returns the mean loss in each, (E,)."""
        losses = features.new_zeros(epochs)
        for epoch in range(epochs):
            for x, y in zip(features.split(batch_size), labels.split(batch_size), strict=True):  # differs: D288
                losses[epoch] += self.train_step(x, y) * len(y) / len(labels)
        return losses

    def train_step(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """One step on one batch; returns its loss before."""
        self.optimizer.zero_grad()
        loss = self.loss(self.model(x), y)
        loss.backward()
        self.optimizer.step()
        return loss.detach()


def compile_fit(
    features: torch.Tensor,
    labels: torch.Tensor,
    hidden_weight: torch.Tensor,
    output_weight: torch.Tensor,
    learning_rate: float,
    batch_size: int,
    epochs: int,
) -> Trained:
    """Training by two calls.

    Args:
        features: (N, F).
        labels: (N,) int64 in [0, K).
        hidden_weight: (H, F), at the start.
        output_weight: (K, H), at the start.
        learning_rate: per step.
        batch_size: rows of a step.
        epochs: how often all rows are seen.

    Returns:
        The parameters, and the loss of each epoch.
    """
    network = _network(hidden_weight, output_weight)
    trainer = Trainer(network)  # differs: X-fit
    # differs: D123, D155
    trainer.compile(optimizer=torch.optim.SGD(network.parameters(), learning_rate), loss=nn.CrossEntropyLoss())
    losses = trainer.fit(features, labels, batch_size=batch_size, epochs=epochs)
    return _trained(network, losses)


class OwnStep(Trainer):
    """A trainer whose step is our own; the loop around it is not."""

    def train_step(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:  # differs: X-train-step
        """Gradient descent without an optimizer."""
        loss = self.loss(self.model(x), y)
        gradients = torch.autograd.grad(loss, list(self.model.parameters()))
        with torch.no_grad():
            for parameter, gradient in zip(self.model.parameters(), gradients, strict=True):
                parameter -= self.optimizer.param_groups[0]["lr"] * gradient
        return loss.detach()


def custom_train_step(
    features: torch.Tensor,
    labels: torch.Tensor,
    hidden_weight: torch.Tensor,
    output_weight: torch.Tensor,
    learning_rate: float,
    batch_size: int,
    epochs: int,
) -> Trained:
    """Training by two calls, with a training step of one's own; see `compile_fit`."""
    network = _network(hidden_weight, output_weight)
    trainer = OwnStep(network)
    trainer.compile(optimizer=torch.optim.SGD(network.parameters(), learning_rate), loss=nn.CrossEntropyLoss())
    losses = trainer.fit(features, labels, batch_size=batch_size, epochs=epochs)
    return _trained(network, losses)


def explicit_loop(
    features: torch.Tensor,
    labels: torch.Tensor,
    hidden_weight: torch.Tensor,
    output_weight: torch.Tensor,
    learning_rate: float,
    batch_size: int,
    epochs: int,
) -> Trained:
    """Training by a loop that shows all it does; see `compile_fit`."""
    network, losses = _network(hidden_weight, output_weight), []
    for _ in range(epochs):
        total = features.new_zeros(())
        for start in range(0, len(labels), batch_size):
            x, y = features[start : start + batch_size], labels[start : start + batch_size]
            loss = F.cross_entropy(network(x), y)
            gradients = torch.autograd.grad(loss, list(network.parameters()))
            with torch.no_grad():
                for parameter, gradient in zip(network.parameters(), gradients, strict=True):
                    parameter -= learning_rate * gradient
            total += loss.detach() * len(y) / len(labels)
        losses.append(total)
    return _trained(network, torch.stack(losses))
