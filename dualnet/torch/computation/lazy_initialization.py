"""Lazy initialisation in PyTorch: ``Lazy`` layers become ordinary ones when the first batch comes.

Source: Dive into Deep Learning, section 6.4.
"""

from collections import OrderedDict

import torch
from torch import nn
from torch.nn.modules.lazy import LazyModuleMixin
from torch.nn.parameter import UninitializedParameter, is_lazy

from dualnet.concepts.computation.lazy_initialization import HIDDEN, Sizes

__all__ = ["build_on_call", "lazy_modules", "step_after_dry_run"]


def _count(module: nn.Module) -> torch.Tensor:
    known = [parameter for parameter in module.parameters() if not is_lazy(parameter)]  # differs: X-lazy-parameters
    return torch.tensor(sum(parameter.numel() for parameter in known))


def lazy_modules(x: torch.Tensor, classes: int) -> Sizes:
    """What two dense layers know of their sizes, before and after a batch has passed.

    Args:
        x: (N, F), the batch.
        classes: units of the second layer.

    Returns:
        The sizes: none of them was given but the units.
    """
    like = {"dtype": x.dtype, "device": x.device}
    hidden, output = nn.LazyLinear(HIDDEN, **like), nn.LazyLinear(classes, **like)  # differs: X-lazy-layers
    network = nn.Sequential(OrderedDict(hidden=hidden, relu=nn.ReLU(), output=output))
    before = _count(network)
    network(x)
    first, second = (torch.tensor(layer.weight.shape) for layer in (hidden, output))  # differs: D008
    return Sizes(before, first, second, _count(network))


class LazyDense(LazyModuleMixin, nn.Module):
    """A dense layer of one's own that creates its parameters at the first call."""

    cls_to_become = None

    def __init__(self, units: int) -> None:
        super().__init__()
        self.units = units
        self.weight, self.bias = UninitializedParameter(), UninitializedParameter()

    def initialize_parameters(self, x: torch.Tensor) -> None:
        """Create the parameters, for rows like these."""
        if self.has_uninitialized_params():
            self.weight.materialize((self.units, x.shape[1]), x.device, x.dtype)  # differs: X-layer-build
            self.bias.materialize((self.units,), x.device, x.dtype)
            nn.init.zeros_(self.weight)
            nn.init.zeros_(self.bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The rows, mapped."""
        return x @ self.weight.T + self.bias  # N units


def build_on_call(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
    """A lazy layer of one's own: it takes given parameters once a batch has told their shapes.

    Args:
        x: (N, F).
        weight: (H, F).
        bias: (H,).

    Returns:
        (N, H).

    Raises:
        ValueError: the parameters do not fit what the batch asks for.
    """
    layer = LazyDense(len(bias))
    layer(x)
    if weight.shape != layer.weight.shape:
        raise ValueError(f"weight of shape {tuple(weight.shape)}: expected {tuple(layer.weight.shape)}")
    layer.load_state_dict({"weight": weight, "bias": bias})
    return layer(x).detach()


def step_after_dry_run(x: torch.Tensor, target: torch.Tensor, learning_rate: float) -> torch.Tensor:
    """A step of gradient descent on half the squared error, from 0; a batch of no rows tells the shapes before.

    Args:
        x: (N, F).
        target: (N, H).
        learning_rate: per step.

    Returns:
        (H, F), the weight after the step.
    """
    layer = LazyDense(target.shape[1])
    layer(x[:0])
    optimizer = torch.optim.SGD(layer.parameters(), learning_rate)  # differs: D155, X-lazy-optimizer
    loss = (layer(x) - target).square().sum() / 2
    loss.backward()
    optimizer.step()
    return layer.weight.detach()
