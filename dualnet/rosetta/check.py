"""The check of the table: every text is executed in float64, and what it gives is compared."""

import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np

from dualnet.interface import BackendName
from dualnet.process import prepare
from dualnet.rosetta.execution import Gradients, Run
from dualnet.rosetta.inputs import Array
from dualnet.rosetta.row import CLOSE, Row, inputs_of

__all__ = ["MISTAKES", "Outcome", "apart", "examine", "executed", "float64", "run"]

SIDES: tuple[BackendName, ...] = ("torch", "tf")
"""PyTorch first: its layer has the weights that Keras' is given, and TensorFlow before Triton aborts it."""

MISTAKES = (NameError, AttributeError, SyntaxError, TypeError, ImportError)
"""What a wrong text raises; no difference between the frameworks is proved by these."""


@dataclass(frozen=True)
class Outcome:
    """What executing a row gave.

    Args:
        values: the worst error of values, relative to the largest number of its tensor.
        gradients: the same of gradients; None where there are none to compare.
        problems: what is wrong, a sentence each.
    """

    values: float
    gradients: float | None
    problems: tuple[str, ...]


@contextmanager
def float64() -> Iterator[None]:
    """Both frameworks make float64 tensors and layers of their own accord.

    Raises:
        MissingFrameworkError: a framework is not installed.
    """
    for side in SIDES:
        prepare(side)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what a framework says while it is imported is its own business
        torch, tf = (_runner(side) for side in SIDES)
    with torch.float64(), tf.float64():
        yield


def executed(rows: Iterable[Row]) -> Iterator[tuple[Row, Outcome]]:
    """Each row with what executing it gave.

    Raises:
        MissingFrameworkError: a framework is not installed.
    """
    with float64():
        for row in rows:
            yield row, examine(row)


def examine(row: Row) -> Outcome:
    """Execute all texts of a row and compare what they give; to be called under `float64`."""
    try:
        torch, *more_torch = (run(row, "torch", text) for text in row.texts("torch"))
        tf, *more_tf = (run(row, "tf", text, torch) for text in row.texts("tf"))
    except Exception as error:  # whatever a framework raises: the row does not hold
        return Outcome(np.inf, None, (f"{type(error).__name__}: {error}",))
    pairs = [(tf, torch), *((other, torch) for other in more_tf), *((tf, other) for other in more_torch)]
    values = max(_values_error(*pair) for pair in pairs)
    found = [apart for pair in pairs if (apart := _gradients_error(*pair)) is not None]
    gradients = max(found, default=None)
    problems = [f"values differ by {values:.2g}"] if values > row.within else []
    if gradients is not None and gradients > max(row.within, CLOSE):
        problems.append(f"gradients differ by {gradients:.2g}")
    problems += [problem for side, text in row.naive if (problem := _naive_problem(row, side, text, tf, torch))]
    return Outcome(values, gradients, tuple(problems))


def _naive_problem(row: Row, side: BackendName, text: str, tf: Run, torch: Run) -> str | None:
    """What is wrong with a text that should differ from the other side, or not run at all."""
    try:
        if side == "tf":
            tf = run(row, side, text, torch)
        else:
            torch = run(row, side, text)
    except MISTAKES as error:
        return f"{text!r}: {type(error).__name__}: {error}"
    except Exception:  # the framework refuses it
        return None
    values, gradients = apart(tf, torch)
    worst = max(values, gradients or 0.0)
    return None if worst > max(5 * row.within, 1e-9) else f"{text!r} differs by {worst:.2g} only"


def apart(tf: Run, torch: Run) -> tuple[float, float | None]:
    """The worst relative error of two runs' values, and of their gradients; None where there are none to compare."""
    return _values_error(tf, torch), _gradients_error(tf, torch)


def run(row: Row, side: BackendName, text: str, carrier: Run | None = None) -> Run:
    """Execute a text of a row; to be called under `float64`.

    Args:
        row: what the text is of.
        side: whose text it is.
        text: the text.
        carrier: PyTorch's run, for the weights that TensorFlow's layer is given.
    """
    module = _runner(side)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a naive text may well be warned of
        if side == "torch":
            return module.run(text, inputs_of(text), row.weights, row.gradients)
        carried = carrier.carried if carrier else {}
        return module.run(text, inputs_of(text), carried, row.result, row.gradients)


def _runner(side: BackendName) -> Any:
    return import_module(f"dualnet.rosetta.run_{side}")


def _values_error(tf: Run, torch: Run) -> float:
    if len(tf.values) != len(torch.values):
        return np.inf
    return max(_error(*pair) for pair in zip(tf.values, torch.values, strict=True))


def _gradients_error(tf: Run, torch: Run) -> float | None:
    """The worst error of gradients; None where nothing can flow, infinite where something should and does not."""
    pairs = [*_paired(tf.inputs, torch.inputs), *_paired(torch.pulled(tf.weights), torch.weights)]
    if not pairs:
        return None
    both = [(a, b) for a, b in pairs if a is not None or b is not None]
    zero = [(np.zeros_like(b) if a is None else a, np.zeros_like(a) if b is None else b) for a, b in both]
    return max((_error(a, b) for a, b in zero), default=np.inf)


def _paired(a: Gradients, b: Gradients) -> list[tuple[Array | None, Array | None]]:
    return [(a.get(name), b.get(name)) for name in {**a, **b}]


def _error(a: Array, b: Array) -> float:
    """The largest difference relative to the largest number; infinite where shape, kind, NaN or infinity differ."""
    kinds = ["i" if array.dtype.kind == "u" else array.dtype.kind for array in (a, b)]
    if a.shape != b.shape or kinds[0] != kinds[1]:
        return np.inf
    if kinds[0] not in "fc":
        return 0.0 if np.array_equal(a, b) else np.inf
    finite = np.isfinite(a)
    if not np.array_equal(a[~finite], b[~finite], equal_nan=True) or not np.isfinite(b[finite]).all():
        return np.inf
    largest = np.abs(a[finite]).max(initial=0.0)
    return float(np.abs(a[finite] - b[finite]).max(initial=0.0) / (largest or 1.0))
