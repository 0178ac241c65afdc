"""Reports as one self-contained page: no script, no request, light and dark, wide and narrow."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from dualnet.files import printable
from parity.report import LayerPair, Report, severity
from parity.tolerance import FLOAT64_LIMIT

__all__ = ["html"]

ROWS = 4000
"""How many findings a page shows at most, shared by its reports; the JSON has all of them."""
WIDTH, HEIGHT = 820.0, 200.0
"""The plot's least width, and its height, in the chart's own units."""
LEFT, RIGHT, TOP, BOTTOM = 56.0, 24.0, 14.0, 30.0
"""The chart's margins."""
LABEL_ROWS, LABEL_HEIGHT, LETTER = 4, 15.0, 6.6
"""Names above the chart: how many rows, how high one is, how wide a letter."""
LONGEST_LABEL = 28
FLOOR = -17
"""The logarithm at which an error of zero is drawn, unless there are smaller ones."""
DEEPEST, HIGHEST = -20, 9
"""Logarithms beyond which errors are drawn at the edge, so that one of them does not flatten all others."""


def html(reports: Report | Sequence[Report]) -> str:
    """A page about one report, or several.

    Args:
        reports: what was found.

    Returns:
        The page: HTML that needs nothing else.
    """
    found = [reports] if isinstance(reports, Report) else list(reports)
    rows = max(ROWS // max(len(found), 1), 50)
    views = [
        {
            "report": report,
            "chart": _chart(report),
            "findings": sorted(report.findings, key=severity, reverse=True)[:rows],
            "environment": list(_environment(report.environment)),
            "sources": {" | ".join(layer.names): layer.sources for layer in report.layers if any(layer.sources)},
        }
        for report in found
    ]
    return printable(_template().render(views=views).strip() + "\n")


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("parity", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["number"] = _number
    return environment.get_template("report.html.jinja")


def _number(value: float | None, digits: int = 2, nan: str = "NaN") -> str:
    """An error for the reader's eye."""
    if value is None:
        return "–"
    if math.isnan(value):
        return nan
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    return f"{value:.{digits}e}" if value else "0"


def _environment(environment: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """What produced each side, as rows of a dotted name and two texts."""
    a, b = (_flat(environment.get(side, {})) for side in "ab")
    rest = _flat({name: value for name, value in environment.items() if name not in ("a", "b")})
    for name in dict.fromkeys((*a, *b)):
        yield name, a.get(name, ""), b.get(name, "")
    for name, value in rest.items():
        yield name, value, value


def _flat(value: Any, name: str = "") -> dict[str, str]:
    if not isinstance(value, Mapping):
        return {name: str(value)}
    found: dict[str, str] = {}
    for key, inner in value.items():
        found |= _flat(inner, f"{name}.{key}".lstrip("."))
    return found


# --- the chart -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Point:
    """One layer's error: where it stands, and what a pointer resting on it is told."""

    x: float
    y: float
    text: str
    guilty: bool


@dataclass(frozen=True)
class _Label:
    """A guilty layer: where its name starts, where it stands itself, and the name, empty if there was no room."""

    x: float
    y: float
    at: float
    text: str


@dataclass(frozen=True)
class _Chart:
    """The error of each layer, in the order of execution, on a logarithmic axis."""

    width: float
    height: float
    left: float
    right: float
    top: float
    bottom: float
    limit: float
    ticks: list[tuple[float, str]]
    forward: list[_Point]
    backward: list[_Point]
    guilty: list[_Label]
    hidden: int


def _chart(report: Report) -> _Chart | None:
    errors = [error for layer in report.layers for error in (layer.forward, layer.backward) if not math.isnan(error)]
    if not errors:
        return None
    limit = max((f.limit for f in report.findings if f.name.startswith("float64/")), default=0.0) or FLOAT64_LIMIT
    logs = [math.log10(error) for error in errors if 0 < error < math.inf]
    beyond = max(errors) > 10.0**HIGHEST
    low = max(min([FLOOR, *(math.floor(log) - 1 for log in logs)]), DEEPEST)
    high = min(max([1, *(math.ceil(log) for log in logs)]), HIGHEST) + beyond
    width = LEFT + RIGHT + max(WIDTH, 14.0 * len(report.layers))
    labels, hidden, rows = _labels(report.layers, width)
    top = TOP + LABEL_HEIGHT * rows
    bottom = top + HEIGHT

    def y(error: float) -> float:
        log = min(max(math.log10(error), low), high) if 0 < error < math.inf else low if error <= 0 else high
        return round(top + HEIGHT * (high - log) / (high - low), 1)

    def points(which: str) -> list[_Point]:
        found = []
        for place, layer in enumerate(report.layers):
            error = getattr(layer, which)
            if not math.isnan(error):
                text = f"{' | '.join(layer.names)} ({layer.kind}), {which}: {_number(error)}"
                found.append(_Point(_x(place, report.layers, width), y(error), text, layer.guilty))
        return found

    step = max(1, -(-(high - low) // 7))
    ticks = [(y(10.0**power), f"1e{power}") for power in (*range(0, low, -step), *range(step, high, step))]
    ticks += [(y(0.0), "0"), *([(y(math.inf), "more")] if beyond else [])]
    return _Chart(
        width, bottom + BOTTOM, LEFT, width - RIGHT, top, bottom, y(limit), ticks,
        points("forward"), points("backward"), labels, hidden,
    )  # fmt: skip


def _x(place: int, layers: Sequence[LayerPair], width: float) -> float:
    return round(LEFT + (place + 0.5) * (width - LEFT - RIGHT) / len(layers), 1)


def _labels(layers: Sequence[LayerPair], width: float) -> tuple[list[_Label], int, int]:
    """The guilty layers with names in rows above the chart, none covering another.

    Returns:
        The labels, those without room for a name included; how many these are; how many rows the others take.
    """
    ends: list[float] = []
    labels = []
    for place, layer in enumerate(layers):
        if not layer.guilty:
            continue
        text = layer.names[0] or layer.names[1]
        text = text if len(text) <= LONGEST_LABEL else "…" + text[1 - LONGEST_LABEL :]
        at = _x(place, layers, width)
        start = round(min(at + 4, width - LETTER * len(text)), 1)
        row = next((row for row, end in enumerate(ends) if start > end + LETTER), len(ends))
        if row < LABEL_ROWS:
            ends[row:] = [start + LETTER * len(text), *ends[row + 1 :]]
            labels.append((start, row, at, text))
        else:
            labels.append((start, 0, at, ""))
    bottom = TOP + LABEL_HEIGHT * len(ends) - 8
    found = [_Label(start, bottom - LABEL_HEIGHT * row, at, text) for start, row, at, text in labels]
    return found, sum(not label.text for label in found), len(ends)
