"""The PyTorch side, in each form that `dualnet bench` measures; see `dualnet.bench.forms`."""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from dualnet.interface import Loss, Optimizer, Step
from dualnet.torch._training import TorchTrainer

__all__ = ["finish", "multiply_adds", "product", "trainer"]


def trainer(form: str, model: nn.Module, loss: Loss, optimizer: Optimizer, own: Step | None) -> TorchTrainer:
    """A trainer whose steps and predictions run in this form."""
    if form == "compiled":
        for part in own.players if own else ("",):  # a step of the concept's own calls the parts one by one
            model.get_submodule(part).compile(dynamic=False)
    layout = torch.channels_last if form == "channels_last" else torch.contiguous_format
    return TorchTrainer(model, loss, optimizer, own, layout)


def multiply_adds(call: Callable[..., Any], *args: Any) -> int:
    """How many multiply-adds convolutions and matrix products have in one call; runs it."""
    own = {torch.ops.aten.convolution_backward: _convolution_backward, torch.ops.aten.mv: _matrix_by_vector}
    with torch.compiler.set_stance("force_eager"), FlopCounterMode(display=False, custom_mapping=own) as counter:
        call(*args)
    return counter.get_total_flops() // 2


def _convolution_backward(
    outputs: torch.Size,
    inputs: torch.Size,
    weight: torch.Size,
    biases: Any,
    stride: Any,
    padding: Any,
    dilation: Any,
    transposed: bool,
    output_padding: Any,
    groups: int,
    wanted: list[bool],
    **results: Any,
) -> int:
    """Two for each multiply-add; PyTorch's own formula forgets that groups share out the channels."""
    places = inputs if transposed else outputs
    return 2 * sum(wanted[:2]) * math.prod(places) * math.prod(weight[1:])


def _matrix_by_vector(matrix: torch.Size, vector: torch.Size, **results: Any) -> int:
    return 2 * math.prod(matrix)


def product(size: int) -> Callable[[], torch.Tensor]:
    """A function that multiplies two float32 matrices of this height and width."""
    a, b, out = (torch.rand(size, size) for _ in range(3))
    return lambda: torch.mm(a, b, out=out)


def finish() -> None:
    """Wait until the device has done all that was asked of it."""
    if torch.get_default_device().type == "cuda":
        torch.cuda.synchronize()
