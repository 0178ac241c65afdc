"""What executing a text of the table needs on either side, and what it gives."""

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import CodeType
from typing import Any

import numpy as np

from dualnet.rosetta.inputs import Array

__all__ = ["Gradients", "Run", "cotangent", "flat", "statements"]

Gradients = dict[str, Array | None]
"""By name; None where no gradient flows."""


@dataclass(frozen=True)
class Run:
    """What a text gave, arrays in PyTorch's layout.

    Args:
        values: of its last expression, one after the other.
        inputs: gradients of the floating inputs; empty where no value is floating.
        weights: gradients of the layer's weights, by the names of this side.
        carried: PyTorch only: what Keras' weights are.
        pulled: PyTorch only: from gradients of Keras' weights to those of PyTorch's.
    """

    values: list[Array]
    inputs: Gradients
    weights: Gradients = field(default_factory=dict)
    carried: dict[str, Array] = field(default_factory=dict)
    pulled: Callable[[Gradients], Gradients] = dict


def statements(text: str) -> tuple[CodeType, CodeType, CodeType]:
    """What builds a layer, if the text does, the statements behind that, and the expression at the end."""
    *before, last = ast.parse(text).body
    if not isinstance(last, ast.Expr):
        raise SyntaxError(f"no expression at the end of {text!r}")
    built = next((place for place, one in enumerate(before, 1) if ast.unparse(one).startswith("layer = ")), 0)
    first, rest = (ast.Module(part, type_ignores=[]) for part in (before[:built], before[built:]))
    return (
        compile(first, "<table>", "exec"),
        compile(rest, "<table>", "exec"),
        compile(ast.Expression(last.value), "<table>", "eval"),
    )


def flat(value: Any) -> list[Any]:
    """The leaves of tuples, lists and mappings in order."""
    if isinstance(value, Mapping):
        return [leaf for item in value.values() for leaf in flat(item)]
    if isinstance(value, list | tuple):
        return [leaf for item in value for leaf in flat(item)]
    return [value]


def cotangent(position: int, shape: tuple[int, ...]) -> Array:
    """Fixed weights of a value's elements: gradients are those of the values' weighted sum."""
    rng = np.random.default_rng((position, *shape))
    return rng.standard_normal(shape) + 1j * rng.standard_normal(shape)
