"""Fetches a data set by whichever framework is installed."""

from collections.abc import Callable, Sequence
from pathlib import Path

from dualnet.interface import DataError

__all__ = ["Fetcher", "fetch"]

Fetcher = Callable[[Path], None]
"""Writes a data set's files below a folder; its name is ``by_`` and the package that it asks."""


def fetch(title: str, folder: Path, fetchers: Sequence[Fetcher]) -> None:
    """Fetch a data set by the first of these ways that works.

    Raises:
        DataError: none does; the message says why not.
    """
    problems = []
    for fetcher in fetchers:
        try:
            return fetcher(folder)
        except Exception as error:  # the downloaders raise whatever their network code raises
            problems.append(f"{fetcher.__name__.removeprefix('by_')}: {error}")
    raise DataError(f"{title} could not be downloaded to {folder}: {'; '.join(problems)}")
