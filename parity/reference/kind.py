"""What a kind of layer is to the reference, and the few helpers that every family uses."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from inspect import signature
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Array", "Call", "Kind", "Result", "Unsupported", "choose", "pairs", "spread"]

Array = NDArray[Any]


class Unsupported(ValueError):  # noqa: N818 - it says what the settings are
    """The reference does not know these settings, and it never guesses."""


@dataclass(frozen=True)
class Result:
    """What a layer computed.

    Args:
        outputs: the outputs, float64 unless they are not numbers.
        buffers: its buffers after the call.
    """

    outputs: tuple[Array, ...]
    buffers: Mapping[str, Array] = field(default_factory=dict)


@dataclass(frozen=True)
class Call:
    """One call of a layer: its inputs, its parameters and buffers, and the mode."""

    inputs: tuple[Array, ...]
    parameters: Mapping[str, Array]
    train: bool

    @property
    def x(self) -> Array:
        """The first input."""
        return self.inputs[0]

    def get(self, name: str) -> Array | None:
        """A parameter that may be missing."""
        return self.parameters.get(name)

    def per_channel(self, name: str, default: float, axis: int = 1) -> Array:
        """A parameter with one value per channel, shaped to broadcast along `axis` of the first input."""
        values = self.parameters.get(name)
        count = self.x.shape[axis]
        shape = [1] * self.x.ndim
        shape[axis] = count
        return np.full(shape, default) if values is None else values.reshape(shape)


@dataclass(frozen=True)
class Kind:
    """A kind of layer.

    Args:
        compute: the layer as a function of a call and its settings; it returns one array, several, or a `Result`.
        parameters: a regular expression for the names of its parameters and buffers.
        inputs: how many inputs it takes, at least and at most.
        names: the names of its settings, where the signature of `compute` does not tell.
    """

    compute: Callable[..., Array | tuple[Array, ...] | Result]
    parameters: str = ""
    inputs: tuple[int, int] = (1, 1)
    names: tuple[str, ...] = ()

    @property
    def settings(self) -> tuple[str, ...]:
        """The names of its settings."""
        return self.names or tuple(signature(self.compute).parameters)[1:]

    def __call__(self, call: Call, settings: Mapping[str, Any]) -> Result:
        """Compute, after checking that nothing given is unknown and nothing needed is missing."""
        if unknown := sorted(settings.keys() - set(self.settings)):
            raise Unsupported(f"expected the settings {self.settings}, got {unknown} as well")
        if unknown := sorted(name for name in call.parameters if not re.fullmatch(self.parameters, name)):
            raise Unsupported(f"expected parameters called {self.parameters or 'nothing'}, got {unknown} as well")
        least, most = self.inputs
        if not least <= len(call.inputs) <= most:
            raise Unsupported(f"expected {least} to {most} inputs, got {len(call.inputs)}")
        try:
            found = self.compute(call, **settings)
        except (KeyError, TypeError) as error:
            raise Unsupported(f"settings or parameters missing or of the wrong type: {error}") from error
        if isinstance(found, Result):
            return found
        return Result(found if isinstance(found, tuple) else (found,))


def choose(name: str, value: Any, options: Mapping[Any, Any]) -> Any:
    """The option that a setting names; raises Unsupported where there is none."""
    if value not in options:
        raise Unsupported(f"expected {name} to be one of {list(options)}, got {value!r}")
    return options[value]


def spread(value: int | Sequence[int], rank: int) -> tuple[int, ...]:
    """One number for each of `rank` spatial dimensions."""
    values = (value,) * rank if isinstance(value, int | np.integer) else tuple(value)
    if len(values) != rank:
        raise Unsupported(f"expected {rank} numbers, one for each spatial dimension, got {values}")
    return tuple(int(v) for v in values)


def pairs(value: int | Sequence[Any], rank: int) -> tuple[tuple[int, int], ...]:
    """(before, after) for each of `rank` spatial dimensions; a single number stands for both."""
    each = (value,) * rank if isinstance(value, int | np.integer) else tuple(value)
    if len(each) != rank:
        raise Unsupported(f"expected {rank} pairs (before, after), got {each}")
    both = [(p, p) if isinstance(p, int | np.integer) else tuple(p) for p in each]
    if any(len(p) != 2 for p in both):
        raise Unsupported(f"expected pairs (before, after), got {each}")
    return tuple((int(before), int(after)) for before, after in both)
