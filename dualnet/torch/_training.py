"""Training on the PyTorch side: an eager step with PyTorch's own optimizers, in the memory layout that is fastest."""

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import nn

from dualnet.interface import Array, Arrays, Loss, Optimizer, Step, check_memory, total

__all__ = ["MEMORY", "TorchTrainer", "batches", "flat", "to_array"]

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
        return torch.stack([self.step(*batch) for batch in batches(inputs, targets, order, batch_size)])

    def predict(self, inputs: list[torch.Tensor]) -> list[torch.Tensor]:
        with torch.inference_mode():
            return flat(self.model.eval()(*map(self._laid_out, inputs)))

    def _laid_out(self, x: torch.Tensor) -> torch.Tensor:
        return x.contiguous(memory_format=self.layout) if x.dim() == 4 else x

    def memory(self) -> dict[str, dict[str, Array]]:
        found: dict[str, dict[str, Array]] = {kind: {} for kind in self.rule.remembers}
        for name, parameter, state in self._states():
            for kind, arrays in found.items():
                if parameter in state:
                    arrays[name] = to_array(state[parameter][MEMORY[kind]])
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


def batches(
    inputs: list[torch.Tensor], targets: torch.Tensor, order: Array, batch_size: int
) -> Iterator[tuple[list[torch.Tensor], torch.Tensor]]:
    """See `dualnet.interface.Backend.batches`."""
    for rows in torch.as_tensor(order).split(batch_size):
        yield [x.index_select(0, rows) for x in inputs], targets.index_select(0, rows)  # faster than x[rows]


def to_array(tensor: Any) -> Array:
    """A copy in NumPy."""
    return torch.as_tensor(tensor).detach().cpu().resolve_conj().numpy().copy(order="C")


def flat(value: Any) -> list[Any]:
    """The outputs of a model, of which there may be one."""
    return [value] if torch.is_tensor(value) else list(value)
