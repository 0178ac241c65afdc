"""Receptive field: which elements of the input an output of a stack of layers can see."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from dualnet.interface import Array, Case, Concept, Difference

__all__ = ["CONCEPT", "Field", "Layer", "Seen", "output_sizes"]


class Layer(NamedTuple):
    """A convolution or pooling along one axis."""

    kernel: int
    stride: int = 1
    padding: int = 0
    """Zeros on both sides."""
    dilation: int = 1


class Field(NamedTuple):
    """Of each layer's outputs, in elements of the input."""

    size: Any
    """From the first to the last that one output sees."""
    jump: Any
    """From one output to the next."""
    start: Any
    """The first that output 0 sees; below 0 in the padding."""


class Seen(NamedTuple):
    """What an output sees of the input."""

    first: Any
    last: Any
    count: Any
    """How many from the first to the last: fewer than all where there are gaps."""


def output_sizes(size: int, layers: tuple[Layer, ...]) -> Iterator[int]:
    """How many outputs each layer has.

    Raises:
        ValueError: there is no layer, or one has none.
    """
    if not layers:
        raise ValueError("no layer: expected at least one")
    for number, (kernel, stride, padding, dilation) in enumerate(layers):
        size = (size + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1
        if size < 1:
            raise ValueError(f"layer {number} has no output: expected a larger input, or fewer and smaller layers")
        yield size


_STACKS = {
    "one": (Layer(5, 2, 1),),
    "lenet": (Layer(5, 1, 2), Layer(2, 2), Layer(5), Layer(2, 2)),
    "dilated": (Layer(3, 1, 1), Layer(3, 1, 2, 2), Layer(3, 1, 4, 4)),
    "strides": (Layer(7, 2, 3), Layer(3, 2, 1), Layer(3, 1, 1), Layer(3, 2, 1), Layer(1, 2)),
    "gaps": (Layer(2, 3, 1), Layer(2, 2, 0, 2)),
    "even": (Layer(4, 2, 1), Layer(2, 1, 1), Layer(6, 3, 2)),
}


def _columns(layers: tuple[Layer, ...]) -> dict[str, Array]:
    return dict(zip(("kernels", "strides", "paddings", "dilations"), np.array(layers).T.copy(), strict=True))


# --- the third opinion: sets of elements, followed back through the layers one by one --------------------------


def _seen(output: int, layers: tuple[Layer, ...]) -> list[int]:
    found = {output}
    for kernel, stride, padding, dilation in reversed(layers):
        found = {i * stride - padding + a * dilation for i in found for a in range(kernel)}
    return sorted(found)


def _field(kernels: Array, strides: Array, paddings: Array, dilations: Array) -> Field:
    layers = tuple(Layer(*row) for row in np.stack((kernels, strides, paddings, dilations), 1).tolist())
    sets = [(_seen(0, layers[: depth + 1]), _seen(1, layers[: depth + 1])) for depth in range(len(layers))]
    rows = [(zero[-1] - zero[0] + 1, one[0] - zero[0], zero[0]) for zero, one in sets]
    return Field(*np.array(rows, np.int64).reshape(-1, 3).T)


def _measured(size: int, layers: tuple[Layer, ...]) -> Seen:
    *_, outputs = output_sizes(size, layers)
    inside = [i for i in _seen(outputs // 2, layers) if 0 <= i < size]
    return Seen(*(np.array(n) for n in (inside[0], inside[-1], len(inside))))


CONCEPT = Concept(
    module=__name__,
    title="Receptive field computation",
    kind="ops",
    summary="The field grows by what each layer reads beside its middle, in steps of all the strides before it.",
    sources=(
        "Araujo, Norris, Sim 2019, Computing Receptive Fields of Convolutional Neural Networks, eq. 2-4",
        "Luo, Li, Urtasun, Zemel 2016, Understanding the Effective Receptive Field, section 1",
    ),
    differences=(
        Difference(
            "D009",
            "layout of a one-dimensional weight",
            tf="(width, in, out)",
            torch="(out, in, width)",
            ours="all ones, in each side's own layout",
        ),
        Difference(
            "D023",
            "stride and dilation together",
            tf="refused",
            torch="allowed",
            ours="allowed: TensorFlow takes every window, then drops those between",
        ),
        Difference(
            "D246",
            "product of all elements before each one",
            tf="tf.math.cumprod(exclusive=True)",
            torch="none: the products up to each one, shifted",
            ours="the product of nothing is 1",
        ),
    ),
    cases=(
        *(Case("receptive_field", _columns(layers), _field, label=label) for label, layers in _STACKS.items()),
        Case(
            "receptive_field", {name: a[:0] for name, a in _columns(_STACKS["one"]).items()}, _field, label="no_layer"
        ),
        *(
            Case("measured_field", {"size": size, "layers": layers}, _measured, label=f"{label}_{size}")
            for label, layers in _STACKS.items()
            for size in (67, 20)
        ),
        Case("measured_field", {"size": 5, "layers": _STACKS["lenet"]}, raises=ValueError, label="too_small"),
        Case("measured_field", {"size": 5, "layers": ()}, raises=ValueError, label="no_layer"),
    ),
)
