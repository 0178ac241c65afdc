"""Texts of the table, executed by PyTorch."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
import torchvision.transforms.v2

from dualnet.rosetta.execution import Gradients, Run, cotangent, flat, statements
from dualnet.rosetta.inputs import Array, draw

__all__ = ["float64", "run"]

SEED = 0


@contextmanager
def float64() -> Iterator[None]:
    """New tensors and layers are float64."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


def run(text: str, inputs: list[str], weights: Mapping[str, str], gradients: bool) -> Run:
    """Execute a text.

    Args:
        text: statements, and an expression at the end.
        inputs: the names that it uses.
        weights: Keras' weights as expressions of the attributes of `layer`, where the text builds one.
        gradients: whether they are wanted.
    """
    torch.manual_seed(SEED)
    leaves = {name: _leaf(draw(name), gradients) for name in inputs}
    names = {"torch": torch, "torchvision": torchvision, "np": np, **leaves}
    build, rest, value = statements(text)
    exec(build, names)
    parameters = _filled(names["layer"]) if weights else {}
    carried = {name: eval(said, _own(names["layer"])) for name, said in weights.items()}
    before = {name: _array(tensor) for name, tensor in carried.items()}  # running statistics change in training
    exec(rest, names)
    values = [leaf if isinstance(leaf, str) else torch.as_tensor(leaf) for leaf in flat(eval(value, names))]
    wanted = {name: leaf for name, leaf in leaves.items() if leaf.requires_grad} | parameters
    found = _gradients(_objective(values), wanted) if gradients else {}
    return Run(
        values=list(map(_array, values)),
        inputs={name: found[name] for name in leaves if name in found},
        weights={name: found[name] for name in parameters if name in found},
        carried=before,
        pulled=lambda others: _pulled(others, carried, parameters),
    )


def _leaf(array: Array, gradients: bool) -> torch.Tensor:
    tensor = torch.from_numpy(array.copy())
    return tensor.requires_grad_(gradients and (tensor.is_floating_point() or tensor.is_complex()))


def _filled(layer: torch.nn.Module) -> dict[str, torch.Tensor]:
    """The layer's parameters; these and its buffers get numbers that no fault can hide behind, zeros and ones can."""
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.uniform_(-1, 1)
        for buffer in layer.buffers():
            if buffer.is_floating_point():
                buffer.uniform_(0.5, 1.5)
    return dict(layer.named_parameters())


def _own(layer: torch.nn.Module) -> dict[str, Any]:
    """What the expressions of weights may use: the layer, and its parameters, buffers and parts by their names."""
    parts = (layer.named_parameters(recurse=False), layer.named_buffers(recurse=False), layer.named_children())
    return {"torch": torch, "layer": layer, **{name: part for named in parts for name, part in named}}


def _objective(values: list[torch.Tensor | str]) -> torch.Tensor | None:
    terms = []
    for position, value in enumerate(values):
        if not isinstance(value, str) and value.requires_grad:
            towards = torch.from_numpy(np.asarray(cotangent(position, tuple(value.shape))))
            parts = torch.view_as_real(value.resolve_conj()) if value.is_complex() else value
            terms.append((parts * (torch.view_as_real(towards) if value.is_complex() else towards.real)).sum())
    return torch.stack(terms).sum() if terms else None


def _gradients(objective: torch.Tensor | None, wanted: Mapping[str, torch.Tensor]) -> Gradients:
    if objective is None or not wanted:
        return {}
    found = torch.autograd.grad(objective, list(wanted.values()), allow_unused=True)
    return {name: None if one is None else _array(one) for name, one in zip(wanted, found, strict=True)}


def _pulled(
    others: Gradients, carried: Mapping[str, torch.Tensor], parameters: Mapping[str, torch.Tensor]
) -> Gradients:
    """The chain rule through the expressions that carry weights."""
    terms = [
        (carried[name] * torch.from_numpy(gradient)).sum()
        for name, gradient in others.items()
        if gradient is not None and carried[name].requires_grad
    ]
    return _gradients(torch.stack(terms).sum() if terms else None, parameters)


def _array(tensor: torch.Tensor | str) -> Array:
    if isinstance(tensor, str):
        return np.array(tensor)
    return tensor.detach().resolve_conj().numpy().copy()
