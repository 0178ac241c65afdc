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
    """The rows for a name, and others whose names or titles contain it.

    Args:
        asked: a name of either framework, whole or its end, in any case; or words of a title.

    Raises:
        UnknownNameError: there are none; the message names the nearest names.
    """
    for short, long in ALIASES.items():
        if asked.startswith(short):
            asked = long + asked.removeprefix(short)
    wanted = asked.casefold()
    rows = [row for area in AREAS.values() for row in area]
    for fits in (_whole, _ending, _within, _mentioned):
        if found := [row for row in rows if fits(row, wanted)]:
            return found, [row for row in rows if _within(row, wanted) and row not in found]
    raise UnknownNameError(f"the table has no {asked!r}: {_nearest(wanted, rows)}")


def _names(row: Row) -> list[str]:
    return [name.casefold() for names in row.answers.values() for name in names]


def _whole(row: Row, wanted: str) -> bool:
    return _plain(wanted) in (*map(_plain, _names(row)), row.title.casefold())


def _plain(name: str) -> str:
    """TensorFlow has many functions twice: `tf.reduce_sum` is `tf.math.reduce_sum`."""
    return f"tf.{name.rpartition('.')[2]}" if name.startswith("tf.") else name


def _ending(row: Row, wanted: str) -> bool:
    return any(name.endswith("." + wanted) for name in _names(row))


def _within(row: Row, wanted: str) -> bool:
    return any(wanted in name for name in (*_names(row), row.title.casefold()))


def _mentioned(row: Row, wanted: str) -> bool:
    return any(name.casefold().endswith(wanted) for name in row.mentions)


def _nearest(wanted: str, rows: list[Row]) -> str:
    names = {name for row in rows for side in row.answers.values() for name in side}
    last = {name.split(".")[-1].casefold(): name for name in sorted(names)}
    close = difflib.get_close_matches(wanted.split(".")[-1], last, n=3, cutoff=0.5)
    return f"did you mean {', '.join(last[name] for name in close)}?" if close else "`dualnet rosetta` lists its areas"
