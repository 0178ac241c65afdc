"""Parameters in PyTorch: found by name, set by rules of one's own, shared by two layers.

On this side a weight is (out, in), and its name is made of the attributes that lead to it.
Source: Dive into Deep Learning, sections 6.2 and 6.3.
"""

import math
from collections import OrderedDict

import torch
from torch import nn

from dualnet.concepts.computation.parameter_management import EDITED, Parameters, Tied

__all__ = ["custom_init", "edited", "init_by_layer", "named_access", "tied_parameters"]


def _dense(like: torch.Tensor, inputs: int, units: int) -> nn.Linear:
    return nn.Linear(inputs, units, dtype=like.dtype, device=like.device)


def _network(like: torch.Tensor, inputs: int, hidden: int, classes: int) -> nn.Sequential:
    layers = {"hidden": _dense(like, inputs, hidden), "relu": nn.ReLU(), "output": _dense(like, hidden, classes)}
    return nn.Sequential(OrderedDict(layers))


def _parameters(network: nn.Sequential) -> Parameters:
    """Every parameter, found by its name."""
    found = {name: parameter.detach() for name, parameter in network.named_parameters()}
    names = ("hidden.weight", "hidden.bias", "output.weight", "output.bias")  # differs: X-parameter-names
    return Parameters(*(found[name] for name in names))  # differs: D008


def named_access(
    hidden_weight: torch.Tensor, hidden_bias: torch.Tensor, output_weight: torch.Tensor, output_bias: torch.Tensor
) -> Parameters:
    """Parameters set through the layers that have them, and found again by their names.

    Args:
        hidden_weight: (H, F).
        hidden_bias: (H,).
        output_weight: (K, H).
        output_bias: (K,).

    Returns:
        The same.
    """
    network = _network(hidden_weight, hidden_weight.shape[1], *output_weight.T.shape)
    hidden, output = network.get_submodule("hidden"), network.get_submodule("output")
    with torch.no_grad():  # differs: X-parameter-write
        hidden.weight.copy_(hidden_weight)
        hidden.bias.copy_(hidden_bias)
        output.weight.copy_(output_weight)
        output.bias.copy_(output_bias)
    return _parameters(network)


def custom_init(draws: torch.Tensor) -> torch.Tensor:
    """A layer with weights between -10 and 10, but 0 where that would be closer to 0 than 5.

    Args:
        draws: (H, F), from 0 to 1, uniform.

    Returns:
        (H, F), the layer's weight.
    """

    def far_from_zero(parameter: torch.Tensor) -> None:
        weight = 20 * draws - 10
        parameter.copy_(weight * (weight.abs() >= 5))

    layer = _dense(draws, *draws.T.shape)
    with torch.no_grad():
        far_from_zero(layer.weight)  # differs: X-initializer
    return layer.weight.detach()


def init_by_layer(draws: torch.Tensor, classes: int) -> Parameters:
    """A rule for each layer: Glorot's for the hidden one, a constant for the output.

    Args:
        draws: (H, F), from 0 to 1, uniform.
        classes: K, units of the output.

    Returns:
        The parameters: the hidden bias is 0, the output's is 1.
    """
    units, inputs = draws.shape
    network = _network(draws, inputs, units, classes)
    bound = math.sqrt(6 / (inputs + units))
    with torch.no_grad():
        network.hidden.weight.copy_((2 * draws - 1) * bound)
    nn.init.zeros_(network.hidden.bias)
    nn.init.constant_(network.output.weight, EDITED)
    nn.init.ones_(network.output.bias)
    return _parameters(network)


def edited(weight: torch.Tensor) -> torch.Tensor:
    """A layer's weight (K, H) after 1 was added to it, and its first number was set to 42."""
    layer = _dense(weight, *weight.T.shape)
    with torch.no_grad():  # differs: X-parameter-write
        layer.weight.copy_(weight)
        layer.weight += 1
        layer.weight[0, 0] = EDITED
    return layer.weight.detach()


def tied_parameters(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> Tied:
    """A dense layer and tanh, twice with the same parameters, beside two layers that only start with the same.

    Args:
        x: (N, F).
        weight: (F, F).
        bias: (F,).

    Returns:
        Outputs and gradients: that of the shared weight is the sum over its uses.
    """
    first, second = _dense(x, *weight.T.shape), _dense(x, *weight.T.shape)
    for layer in (first, second):
        layer.load_state_dict({"weight": weight, "bias": bias})
    first_use, second_use = torch.autograd.grad(_twice(first, second, x).sum(), (first.weight, second.weight))
    second.weight, second.bias = first.weight, first.bias  # differs: D320
    output = _twice(first, second, x)
    (gradient,) = torch.autograd.grad(output.sum(), first.weight)
    count = len(list(nn.ModuleList((first, second)).parameters()))
    return Tied(output.detach(), gradient, first_use, second_use, torch.tensor(count))


def _twice(first: nn.Module, second: nn.Module, x: torch.Tensor) -> torch.Tensor:
    return torch.tanh(second(torch.tanh(first(x))))  # N F
