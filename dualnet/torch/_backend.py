"""PyTorch behind the `Backend` protocol. PyTorch's names and layouts are the canonical ones: little to convert."""

import platform
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from dualnet.interface import (
    Array,
    Arrays,
    Carried,
    Counter,
    Gradients,
    Loss,
    Optimizer,
    State,
    Step,
    check_fit,
    loss_terms,
    named_outputs,
    total,
)
from dualnet.torch._files import carried, read, write
from dualnet.torch._noise import noise
from dualnet.torch._training import TorchTrainer, batches, flat, to_array

__all__ = ["BACKEND"]


class TorchBackend:
    """See `dualnet.interface.Backend`."""

    name = "torch"
    losses: Mapping[str, Loss] = {"cross_entropy": F.cross_entropy, "squared_error": F.mse_loss}

    def versions(self) -> dict[str, str]:
        return {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "numpy": np.__version__,
            "device": torch.get_default_device().type,
            "threads": str(torch.get_num_threads()),
            "tf32": str(torch.backends.cuda.matmul.allow_tf32 or torch.backends.cudnn.allow_tf32),
        }

    @contextmanager
    def precision(self, dtype: str, *, seed: int | None = None) -> Iterator[None]:
        if seed is not None:
            torch.manual_seed(seed)
        before = torch.get_default_dtype()
        tf32 = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
        try:
            torch.set_default_dtype(getattr(torch, dtype))
            torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
            yield
        finally:
            torch.set_default_dtype(before)
            torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = tf32

    def tensor(self, array: Array, axes: str = "") -> torch.Tensor:
        return torch.tensor(array, device=torch.get_default_device())

    def array(self, tensor: Any, axes: str = "") -> Array:
        return to_array(tensor)

    def state(self, model: nn.Module) -> State:
        parameters = {name: self.array(p) for name, p in model.named_parameters()}
        buffers = {name: self.array(b) for name, b in model.named_buffers() if _is_state(name)}
        return State(parameters, buffers)

    def load(self, model: nn.Module, state: State) -> None:
        arrays = {**state.parameters, **state.buffers}
        targets = dict(model.named_parameters()) | {n: b for n, b in model.named_buffers() if _is_state(n)}
        check_fit({n: tuple(t.shape) for n, t in targets.items()}, arrays, f"{type(model).__name__} (torch)")
        with torch.no_grad():
            for name, target in targets.items():
                target.copy_(torch.tensor(arrays[name]))

    def save(self, path: Path, model: nn.Module, kept: Carried | None = None) -> None:
        optimizer = None
        if kept:
            trainer = TorchTrainer(model, self.losses["squared_error"], kept.rule, None, torch.contiguous_format)
            trainer.restore(kept.memory, kept.steps)
            optimizer = trainer.optimizers[""]
        write(path, model, optimizer)

    def open(self, path: Path, build: Callable[[str], Any]) -> tuple[nn.Module, Carried | None]:
        content, optimizer = read(path)
        arrays = {name: self.array(tensor) for name, tensor in content.items() if _is_state(name)}
        dtype = next((str(array.dtype) for array in arrays.values() if array.dtype.kind == "f"), "float32")
        model = build(dtype)
        self.load(model, State(arrays, {}))
        return model, carried(path, model, optimizer) if optimizer else None

    def forward(self, model: nn.Module, inputs: list[Any], *, train: bool = False) -> list[Any]:
        with torch.no_grad():
            return flat(model.train(train)(*inputs))

    def gradients(self, model: nn.Module, inputs: list[Any], targets: Any, loss: Loss) -> Gradients:
        inputs = [x.detach().requires_grad_(x.is_floating_point()) for x in inputs]
        sources = [x for x in inputs if x.requires_grad]
        parameters = dict(model.named_parameters())
        outputs = model.train()(*inputs)
        value = loss(outputs, targets)
        found = torch.autograd.grad(total(value), [*sources, *parameters.values()], materialize_grads=True)
        by_name = {name: self.array(g) for name, g in zip(parameters, found[len(sources) :], strict=True)}
        terms = {name: term.detach() for name, term in loss_terms(value).items()}
        return Gradients(total(value).detach(), flat(outputs), list(found[: len(sources)]), by_name, terms)

    def layers(self, model: nn.Module, inputs: list[Any], stages: Mapping[str, str]) -> dict[str, Array]:
        recorded: dict[str, Array] = {}
        modules = dict(model.named_modules())
        hooks = [
            modules[name].register_forward_hook(
                lambda module, args, output, name=name: recorded.__setitem__(name, self.array(output))
            )
            for name in stages
            if name in modules
        ]
        try:
            self.forward(model, inputs)
        finally:
            for hook in hooks:
                hook.remove()
        return recorded

    def vjp(
        self,
        function: Callable[..., Any],
        args: Mapping[str, Any],
        wrt: tuple[str, ...],
        cotangents: Arrays | None,
    ) -> tuple[dict[str, Any], dict[str, Array]]:
        sources = {name: args[name].detach().requires_grad_() for name in wrt}
        outputs = named_outputs(function(**{**args, **sources}))
        followed = {name: out for name, out in outputs.items() if torch.is_tensor(out) and out.requires_grad}
        if not (followed and wrt):
            return outputs, {name: self.array(torch.zeros_like(args[name])) for name in wrt}  # differs: D212
        weights = [
            torch.ones_like(t) if cotangents is None else torch.tensor(cotangents[n]) for n, t in followed.items()
        ]
        found = torch.autograd.grad(list(followed.values()), list(sources.values()), weights, materialize_grads=True)
        return outputs, {name: self.array(g) for name, g in zip(sources, found, strict=True)}

    def trainer(self, model: nn.Module, loss: Loss, optimizer: Optimizer, own: Step | None = None) -> "TorchTrainer":
        return TorchTrainer(model, loss, optimizer, own)

    def noise(self, model: nn.Module, seed: int) -> AbstractContextManager[Mapping[str, Counter]]:
        return noise(model, seed)

    def batches(
        self, inputs: list[Any], targets: Any, order: Array, batch_size: int
    ) -> Iterator[tuple[list[Any], Any]]:
        return batches(inputs, targets, order, batch_size)


def _is_state(name: str) -> bool:
    return not name.endswith("num_batches_tracked")  # differs: D315 a counter that Keras does not have


BACKEND = TorchBackend()
