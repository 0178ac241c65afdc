"""The figures of parity that stand in the README's generated table."""

import re
from typing import NamedTuple

from dualnet.interface import ConfigError

__all__ = ["Figure", "figures"]

TABLE = re.compile(r"<!-- concepts -->\n.*?\n.*?\n(.*?)\n<!-- end -->", re.DOTALL)


class Figure(NamedTuple):
    """What no concept of a chapter exceeds."""

    float64: float
    """The worst error in float64, in parts of a tensor's scale."""
    float32: float
    """The worst error in float32, in parts of its limit."""


def figures(readme: str) -> dict[str, Figure]:
    """The figures by the id of a concept; those that the table does not name have none.

    Args:
        readme: the text of README.md.

    Raises:
        ConfigError: the text has no such table.
    """
    table = TABLE.search(readme)
    if table is None:
        raise ConfigError("README.md has no table of concepts: `make tables` writes it between its two marks")
    rows = [row.strip("| ").split(" | ") for row in table[1].splitlines()]
    return {id: Figure(float(double), float(single)) for _, ids, _, double, single in rows for id in ids.split(", ")}
