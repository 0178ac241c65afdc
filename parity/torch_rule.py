"""PyTorch's optimizers as the engine sees them: their constants in the reference's words, their steps, their state."""

from collections.abc import Callable, Mapping

import torch

from dualnet.interface import Array
from parity.layer import Layer
from parity.torch_side import TorchSide

__all__ = ["TorchRule"]

STATES = {
    "exp_avg": "m", "exp_avg_sq": "v", "max_exp_avg_sq": "largest", "momentum_buffer": "velocity", "square_avg": "v",
    "grad_avg": "mean", "acc_delta": "deltas", "sum": "sum",
}  # fmt: skip
"""PyTorch's names of what an optimizer remembers, and those of `parity.reference.optimizers`."""


class TorchRule:
    """See `parity.side.Rule`.

    Args:
        side: the model.
        native: an optimizer of its parameters, which is left as it is, or a function that makes one of parameters.
    """

    def __init__(self, side: TorchSide, native: torch.optim.Optimizer | Callable[..., torch.optim.Optimizer]) -> None:
        self.side = side
        self.parameters = dict(side.model.named_parameters())
        if isinstance(native, torch.optim.Optimizer):
            self.native = type(native)([dict(group) for group in native.param_groups])
        else:
            self.native = native([p for p in self.parameters.values() if p.requires_grad])
        self.layer = _described(self.native)

    def step(self, gradients: Mapping[str, Mapping[str, Array]]) -> None:
        """One update of the model's parameters with these gradients."""
        for name, parameter in self.parameters.items():
            layer, own = self.side.owner(name)
            found = self.side.own(layer, gradients.get(layer, {})).get(own)
            parameter.grad = None if found is None else torch.tensor(found).to(parameter)
        self.native.step()

    def state(self) -> dict[str, Array]:
        """What it remembers of each parameter, by "slot/layer.parameter"."""
        found = {}
        for name, parameter in self.parameters.items():
            layer, own = self.side.owner(name)
            for slot, value in self.native.state.get(parameter, {}).items():
                if slot in STATES and torch.is_tensor(value):
                    kept = value.detach().cpu().double().numpy().copy()
                    ((own, kept),) = self.side.formed(layer, {own: kept}).items()
                    found[f"{STATES[slot]}/{name if layer == name else f'{layer}.{own}'}"] = kept
        return found


def _described(native: torch.optim.Optimizer) -> Layer:
    group = native.param_groups[0]
    kind = type(native).__name__.lower()
    names = {
        "sgd": ("momentum", "nesterov", "dampening"),
        "adam": ("betas", "eps", "amsgrad"),
        "adamw": ("betas", "eps", "amsgrad"),
        "rmsprop": ("eps", "momentum", "centered"),
        "adagrad": ("eps",),
        "adadelta": ("rho", "eps"),
    }.get(kind, ())
    settings = {"learning_rate": float(group["lr"]), "weight_decay": group.get("weight_decay", 0.0)}
    settings |= {name: group[name] for name in names}
    if kind == "rmsprop":
        settings["rho"] = group["alpha"]
    if kind == "adagrad":
        settings["initial_accumulator"] = group["initial_accumulator_value"]
    code = f"torch.optim.{type(native).__name__}(model.parameters(), lr={group['lr']})"
    return Layer(type(native).__name__, kind if names else "unknown", settings, {}, code)
