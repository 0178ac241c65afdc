"""Weights in PyTorch's own files: a ``state_dict``, or one beside an optimizer's. No foreign object is ever made."""

import pickle
import warnings
from pathlib import Path
from typing import Any

import torch
from torch import nn

from dualnet.interface import Carried, CheckpointError, Optimizer
from dualnet.torch._training import MEMORY, to_array

__all__ = ["carried", "read", "write"]


def write(path: Path, model: nn.Module, optimizer: torch.optim.Optimizer | None) -> None:
    """The model's ``state_dict``; with an optimizer, {"model": the model's, "optimizer": the optimizer's}."""
    state = model.state_dict()
    with path.open("wb") as file:  # given a path, PyTorch does not take every name
        torch.save({"model": state, "optimizer": optimizer.state_dict()} if optimizer else state, file)


def read(path: Path) -> tuple[dict[str, torch.Tensor], dict[str, Any] | None]:
    """A model's ``state_dict``, and an optimizer's if there is one.

    Raises:
        CheckpointError: the file is damaged, or has anything else in it.
    """
    try:
        with warnings.catch_warnings(action="ignore"):  # what PyTorch warns of, it refuses in the end
            content = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, ValueError, EOFError, OSError, KeyError) as error:
        first = str(error).partition("\n")[0]
        raise CheckpointError(f"{path}: damaged, or more than tensors, which is not read ({first})") from error
    optimizer = None
    if isinstance(content, dict) and {"model", "optimizer"} <= content.keys():
        content, optimizer = content["model"], content["optimizer"]
    if not isinstance(content, dict) or not all(torch.is_tensor(value) for value in content.values()):
        raise CheckpointError(f"{path}: expected a state_dict, or one under 'model' beside one under 'optimizer'")
    if optimizer is not None and not (isinstance(optimizer, dict) and {"state", "param_groups"} <= optimizer.keys()):
        raise CheckpointError(f"{path}: what it has under 'optimizer' is not the state_dict of an optimizer")
    return content, optimizer


def carried(path: Path, model: nn.Module, optimizer: dict[str, Any]) -> Carried:
    """From an optimizer's ``state_dict``, whose parameters are numbered in the model's order."""
    (group, *more), states = optimizer["param_groups"], optimizer["state"]
    beyond = [name for name in ("weight_decay", "nesterov", "amsgrad", "dampening", "maximize") if group.get(name)]
    if more or beyond or "alpha" in group or len(group["params"]) != len(list(model.parameters())):
        raise CheckpointError(
            f"{path}: expected the state_dict of torch.optim.SGD or Adam over all parameters of the model, came one "
            f"with {', '.join(beyond) or 'other parameters or another rule'}: leave the optimizer out"
        )
    if "betas" in group:
        rule = Optimizer("adam", float(group["lr"]), betas=tuple(group["betas"]), epsilon=group["eps"])
    else:
        rule = Optimizer("sgd", float(group["lr"]), momentum=group["momentum"])
    names = [name for name, _ in model.named_parameters()]
    memory = {
        kind: {names[i]: to_array(state[MEMORY[kind]]) for i, state in states.items() if MEMORY[kind] in state}
        for kind in rule.remembers
    }
    return Carried(rule, memory, int(max((state.get("step", 0) for state in states.values()), default=0)))
