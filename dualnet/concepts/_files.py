"""Files that cases name: made when they are first asked for, gone with the process."""

import os
import shutil
import tempfile
from atexit import register
from collections.abc import Callable
from functools import cache
from pathlib import Path

__all__ = ["CaseFile"]


@cache
def _folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="dualnet-"))
    register(shutil.rmtree, folder, ignore_errors=True)
    return folder


class CaseFile(os.PathLike[str]):
    """The path of a file or folder in a temporary place.

    Args:
        name: unique among all cases.
        write: makes it at its path, before the path is first given away; by default it does not exist yet.
    """

    def __init__(self, name: str, write: Callable[[Path], object] | None = None) -> None:
        self._name, self._write = name, write

    def __fspath__(self) -> str:
        path = _folder() / self._name
        if self._write and not path.exists():
            self._write(path)
        return str(path)
