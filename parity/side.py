"""What the engine needs of a framework to work on anybody's model: run it, see its layers, put things in their place.

A run is bare (outputs and gradients, at the model's own speed) or on a `Tape`: then every call of a leaf layer
passes through two gates, one before it and one behind it. A gate shows what passes forward and backward. In a
*forced* run it puts what the other side recorded in its place, so that no fault travels: every layer works on equal
inputs and equal cotangents, and so does what lies between the layers.
"""

from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np

from dualnet.interface import Array, Arrays, BackendName
from parity.layer import Layer

__all__ = [
    "Call",
    "Forcing",
    "Form",
    "Forms",
    "Gate",
    "Layouts",
    "Noise",
    "Pass",
    "Rule",
    "Side",
    "Tape",
    "channels_first",
    "formed",
    "map_arrays",
    "output_weights",
]


@dataclass(eq=False)
class Call:
    """One call of a leaf layer; arrays are canonical.

    Args:
        index: its place in the order of execution.
        layer: what was called.
        real: whether it is a layer of the model that needs a partner; not so a function, an activation inside a layer,
            and what is glue in the other framework.
        received: what came in.
        outputs: what the layer made of it.
        cotangents: the gradients of the outputs that came back from behind.
        input_gradients: what the layer made of the cotangents it was given.
        noise: the uniform numbers that a dropout drew.
        moved: whether its arrays have the channels first that the framework has last, or the batch that it has second.
    """

    index: int
    layer: Layer
    real: bool
    received: list[Array] = field(default_factory=list)
    outputs: list[Array] = field(default_factory=list)
    cotangents: dict[int, Array] = field(default_factory=dict)
    input_gradients: dict[int, Array] = field(default_factory=dict)
    noise: Array | None = None
    moved: bool = False

    def seen_through(self, same: bool, given: Callable[[], Array], made: Callable[[], Array]) -> None:
        """Of no known kind and without parameters, it may be `same`, an identity, or give the values in another order.

        Either needs no partner, as the other side may well write it as an expression.
        """
        if self.layer.kind == "unknown" and not self.layer.parameters and (same or _rearranged(given(), made())):
            self.layer, self.real = replace(self.layer, kind="identity" if same else "reshape", settings={}), False

    def forget(self) -> None:
        """Let go of what passed; the layer stays."""
        for kept in (self.received, self.outputs, self.cotangents, self.input_gradients):
            kept.clear()


@dataclass(frozen=True)
class Form:
    """How the partner of a layer of no known kind holds one of its parameters.

    Args:
        name: there.
        axes: the own ones in the order there.
        shape, own_shape: there, and of the layer: they may have other axes of length 1.
    """

    name: str
    axes: tuple[int, ...]
    shape: tuple[int, ...]
    own_shape: tuple[int, ...]

    def canonical(self, array: Array) -> Array:
        """The array as the partner holds it."""
        return array.transpose(self.axes).reshape(self.shape)

    def native(self, array: Array) -> Array:
        """An array of the partner as the layer holds it."""
        turned = array.reshape([self.own_shape[axis] for axis in self.axes])
        return turned.transpose(np.argsort(self.axes))


Forms = Mapping[str, Mapping[str, Form]]
"""By layer and its own name of the parameter."""


def formed(arrays: Arrays, told: Mapping[str, Form]) -> dict[str, Array]:
    """A layer's arrays as its partner holds them."""
    return {told[n].name if n in told else n: told[n].canonical(x) if n in told else x for n, x in arrays.items()}


@dataclass(frozen=True)
class Layouts:
    """What a side cannot know and the other tells.

    Args:
        calls, outputs: by index, whether axes are moved to be canonical: in Keras the last one may have the channels
            of an image, in PyTorch the first one the time of a sequence.
        parameters: how they are named and laid out in layers of no known kind.
    """

    calls: Mapping[int, bool] = field(default_factory=dict)
    outputs: Mapping[int, bool] = field(default_factory=dict)
    parameters: Forms = field(default_factory=dict)


Noise = Callable[[Call, tuple[int, ...]], Array]
"""Uniform numbers in [0, 1) for a call, of a canonical shape."""


@dataclass(frozen=True)
class Forcing:
    """What the other side recorded at the calls of this one, by this side's index."""

    calls: Mapping[int, Call]


@dataclass
class Gate:
    """One place that a tensor passes; `forward` and `backward` return what to pass on, or None for the same.

    What goes back must have the shape of what came in: a side passes zeros where it has not.
    """

    forward: Callable[[Any], Any]
    backward: Callable[[Any], Any]


class Tape:
    """The calls of one run, in order of execution.

    Args:
        arrays: keep arrays; without, only the structure is of interest.
        forcing: what to put in the place of what passes.
        noise: where dropout takes its random numbers from; by default the layers draw their own.
    """

    def __init__(self, *, arrays: bool = True, forcing: Forcing | None = None, noise: Noise | None = None) -> None:
        self.arrays, self.noise = arrays, noise
        self.forced = forcing.calls if forcing else {}
        self.calls: list[Call] = []
        self.cut: list[Any] = []
        """What no gradient would go through, so that what is behind it is looked at all the same."""
        self.samples = 0
        """How often a function drew random numbers."""
        self.seen: list[Any] = []
        """What passed the gates: the backward pass comes by each, with a gradient of 0 where there is none."""

    def release(self) -> tuple[list[Any], list[Any]]:
        """What was cut and what was seen; the tape holds them no longer.

        A framework's graph holds the gates, and so the tape: no collector of garbage finds such a circle.
        """
        cut, seen = self.cut, self.seen
        self.cut, self.seen = [], []
        return cut, seen

    def sample(self, shape: tuple[int, ...]) -> Array:
        """Uniform numbers in (0, 1) for the next function that draws some: equal ones for equal places in the order."""
        self.samples += 1
        source = self.noise or (lambda call, shape: np.full(shape, 0.5))
        uniform = source(Call(SAMPLES + self.samples, Layer("", "sample"), False), shape)
        return uniform + 2.0**-26  # the stream has multiples of 2**-24, and 0 among them

    def open(self, layer: Layer, *, real: bool) -> Call:
        """A call begins."""
        call = Call(len(self.calls), layer, real)
        self.calls.append(call)
        return call

    def input(self, call: Call, array: Array) -> None:
        """An input without gradient: indices, masks."""
        call.received.append(array)

    def input_gate(
        self, call: Call, canonical: Callable[[Any], Array], native: Callable[[Array, Any], Any]
    ) -> Gate:  # fmt: skip
        """The gate before a call: shows what came in, and the gradient that the layer sends back."""
        other, place = self.forced.get(call.index), len(call.received)
        call.received.append(_NOTHING)

        def forward(tensor: Any) -> Any:
            if self.arrays:
                call.received[place] = canonical(tensor)
            if other is None or place >= len(other.received):
                return None
            if not _replaces(other.received[place], call.received[place]):
                return None
            return native(other.received[place], tensor)

        def backward(gradient: Any) -> Any:
            if self.arrays:
                call.input_gradients[place] = canonical(gradient)
            if other is None or place not in other.input_gradients:
                return None
            return native(other.input_gradients[place], gradient)

        return Gate(forward, backward)

    def output_gate(
        self, call: Call, canonical: Callable[[Any], Array], native: Callable[[Array, Any], Any]
    ) -> Gate:  # fmt: skip
        """The gate behind a call: shows what the layer made, and the cotangent that comes back to it."""
        other, place = self.forced.get(call.index), len(call.outputs)
        call.outputs.append(_NOTHING)

        def forward(tensor: Any) -> Any:
            if self.arrays:
                call.outputs[place] = canonical(tensor)
            if other is None or place >= len(other.outputs) or not _replaces(other.outputs[place], call.outputs[place]):
                return None
            return native(other.outputs[place], tensor)

        def backward(cotangent: Any) -> Any:
            if self.arrays:
                call.cotangents[place] = canonical(cotangent)
            if other is None or place not in other.cotangents:
                return None
            return native(other.cotangents[place], cotangent)

        return Gate(forward, backward)


SAMPLES = 10**9
"""Where the numbers of calls begin that only draw."""
_NOTHING = np.empty(0)
"""Stands for an array that has not come yet, or is not kept."""


def _replaces(array: Array, own: Array) -> bool:
    """Whether an array of the other side can take the place of our own: images may be of another size."""
    return array.shape == own.shape or (array.ndim == own.ndim > 3 and array.shape[:2] == own.shape[:2])


def _rearranged(x: Array, y: Array) -> bool:
    return x.size == y.size and np.array_equal(np.sort(x, axis=None), np.sort(y, axis=None))


def output_weights(index: int, shape: tuple[int, ...]) -> Array:
    """Fixed random weights: the sum of weighted outputs is the loss where none is given, and tests every output."""
    return np.random.default_rng([7, index]).normal(size=shape)


INTEGERS = "every output is of integers: expected a floating one, as there is no gradient; compare what comes before"


Padding = tuple[tuple[int, int], ...]
"""Zeros before and behind, per spatial dimension."""
GLUE = (
    "add", "multiply", "concat", "join", "flatten", "reshape", "crop", "identity", "noise", "global_avg_pool",
    "global_max_pool",
)  # fmt: skip
"""Layers that the other side may well write as an expression: without a partner they count as what lies between."""
RECURRENT = ("rnn", "lstm", "gru")
PADDED = ("conv", "max_pool", "avg_pool")
"""Layers that a separate layer of zero padding before them belongs to."""


def with_padding(layer: Layer, padding: Padding | None) -> Layer:
    """The layer with the padding before it as its own."""
    if not padding:
        return layer
    own = layer.settings["padding"]
    whole = tuple((a + c, b + d) for (a, b), (c, d) in zip(own, padding, strict=True))
    changes = {"padding": whole, **({"count_include_pad": True} if layer.kind == "avg_pool" else {})}
    return replace(layer, settings={**layer.settings, **changes})


def crop(array: Array, padding: Padding | None) -> Array:
    """Images (N, C, ...) without their padding."""
    if not padding:
        return array
    places = [slice(a, n - b) for (a, b), n in zip(padding, array.shape[2:], strict=True)]
    return array[:, :, *places]


def pad(array: Array, padding: Padding | None) -> Array:
    """Images (N, C, ...) with padding."""
    return array if not padding else np.pad(array, [(0, 0), (0, 0), *padding])


def channels_first(layout: str) -> str:
    """The letters of a layout with the channels behind the batch."""
    return "N" + "C" + layout.replace("N", "").replace("C", "") if "C" in layout else layout


def without_ones(array: Array, layer: Layer) -> Array:
    """What a global pooling made, (N, C) whether or not it keeps the axes that it pooled over."""
    return array.reshape(array.shape[:2]) if layer.kind.startswith("global_") else array


def map_arrays(function: Callable[[Array], Any], value: Any) -> Any:
    """One array, several, or arrays by name, each turned; a single one becomes a list of one."""
    if isinstance(value, Mapping):
        return {name: function(np.asarray(array)) for name, array in value.items()}
    if isinstance(value, tuple | list):
        return [function(np.asarray(array)) for array in value]
    return [function(np.asarray(value))]


@dataclass
class Pass:
    """One run; arrays are canonical, parameters by layer and name; which outputs have had their channels moved."""

    outputs: list[Array]
    loss: Array | None = None
    input_gradients: list[Array] = field(default_factory=list)
    parameter_gradients: dict[str, dict[str, Array]] = field(default_factory=dict)
    moved: tuple[bool, ...] = ()


Loss = Callable[[Any, Any], Any]


class Rule(Protocol):
    """An optimizer at work on one model."""

    layer: Layer
    """Its kind and settings, by the names of `parity.reference.optimizers`."""

    def step(self, gradients: Mapping[str, Mapping[str, Array]]) -> None:
        """One update of the model's parameters with these gradients, by layer and name."""

    def state(self) -> dict[str, Array]:
        """What it remembers of each parameter, by "slot/layer.parameter"."""


class Side(Protocol):
    """One model of one framework."""

    framework: BackendName
    model: Any
    layouts: Layouts
    """Set for each pairing."""

    def borrowed(self, dtype: str, *, training: bool = False) -> AbstractContextManager[None]:
        """Within it the model computes in this dtype; afterwards it is as it was found, bit for bit.

        Parameters of that dtype are copied when `put` replaces them, or at once if an optimizer will change them.
        """

    def complete(self, inputs: Any) -> None:
        """Make what only a first call makes: parameters whose shapes follow from the inputs, in the model's dtype."""

    def inputs(self, arrays: Any, layout: str | None) -> Any:
        """Native inputs of canonical or laid-out arrays: one, several, or by name."""

    def get(self, layer: str) -> dict[str, Array]:
        """Copies of a layer's parameters and buffers, canonical."""

    def put(self, layer: str, arrays: Arrays) -> None:
        """Set a layer's parameters and buffers."""

    def loose(self) -> list[str]:
        """The names of parameters outside all layers; `get` and `put` call their array "value"."""

    def run(
        self,
        inputs: Any,
        targets: Any = None,
        loss: Loss | None = None,
        *,
        train: bool = False,
        gradients: bool = True,
        of: Collection[str] | None = None,
        tape: Tape | None = None,
    ) -> Pass:
        """One forward pass, and one backward pass if asked for; buffers move in train mode.

        Of the parameters, `of` has the layers whose gradients are wanted: by default all.
        """

    def buffers(self) -> dict[str, dict[str, Array]]:
        """All buffers by layer and name."""

    def about(self) -> dict[str, Any]:
        """What the model is and runs in, by topic; equal topics mean the same in every framework."""

    def rule(self, native: Any) -> Rule:
        """An optimizer of this framework, or a function that makes one, at work on this model."""
