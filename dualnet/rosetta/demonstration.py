"""The differences between the frameworks, each shown by code that is executed, and how far both sides come apart."""

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from dualnet import catalogue
from dualnet.interface import BackendName, Difference, DualnetError
from dualnet.rosetta.check import MISTAKES, apart, float64, run
from dualnet.rosetta.execution import Run
from dualnet.rosetta.inputs import Array
from dualnet.rosetta.row import Row
from dualnet.rosetta.table import AREAS

__all__ = ["Effect", "UnknownDifferenceError", "declared", "demonstrations", "effects", "matching", "measure"]

SHOWN = 6
"""Numbers of an array that are printed."""


class UnknownDifferenceError(DualnetError, LookupError):
    """No concept declares a difference of that name."""


@dataclass(frozen=True)
class Effect:
    """What a demonstration gave.

    Args:
        tf: TensorFlow's values in short, or what it raised.
        torch: PyTorch's.
        values: the largest difference of the values, relative to the largest of its tensor; infinite where they cannot
            be compared: other shapes or kinds, NaN or an error on one side alone.
        gradients: the same of the gradients by the inputs; None where there are none.
    """

    tf: str
    torch: str
    values: float
    gradients: float | None

    @property
    def apart(self) -> float:
        """The larger one of both."""
        return max(self.values, self.gradients or 0.0)

    def __str__(self) -> str:
        if np.isinf(self.values):
            return "not comparable"
        gradients = "" if self.gradients is None else f", gradients by {_number(self.gradients)}"
        return f"values differ by {_number(self.values)}{gradients}"


def declared() -> dict[str, list[Difference]]:
    """Every difference that a concept declares, by id; several concepts may meet the same one."""
    found: dict[str, list[Difference]] = {}
    for concept in catalogue.concepts():
        for one in concept.differences:
            found.setdefault(one.id, []).append(one)
    return {id: list(dict.fromkeys(found[id])) for id in sorted(found)}


def matching(asked: str, told: Mapping[str, Sequence[Difference]]) -> list[str]:
    """The ids of the differences that are asked for.

    Args:
        asked: an id, or words of what the differences are about.
        told: what is `declared`.

    Raises:
        UnknownDifferenceError: there is none; the message names the nearest ids.
    """
    wanted = asked.casefold()
    if exact := [id for id in told if id.casefold() == wanted]:
        return exact
    texts = {id: " ".join((id, *(one.what for one in some))).casefold() for id, some in told.items()}
    if found := [id for id, text in texts.items() if all(word in text for word in wanted.split())]:
        return found
    near = difflib.get_close_matches(asked, told, n=3, cutoff=0.5)
    hint = f"did you mean {', '.join(near)}?" if near else "`dualnet differences` lists them"
    raise UnknownDifferenceError(f"no concept declares a difference {asked!r}: {hint}")


def demonstrations(id: str, told: Iterable[Difference]) -> list[Row]:
    """What shows a difference: the texts of its declarations, else the table's that lack what a note asks for."""
    demos = [(one.what, one.demo) for one in told if one.demo]
    rows = [Row(what, tf=demo.tf, torch=demo.torch, difference=id) for what, demo in demos]
    table = (naive for area in AREAS.values() for row in area if row.difference == id for naive in _naive(row))
    return rows or [*{(row.texts("tf")[0], row.texts("torch")[0]): row for row in table}.values()]


def effects(told: Mapping[str, Sequence[Difference]]) -> Iterator[tuple[str, list[tuple[Row, Effect]]]]:
    """The demonstrations of differences with what executing them gave.

    Args:
        told: declarations by id.

    Raises:
        MissingFrameworkError: a framework is not installed.
    """
    with float64():
        for id, some in told.items():
            yield id, [(row, measure(row)) for row in demonstrations(id, some)]


def measure(row: Row) -> Effect:
    """Execute both texts of a demonstration; to be called under `dualnet.rosetta.check.float64`.

    Raises:
        NameError, AttributeError, SyntaxError, ImportError: a text is wrong.
    """
    torch = _attempt(row, "torch")
    tf = _attempt(row, "tf", torch if isinstance(torch, Run) else None)
    distances = apart(tf, torch) if isinstance(tf, Run) and isinstance(torch, Run) else (np.inf, None)
    return Effect(_told(tf), _told(torch), *distances)


def _naive(row: Row) -> Iterator[Row]:
    """The row once for each text that lacks what its note asks for, with that text on its side."""
    for side, text in row.naive:
        yield replace(row, tf=text) if side == "tf" else replace(row, torch=text)


def _attempt(row: Row, side: BackendName, carrier: Run | None = None) -> Run | str:
    """What the text of one side gives, or what it raises."""
    try:
        return run(row, side, row.texts(side)[0], carrier)
    except Exception as error:
        if isinstance(error, MISTAKES) and not isinstance(error, TypeError):
            raise
        return f"raises {type(error).__name__}"


def _told(given: Run | str) -> str:
    return given if isinstance(given, str) else "; ".join(map(_array, given.values))


def _array(array: Array) -> str:
    numbers = [_number(value) for value in array.ravel()[:SHOWN]]
    if array.size > SHOWN:
        return f"{' x '.join(map(str, array.shape))} numbers: {', '.join(numbers)}, ..."
    return ", ".join(numbers) if array.size else f"no numbers, shape {array.shape}"


def _number(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float | complex | np.inexact) else str(value)
