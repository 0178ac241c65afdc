"""Two twins side by side, line by line, and what is said of a concept's variants."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher

from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from dualnet.interface import Variant

__all__ = ["Row", "align", "side_by_side", "variant_table"]


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
    """The lines of two texts in order, equal lines beside each other."""
    a, b = left.splitlines(), right.splitlines()
    rows: list[Row] = []
    for _, i, i_end, j, j_end in SequenceMatcher(None, a, b, autojunk=False).get_opcodes():
        for offset in range(max(i_end - i, j_end - j)):
            rows.append(
                Row(
                    a[i + offset] if i + offset < i_end else None,
                    b[j + offset] if j + offset < j_end else None,
                )
            )
    return rows


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
