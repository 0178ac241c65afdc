"""One row of the table: the same thing said in both frameworks, as code that is executed."""

import ast
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from inspect import cleandoc

from dualnet.interface import BackendName
from dualnet.rosetta.inputs import INPUTS

__all__ = ["CLOSE", "EXACT", "FLOAT32", "STATISTICAL", "Row"]

EXACT = 0.0
"""The same numbers, bit by bit."""

CLOSE = 1e-11
"""Float64 up to rounding, relative to the largest number of a tensor."""

FLOAT32 = 2e-6
"""For what a framework computes in float32 whatever it is given."""

STATISTICAL = 0.03
"""For a statistic of many random numbers."""

ROOTS: dict[BackendName, tuple[str, ...]] = {"tf": ("tf", "keras"), "torch": ("torch", "torchvision")}


@dataclass(frozen=True, eq=False)
class Row:
    """One thing in both frameworks.

    A text is Python: statements, and an expression at the end, whose value is compared. It may use `tf`, `keras`,
    `torch`, `torchvision`, `np` and the inputs of `dualnet.rosetta.inputs`, which are the same numbers on both sides.

    Args:
        title: what it is, in words.
        tf: the text for TensorFlow; several where several names say the same.
        torch: the text for PyTorch; several likewise.
        note: what must be set for equality, or what to know.
        without: the text of either side without what the note asks for; its value differs.
        weights: of texts that build a `layer`: Keras' weights by the end of their paths, each an expression of
            PyTorch's `layer` and of the names of its parameters and buffers.
        result: the axes of the values, TensorFlow's and PyTorch's, where they differ: "NHWC NCHW".
        within: the greatest error, relative to the largest number of a tensor; of gradients CLOSE if that is more.
            Integers and booleans are equal anyway.
        gradients: whether the gradients of inputs and weights are compared as well, where values are floating.
        difference: the id of the difference between the frameworks that this row is about.
        names: the names that the row answers for, where they are not the first ones in the texts.
    """

    title: str
    tf: str | tuple[str, ...]
    torch: str | tuple[str, ...]
    note: str = ""
    without: str | tuple[str, ...] = ()
    weights: Mapping[str, str] = field(default_factory=dict)
    result: str = ""
    within: float = CLOSE
    gradients: bool = True
    difference: str = ""
    names: str | tuple[str, ...] = ()

    def texts(self, side: BackendName) -> tuple[str, ...]:
        """The texts of one side, the usual one first."""
        return _several(getattr(self, side))

    @cached_property
    def naive(self) -> tuple[tuple[BackendName, str], ...]:
        """The texts that lack what the note asks for, each with its side."""
        return tuple(("tf" if used(text, "tf", methods=False) else "torch", text) for text in _several(self.without))

    @cached_property
    def answers(self) -> dict[BackendName, tuple[str, ...]]:
        """The names on each side that this row answers for."""
        asked = set(_several(self.names))
        found: dict[BackendName, tuple[str, ...]] = {}
        for side in ROOTS:
            all_names = [used(text, side) for text in self.texts(side)]
            chosen = [name for names in all_names for name in names if name in asked]
            first = [min(names, key=lambda name: name.endswith("__")) for names in all_names if names]
            found[side] = tuple(dict.fromkeys(chosen or first))
        return found

    @cached_property
    def mentions(self) -> frozenset[str]:
        """Every name of a framework in the texts."""
        return frozenset(name for side in ROOTS for text in self.texts(side) for name in used(text, side))

    @cached_property
    def inputs(self) -> tuple[str, ...]:
        """The names of the inputs in the texts."""
        return tuple(dict.fromkeys(name for side in ROOTS for text in self.texts(side) for name in inputs_of(text)))


def used(text: str, side: BackendName, *, methods: bool = True) -> list[str]:
    """The dotted names of one side's framework in a text, in order; methods of an input are those of its tensor."""
    roots = "|".join(ROOTS[side])
    found = {match.start(): match[0] for match in re.finditer(rf"(?<![\w.])(?:{roots})(?:\.\w+)+", text)}
    for name in inputs_of(text) if methods else []:
        for match in re.finditer(rf"(?<![\w.]){name}(?:\.(\w+)|\[)", text):
            found[match.start()] = f"{side}.Tensor.{match[1] or '__getitem__'}"
    return list(dict.fromkeys(found[place] for place in sorted(found)))


def inputs_of(text: str) -> list[str]:
    """The names of the inputs that a text uses, in order of their first use; one that it assigns first is its own."""
    names = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Name) and node.id in INPUTS]
    first: dict[str, ast.Name] = {}
    for name in sorted(names, key=lambda node: (node.lineno, node.col_offset)):
        first.setdefault(name.id, name)
    return [id for id, name in first.items() if isinstance(name.ctx, ast.Load)]


def _several(texts: str | tuple[str, ...]) -> tuple[str, ...]:
    return tuple(map(cleandoc, (texts,) if isinstance(texts, str) else texts))
