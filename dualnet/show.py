"""Two twins side by side, line by line, and what is said of a concept's variants."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import starmap, zip_longest

from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from dualnet.interface import Variant

__all__ = ["FIGURES", "Row", "align", "side_by_side", "variant_table"]


FIGURES = "application/vnd.dualnet.parity+json"
"""The kind of a notebook's output that has the figures of a parity check, for programs."""
ALIKE = 0.6
"""Two lines that have this share of their characters in common are one line that was changed."""


@dataclass(frozen=True)
class Row:
    """One line of each side; None where a side has no line to go with the other's."""

    left: str | None
    right: str | None

    @property
    def same(self) -> bool:
        """Whether both sides have the same line."""
        return self.left == self.right


def align(left: str, right: str) -> list[Row]:
    """The lines of two texts in order, equal lines beside each other, and like ones where lines were changed."""
    a, b = left.splitlines(), right.splitlines()
    rows: list[Row] = []
    for what, i, i_end, j, j_end in SequenceMatcher(None, a, b, autojunk=False).get_opcodes():
        if what == "equal":
            rows += map(Row, a[i:i_end], b[j:j_end])
        else:
            rows += _changed(a[i:i_end], b[j:j_end])
    return rows


def _changed(a: list[str], b: list[str]) -> Iterator[Row]:
    """Lines that go together beside each other, those between them in order."""
    i = j = 0
    for i_like, j_like in _alike(a, b):
        yield from starmap(Row, zip_longest(a[i:i_like], b[j:j_like]))
        yield Row(a[i_like], b[j_like])
        i, j = i_like + 1, j_like + 1
    yield from starmap(Row, zip_longest(a[i:], b[j:]))


def _alike(a: list[str], b: list[str]) -> Iterator[tuple[int, int]]:
    """The places of the lines that go together: in order, and with the greatest sum of likenesses."""
    likeness = [[_likeness(one, other) for other in b] for one in a]
    best = [[0.0] * (len(b) + 1) for _ in range(len(a) + 1)]  # the greatest sum from there on
    for i in reversed(range(len(a))):
        for j in reversed(range(len(b))):
            best[i][j] = max(best[i + 1][j], best[i][j + 1], best[i + 1][j + 1] + likeness[i][j])
    i = j = 0
    while i < len(a) and j < len(b):
        if best[i][j] == best[i + 1][j]:
            i += 1
        elif best[i][j] == best[i][j + 1]:
            j += 1
        else:
            yield i, j
            i, j = i + 1, j + 1


def _likeness(one: str, other: str) -> float:
    """The share of characters that two lines have in common; 0 where it is too small to mean anything."""
    share = SequenceMatcher(None, one.strip(), other.strip(), autojunk=False).ratio()
    return share if share >= ALIKE else 0.0


def side_by_side(rows: list[Row], titles: tuple[str, str]) -> Table:
    """The rows as a table for the terminal, differing lines marked in the middle."""
    table = Table(box=None, pad_edge=False, expand=True)
    table.add_column(titles[0], ratio=1, overflow="fold")
    table.add_column("", width=1)
    table.add_column(titles[1], ratio=1, overflow="fold")
    lefts, rights = (
        (_highlighted("\n".join(lines)) for lines in zip(*map(_texts, rows), strict=True)) if rows else ([], [])
    )
    for row, left, right in zip(rows, lefts, rights, strict=True):
        table.add_row(left, Text("" if row.same else "≠", "bold yellow"), right)
    return table


def variant_table(variants: Mapping[str, Variant]) -> Table:
    """What each variant is, and what its source reports."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("variant", "about", "the source reports"):
        table.add_column(title, overflow="fold")
    for name, variant in variants.items():
        table.add_row(*map(Text, (name, variant.about, variant.claim)))
    return table


def _texts(row: Row) -> tuple[str, str]:
    return row.left or "", row.right or ""


def _highlighted(code: str) -> Iterator[Text]:
    """One highlighted line each."""
    highlighted = Syntax("", "python", background_color="default").highlight(code)
    lines = highlighted.split("\n", allow_blank=True)
    return iter(lines[: code.count("\n") + 1])
