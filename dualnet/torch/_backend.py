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
    CheckpointError,
    Counter,
    Gradients,
    Loss,
    Optimizer,
    State,
    Step,
    check_fit,
    check_memory,
    loss_terms,
    named_outputs,
    total,
)
from dualnet.torch._files import read, write
from dualnet.torch._noise import noise

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
        return torch.as_tensor(tensor).detach().cpu().resolve_conj().numpy().copy(order="C")

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

    def save(self, path: Path, model: nn.Module, carried: Carried | None = None) -> None:
        optimizer = None
        if carried:
            trainer = TorchTrainer(model, self.losses["squared_error"], carried.rule, None, torch.contiguous_format)
            trainer.restore(carried.memory, carried.steps)
            optimizer = trainer.optimizers[""]
        write(path, model, optimizer)

    def open(self, path: Path, build: Callable[[str], Any]) -> tuple[nn.Module, Carried | None]:
        content, optimizer = read(path)
        arrays = {name: self.array(tensor) for name, tensor in content.items() if _is_state(name)}
        dtype = next((str(array.dtype) for array in arrays.values() if array.dtype.kind == "f"), "float32")
        model = build(dtype)
        self.load(model, State(arrays, {}))
        return model, _carried(path, model, optimizer) if optimizer else None

    def forward(self, model: nn.Module, inputs: list[Any], *, train: bool = False) -> list[Any]:
        with torch.no_grad():
            return _outputs(model.train(train)(*inputs))

    def gradients(self, model: nn.Module, inputs: list[Any], targets: Any, loss: Loss) -> Gradients:
        inputs = [x.detach().requires_grad_(x.is_floating_point()) for x in inputs]
        sources = [x for x in inputs if x.requires_grad]
        parameters = dict(model.named_parameters())
        outputs = model.train()(*inputs)
        value = loss(outputs, targets)
        found = torch.autograd.grad(total(value), [*sources, *parameters.values()], materialize_grads=True)
        by_name = {name: self.array(g) for name, g in zip(parameters, found[len(sources) :], strict=True)}
        terms = {name: term.detach() for name, term in loss_terms(value).items()}
        return Gradients(total(value).detach(), _outputs(outputs), list(found[: len(sources)]), by_name, terms)

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
        for rows in torch.as_tensor(order).split(batch_size):
            yield [x.index_select(0, rows) for x in inputs], targets.index_select(0, rows)  # faster than x[rows]


MEMORY = {"velocity": "momentum_buffer", "first_moment": "exp_avg", "second_moment": "exp_avg_sq"}
"""From `dualnet.interface.Trainer.memory` to what PyTorch's optimizers call it."""


class TorchTrainer:
    """See `dualnet.interface.Trainer`."""

    def __init__(
        self,
        model: nn.Module,
        loss: Loss,
        optimizer: Optimizer,
        own: Step | None,
        layout: torch.memory_format = torch.channels_last,  # faster in convolutions; the shapes stay N C H W
    ) -> None:
        self.model = model.to(memory_format=layout)
        self.loss, self.own, self.rule, self.layout = loss, own, optimizer, layout
        rules = own.optimizers(optimizer) if own else {"": optimizer}
        self.optimizers = {part: native_optimizer(model.get_submodule(part), rule) for part, rule in rules.items()}

    def step(self, inputs: list[torch.Tensor], targets: torch.Tensor) -> torch.Tensor:
        if not self.model.training:
            self.model.train()
        inputs = [self._laid_out(x) for x in inputs]
        if self.own:
            return torch.stack(self.own.function(self.model, self.optimizers, inputs, targets)).detach()
        self.optimizers[""].zero_grad()
        loss = total(self.loss(self.model(*inputs), targets))
        loss.backward()
        self.optimizers[""].step()
        return loss.detach()

    def steps(self, inputs: list[torch.Tensor], targets: torch.Tensor, order: Array, batch_size: int) -> torch.Tensor:
        batches = BACKEND.batches(inputs, targets, order, batch_size)
        return torch.stack([self.step(*batch) for batch in batches])

    def predict(self, inputs: list[torch.Tensor]) -> list[torch.Tensor]:
        with torch.inference_mode():
            return _outputs(self.model.eval()(*map(self._laid_out, inputs)))

    def _laid_out(self, x: torch.Tensor) -> torch.Tensor:
        return x.contiguous(memory_format=self.layout) if x.dim() == 4 else x

    def memory(self) -> dict[str, dict[str, Array]]:
        found: dict[str, dict[str, Array]] = {kind: {} for kind in self.rule.remembers}
        for name, parameter, state in self._states():
            for kind, arrays in found.items():
                if parameter in state:
                    arrays[name] = BACKEND.array(state[parameter][MEMORY[kind]])
        return found

    def restore(self, memory: Mapping[str, Arrays], steps: int) -> None:
        check_memory(self.rule, {name: tuple(p.shape) for name, p in self.model.named_parameters()}, memory)
        for name, parameter, state in self._states():
            arrays = {MEMORY[kind]: torch.tensor(arrays[name]) for kind, arrays in memory.items() if name in arrays}
            if arrays:
                laid_out = {key: torch.zeros_like(parameter).copy_(array) for key, array in arrays.items()}
                state[parameter] = {"step": torch.tensor(float(steps)), **laid_out}

    def _states(self) -> Iterator[tuple[str, nn.Parameter, dict[nn.Parameter, Any]]]:
        """Every parameter that is trained: its name, and the state of its optimizer, by parameter."""
        names = {parameter: name for name, parameter in self.model.named_parameters()}
        for optimizer in self.optimizers.values():
            for group in optimizer.param_groups:
                for parameter in group["params"]:
                    yield names[parameter], parameter, optimizer.state


def native_optimizer(model: nn.Module, rule: Optimizer) -> torch.optim.Optimizer:
    """PyTorch's own optimizers follow the formulas of `dualnet.interface.Optimizer` as they are."""
    if rule.name == "sgd":
        return torch.optim.SGD(model.parameters(), rule.learning_rate, momentum=rule.momentum)
    return torch.optim.Adam(model.parameters(), rule.learning_rate, betas=rule.betas, eps=rule.epsilon)


def _carried(path: Path, model: nn.Module, optimizer: dict[str, Any]) -> Carried:
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
        kind: {names[i]: BACKEND.array(state[MEMORY[kind]]) for i, state in states.items() if MEMORY[kind] in state}
        for kind in rule.remembers
    }
    return Carried(rule, memory, int(max((state.get("step", 0) for state in states.values()), default=0)))


def _is_state(name: str) -> bool:
    return not name.endswith("num_batches_tracked")  # differs: D315 a counter that Keras does not have


def _outputs(value: Any) -> list[Any]:
    return [value] if torch.is_tensor(value) else list(value)


BACKEND = TorchBackend()
