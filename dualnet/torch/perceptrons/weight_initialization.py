"""Initial weights, in PyTorch.

    Xavier: variance 2 / (fan_in + fan_out),  He: variance 2 / fan_in

The numbers themselves are given, standard normal or uniform, so that a law is nothing but their scale.

Source: Glorot & Bengio (2010), eq. 12 and 16; He et al. (2015), eq. 10.
On this side a function of torch.nn.init overwrites the weights of a layer that has started in its own way.
"""

import math

import torch
from torch import nn

from dualnet.concepts.perceptrons.weight_initialization import (
    CONSTANT,
    DEVIATION,
    LAYERS,
    Fans,
    Law,
    Layer,
    Moments,
    check_weight,
    unit,
)
from dualnet.interface import choose

__all__ = [
    "builtin",
    "constant",
    "fans",
    "he_normal",
    "he_uniform",
    "normal",
    "signal_by_depth",
    "trained_units",
    "xavier_normal",
    "xavier_uniform",
    "zeros",
]


def fans(shape: tuple[int, ...]) -> Fans:
    """How many numbers a unit reads, and how many units read a number.

    Args:
        shape: of a weight, (O, I) or (O, I, *kernel).

    Returns:
        I and O, each times the places of the kernel: twice () int64.

    Raises:
        ValueError: a weight has at least two axes.
    """
    check_weight(shape)
    outputs, inputs, *kernel = shape  # differs: D062
    places = math.prod(kernel)
    return Fans(torch.tensor(inputs * places), torch.tensor(outputs * places))


# --- laws ---------------------------------------------------------------------------------------------------


def zeros(weight: torch.Tensor) -> torch.Tensor:
    """Zeros in the shape and type of a weight."""
    return torch.zeros_like(weight)


def constant(weight: torch.Tensor, value: float) -> torch.Tensor:
    """One number in the shape and type of a weight."""
    return torch.full_like(weight, value)


def normal(draws: torch.Tensor, std: float) -> torch.Tensor:
    """Standard normal numbers with another standard deviation."""
    return std * draws


def xavier_uniform(draws: torch.Tensor) -> torch.Tensor:
    """Weights between -b and b with b = sqrt(6 / (fan_in + fan_out)).

    Args:
        draws: (O, I, *kernel), uniform between 0 and 1.

    Raises:
        ValueError: a weight has at least two axes.
    """
    fan_in, fan_out = map(int, fans(draws.shape))
    bound = math.sqrt(6 / (fan_in + fan_out))
    return bound * (2 * draws - 1)


def xavier_normal(draws: torch.Tensor) -> torch.Tensor:
    """Weights of variance 2 / (fan_in + fan_out): between what keeps a signal and what keeps its gradient.

    Args:
        draws: (O, I, *kernel), standard normal.

    Raises:
        ValueError: a weight has at least two axes.
    """
    fan_in, fan_out = map(int, fans(draws.shape))
    return math.sqrt(2 / (fan_in + fan_out)) * draws


def he_uniform(draws: torch.Tensor) -> torch.Tensor:
    """Weights between -b and b with b = sqrt(6 / fan_in).

    Args:
        draws: (O, I, *kernel), uniform between 0 and 1.

    Raises:
        ValueError: a weight has at least two axes.
    """
    bound = math.sqrt(6 / int(fans(draws.shape).fan_in))
    return bound * (2 * draws - 1)


def he_normal(draws: torch.Tensor) -> torch.Tensor:
    """Weights of variance 2 / fan_in: twice as much as keeps a signal, of which a ReLU takes half.

    Args:
        draws: (O, I, *kernel), standard normal.

    Raises:
        ValueError: a weight has at least two axes.
    """
    return math.sqrt(2 / int(fans(draws.shape).fan_in)) * draws


# --- the framework's own ------------------------------------------------------------------------------------


def builtin(layer: Layer, law: Law) -> Moments:
    """A new layer that starts by a law, not by the framework's default: what its weights and biases are like.

    Args:
        layer: which one.
        law: of its weights; its biases are 0.

    Returns:
        Mean and deviation in units of the law's deviation, to one decimal, and the largest bias: three times ().
    """
    outputs, inputs, *kernel = LAYERS[layer]
    made: nn.Module = {
        "dense": lambda: nn.Linear(inputs, outputs),
        "convolution": lambda: nn.Conv2d(inputs, outputs, tuple(kernel)),
        "embedding": lambda: nn.Embedding(outputs, inputs),
        "recurrent": lambda: nn.RNNCell(inputs, outputs),
    }[layer]()
    parameters = dict(made.named_parameters())
    weight = parameters["weight_hh" if layer == "recurrent" else "weight"]
    biases = [parameter for name, parameter in parameters.items() if name.startswith("bias")]
    {
        "zeros": nn.init.zeros_,
        "constant": lambda w: nn.init.constant_(w, CONSTANT),
        "normal": lambda w: nn.init.normal_(w, 0.0, DEVIATION),
        "xavier_uniform": nn.init.xavier_uniform_,
        "xavier_normal": nn.init.xavier_normal_,  # differs: D056
        "he_uniform": lambda w: nn.init.kaiming_uniform_(w, nonlinearity="relu"),
        "he_normal": lambda w: nn.init.kaiming_normal_(w, nonlinearity="relu"),
    }[law](weight)  # differs: D051, D053, D054
    for bias in biases:
        nn.init.zeros_(bias)  # differs: D052
    scaled = weight.detach() / unit(law, *map(int, fans(weight.shape)))
    largest = max((bias.abs().max() for bias in biases), default=torch.zeros(()))
    return Moments(scaled.mean().round(decimals=1), scaled.std(correction=0).round(decimals=1), largest.detach())


# --- what the start decides ---------------------------------------------------------------------------------


def trained_units(
    features: torch.Tensor,
    targets: torch.Tensor,
    hidden: torch.Tensor,
    output: torch.Tensor,
    learning_rate: float,
    steps: int,
) -> torch.Tensor:
    """The hidden units of tanh(features @ hidden.T) @ output.T on the way: units that start alike stay alike.

    Args:
        features: (N, I).
        targets: (N, O), for the mean squared error.
        hidden: (H, I), the weights of the hidden units at first.
        output: (O, H).
        learning_rate: of gradient descent, per step.
        steps: how many.

    Returns:
        (steps + 1, H, I).
    """
    course = [hidden]
    for _ in range(steps):
        hidden, output = hidden.detach().requires_grad_(), output.detach().requires_grad_()
        error = torch.tanh(features @ hidden.T) @ output.T - targets  # N O
        loss = error.square().mean()
        by_hidden, by_output = torch.autograd.grad(loss, (hidden, output))
        hidden, output = hidden - learning_rate * by_hidden, output - learning_rate * by_output
        course.append(hidden)
    return torch.stack(course).detach()


def signal_by_depth(features: torch.Tensor, weights: torch.Tensor, activation: str) -> torch.Tensor:
    """How strong a signal is behind each layer: the root of its mean square.

    Args:
        features: (N, F).
        weights: (L, F, F), one weight for each layer.
        activation: tanh or relu.

    Returns:
        (L,).

    Raises:
        ConfigError: no such activation.
    """
    bend, strengths = choose({"tanh": torch.tanh, "relu": torch.relu}, activation, "activation"), []
    for weight in weights:
        features = bend(features @ weight.T)  # N F
        strengths.append(features.square().mean().sqrt())
    return torch.stack(strengths)
