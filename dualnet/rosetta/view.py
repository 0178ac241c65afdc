"""Rows of the table for the terminal, and as JSON."""

from collections.abc import Iterable, Mapping, Sequence
from math import isfinite
from typing import TYPE_CHECKING, Any

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from dualnet.interface import BackendName, Difference
from dualnet.rosetta.check import Outcome
from dualnet.rosetta.inputs import INPUTS
from dualnet.rosetta.row import EXACT, Row

if TYPE_CHECKING:
    from dualnet.rosetta.demonstration import Effect

__all__ = [
    "areas",
    "card",
    "catalogued",
    "equality",
    "evidence",
    "finding",
    "index",
    "record",
    "shown",
    "verdict",
]

SIDES: dict[BackendName, str] = {"tf": "TensorFlow", "torch": "PyTorch"}


def card(row: Row) -> RenderableType:
    """A row with both texts side by side, and below them what makes them equal."""
    sides = Table(box=None, pad_edge=False, expand=True, header_style="dim")
    for title in SIDES.values():
        sides.add_column(title, ratio=1)
    sides.add_row(*map(_alternatives, map(row.texts, SIDES)))
    facts = Table(box=None, pad_edge=False, show_header=False)
    facts.add_column(style="dim", no_wrap=True)
    facts.add_column(overflow="fold")
    for name, fact in _facts(row):
        facts.add_row(name, Text(fact) if isinstance(fact, str) else fact)
    return Padding(Group(Text(row.title, "bold underline"), sides, facts), (0, 0, 1, 0))


def index(rows: Iterable[Row]) -> Table:
    """A line for each row: what it is, and its names."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("", *SIDES.values()):
        table.add_column(title, overflow="fold")
    for row in rows:
        table.add_row(row.title, *("\n".join(row.answers[side]) for side in SIDES))
    return table


def areas(table: Mapping[str, Sequence[Row]]) -> Table:
    """A line for each area: how many rows it has."""
    shown = Table(box=None, pad_edge=False, header_style="bold", show_footer=True)
    shown.add_column("area", footer="all")
    shown.add_column("rows", justify="right", footer=str(sum(map(len, table.values()))))
    for name, rows in table.items():
        shown.add_row(name, str(len(rows)))
    return shown


def verdict(outcomes: Mapping[Row, Outcome]) -> RenderableType:
    """What executing rows gave: those that do not hold, and the worst error of the others."""
    shown = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("held to", "rows", "hold", "worst error: values", "gradients"):
        shown.add_column(title, justify="left" if title == "held to" else "right")
    for within in sorted({row.within for row in outcomes}):
        group = {row: outcome for row, outcome in outcomes.items() if row.within == within}
        held = [outcome for outcome in group.values() if not outcome.problems]
        values = max((outcome.values for outcome in held), default=0.0)
        gradients = max((outcome.gradients or 0.0 for outcome in held), default=0.0)
        name = "equality" if within == EXACT else f"{within:.0e}"
        shown.add_row(name, str(len(group)), str(len(held)), f"{values:.1e}", f"{gradients:.1e}")
    failed = [
        Text(f"{row.title}: {problem}", "red") for row, outcome in outcomes.items() for problem in outcome.problems
    ]
    return Group(shown, *failed)


def finding(row: Row, outcome: Outcome) -> dict[str, Any]:
    """What executing a row gave, as JSON has it: an infinite error, of what cannot be compared, is null."""
    errors = {"values": outcome.values, "gradients": outcome.gradients}
    finite = {name: error if error is not None and isfinite(error) else None for name, error in errors.items()}
    return {"title": row.title, **finite, "problems": list(outcome.problems)}


def record(row: Row) -> dict[str, Any]:
    """A row as JSON has it."""
    return {
        "title": row.title,
        "names": {side: list(row.answers[side]) for side in SIDES},
        "texts": {side: list(row.texts(side)) for side in SIDES},
        "note": row.note,
        "differing": [text for _, text in row.naive],
        "weights": dict(row.weights),
        "result_axes": dict(zip(SIDES, row.result.split(), strict=False)),
        "inputs": {name: {"about": INPUTS[name].about, "axes": INPUTS[name].layout} for name in row.inputs},
        "within": row.within,
        "gradients": row.gradients,
        "difference": row.difference,
    }


def catalogued(told: Mapping[str, Sequence[Difference]]) -> Table:
    """A line for each difference: what it is about, and what either side does."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column(no_wrap=True)
    for title in ("", *SIDES.values()):
        table.add_column(title, overflow="fold")
    for id, (first, *_) in told.items():
        table.add_row(id, *map(Text, (first.what, first.tf, first.torch)))
    return table


def shown(id: str, told: Sequence[Difference], found: "Sequence[tuple[Row, Effect]]") -> RenderableType:
    """A difference whole: what is said of it, and what executing its demonstrations gave."""
    sides = Table(box=None, pad_edge=False, expand=True, header_style="dim")
    for title in SIDES.values():
        sides.add_column(title, ratio=1)
    for row, effect in found:
        sides.add_row(*(_code(row.texts(side)[0]) for side in SIDES))
        sides.add_row(*(Text(value, "green") for value in (effect.tf, effect.torch)))
        sides.add_row(Text(str(effect), "bold"), end_section=True)
    words = [line for one in told for line in _words(one)]
    return Padding(Group(Text(id, "bold underline"), *words, sides), (0, 0, 1, 0))


def evidence(id: str, told: Sequence[Difference], found: "Sequence[tuple[Row, Effect]]") -> dict[str, Any]:
    """The same as JSON has it: an infinite distance, of what cannot be compared, is null."""
    measured = [
        {
            "texts": {side: row.texts(side)[0] for side in SIDES},
            "gave": {"tf": effect.tf, "torch": effect.torch},
            "apart": effect.apart if isfinite(effect.apart) else None,
        }
        for row, effect in found
    ]
    said = [{"what": one.what, "tf": one.tf, "torch": one.torch, "ours": one.ours} for one in told]
    return {"id": id, "said": said, "demonstrations": measured}


def _words(difference: Difference) -> Iterable[RenderableType]:
    facts = Table(box=None, pad_edge=False, show_header=False)
    facts.add_column(style="dim", no_wrap=True)
    facts.add_column(overflow="fold")
    sides = {title: getattr(difference, side) for side, title in SIDES.items()}
    for name, fact in {**sides, "here": difference.ours}.items():
        facts.add_row(name, Text(fact))
    return Text(difference.what), facts


def _facts(row: Row) -> Iterable[tuple[str, RenderableType]]:
    if row.note:
        yield "note", row.note
    for _, text in row.naive:
        yield "not equal", _code(text)
    if row.weights:
        yield "weights", _code("\n".join(f"{name} = {text}" for name, text in row.weights.items()))
    if row.result:
        yield "axes", _axes(row.result)
    for name in row.inputs:
        layout = INPUTS[name].layout
        yield name, INPUTS[name].about + (f": {_axes(layout)}" if layout else "")
    yield "equal", equality(row) + (f" ({row.difference})" if row.difference else "")


def _alternatives(texts: tuple[str, ...]) -> RenderableType:
    separated = [part for text in texts for part in (Text("or", "dim"), _code(text))]
    return Group(*separated[1:])


def _axes(layout: str) -> str:
    return "{} in TensorFlow, {} in PyTorch".format(*layout.split())


def equality(row: Row) -> str:
    """How equal the two sides of a row are held to be, in words."""
    what = "values, and gradients where there are any" if row.gradients else "values"
    if row.within == EXACT:
        return f"{what}, bit by bit"
    return f"{what}, within {row.within:.0e} of the largest number"


def _code(text: str) -> Syntax:
    return Syntax(text, "python", background_color="default", word_wrap=True)
