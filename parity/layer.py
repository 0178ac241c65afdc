"""A leaf layer as the engine knows it, whatever framework it comes from.

Arrays are canonical: PyTorch's layouts for parameters, channels first for images.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

__all__ = ["Fault", "Layer", "LayerRun", "apart"]

Array = NDArray[Any]


@dataclass(frozen=True)
class Layer:
    """One layer.

    Args:
        name: its dotted name in its model.
        kind: what it computes: a name of `parity.reference.KINDS`, or "unknown".
        settings: every number and word that decides what it computes, by the names of `parity.reference`.
        parameters: its parameters and buffers by canonical name: "weight", "bias", "running_mean", ...
        code: how a user writes it, for messages: "nn.Conv2d(3, 8, 5)".
    """

    name: str
    kind: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    parameters: Mapping[str, Array] = field(default_factory=dict)
    code: str = ""


@dataclass(frozen=True)
class LayerRun:
    """One call of a layer.

    Args:
        layer: the layer, with its parameters before the call.
        framework: "torch" or "tf".
        inputs: what came in.
        outputs: what went out.
        train: whether it was called in train mode.
        buffers: its buffers after the call.
        cotangents: the gradients of the outputs that the backward pass brought, if there was one.
        input_gradients, parameter_gradients: what it made of them.
    """

    layer: Layer
    framework: str
    inputs: tuple[Array, ...]
    outputs: tuple[Array, ...]
    train: bool = False
    buffers: Mapping[str, Array] = field(default_factory=dict)
    cotangents: tuple[Array, ...] = ()
    input_gradients: tuple[Array, ...] = ()
    parameter_gradients: Mapping[str, Array] = field(default_factory=dict)


@dataclass(frozen=True)
class Fault:
    """Two runs of paired layers on equal inputs (and equal cotangents) that differ.

    Args:
        a, b: the two sides.
        phase: where it shows: "forward", "backward", "train", "buffer" or "update".
    """

    a: LayerRun
    b: LayerRun
    phase: str = "forward"


def apart(arrays: Iterable[Array]) -> tuple[tuple[Array, ...], tuple[Array, ...]]:
    """Data, and the masks among it: arrays of truth values."""
    both = tuple(arrays)
    return tuple(x for x in both if x.dtype != bool), tuple(x for x in both if x.dtype == bool)
