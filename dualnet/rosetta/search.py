"""Finding rows of the table by a name of either framework, or by words of a title."""

import difflib

from dualnet.interface import DualnetError
from dualnet.rosetta.row import Row
from dualnet.rosetta.table import AREAS

__all__ = ["UnknownNameError", "find"]

ALIASES = {"F.": "torch.nn.functional.", "nn.": "torch.nn.", "tf.keras.": "keras."}
"""How names begin in code."""


class UnknownNameError(DualnetError, LookupError):
    """No row of the table answers for a name."""


def find(asked: str) -> tuple[list[Row], list[Row]]:
    """The rows for a name, and those that are about something like it.

    Args:
        asked: a name of either framework, whole or its end, in any case; or words of a title.

    Raises:
        UnknownNameError: there are none; the message names the nearest names.
    """
    for short, long in ALIASES.items():
        if asked.startswith(short):
            asked = asked.replace(short, long, 1)
    asked = asked.casefold()
    rows = [row for area in AREAS.values() for row in area]
    tiers = [[row for row in rows if fits(row, asked)] for fits in (_whole, _ending, _aliased, _within, _mentioned)]
    best = next((tier for tier in tiers if tier), None)
    if best is None:
        raise UnknownNameError(f"the table has no {asked!r}: {_nearest(asked, rows)}")
    return best, [row for row in tiers[3] if row not in best]


def _names(row: Row) -> list[str]:
    return [name.casefold() for names in row.answers.values() for name in names]


def _whole(row: Row, asked: str) -> bool:
    return asked in _names(row) or asked == row.title.casefold()


def _ending(row: Row, asked: str) -> bool:
    return any(name.endswith("." + asked) for name in _names(row))


def _aliased(row: Row, asked: str) -> bool:
    """The same framework has many functions twice: `tf.reduce_sum` is `tf.math.reduce_sum`."""
    first, *_, last = asked.split(".")
    return first != last and any(n.startswith(first + ".") and n.endswith("." + last) for n in _names(row))


def _within(row: Row, asked: str) -> bool:
    return any(asked in text for text in (*_names(row), row.title.casefold()))


def _mentioned(row: Row, asked: str) -> bool:
    return any(name.casefold().endswith(asked) for name in row.mentions)


def _nearest(asked: str, rows: list[Row]) -> str:
    last = {name.split(".")[-1].casefold(): name for row in rows for names in row.answers.values() for name in names}
    close = difflib.get_close_matches(asked.split(".")[-1], last, n=3, cutoff=0.5)
    return f"did you mean {', '.join(last[name] for name in close)}?" if close else "`dualnet rosetta` lists its areas"
