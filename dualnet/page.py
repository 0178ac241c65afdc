"""The two sources of a concept as one page for the browser, which needs nothing else."""

from collections.abc import Sequence
from itertools import count
from typing import Any, NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

from dualnet.interface import Concept
from dualnet.show import Row

__all__ = ["cells", "code", "page", "render"]

LIGHT, DARK = "default", "github-dark"
"""Pygments' styles."""


class Cell(NamedTuple):
    """A line of one pane; without number where this side has none."""

    number: int | None
    code: str
    """As HTML."""


def page(concept: Concept, rows: Sequence[Row]) -> str:
    """A page with two panes.

    Args:
        concept: what the sources are of.
        rows: their lines beside each other, TensorFlow's on the left.

    Returns:
        The page: HTML without scripts that asks no other host.
    """
    return render(
        "page.html.jinja",
        concept=concept,
        rows=cells(rows),
        same=sum(row.same for row in rows),
        light=_style(LIGHT),
        dark=_style(DARK),
    )


def render(template: str, **values: Any) -> str:
    """A template of the package, filled in.

    Args:
        template: its path in the package.
        values: what it asks for, by name; text is escaped.
    """
    environment = Environment(
        loader=PackageLoader("dualnet", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(template).render(values)


def cells(rows: Sequence[Row]) -> list[tuple[bool, Cell, Cell]]:
    """What `panes.html.jinja` shows: of each row whether both sides are the same, and the lines as HTML."""
    left, right = _pane([row.left for row in rows]), _pane([row.right for row in rows])
    return [(row.same, one, other) for row, one, other in zip(rows, left, right, strict=True)]


def code(text: str) -> str:
    """Python as HTML, highlighted: as many lines as before, nothing around them."""
    return highlight(text, PythonLexer(stripnl=False, ensurenl=False), HtmlFormatter(nowrap=True))


def _pane(lines: Sequence[str | None]) -> list[Cell]:
    """One side's lines, highlighted as a whole: a docstring runs over several."""
    found = iter(code("\n".join(line for line in lines if line is not None)).split("\n"))
    numbers = count(1)
    return [Cell(None, "") if line is None else Cell(next(numbers), next(found)) for line in lines]


def _style(name: str) -> str:
    return HtmlFormatter(style=name, nobackground=True).get_style_defs(".code")
