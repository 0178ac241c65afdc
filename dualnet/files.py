"""Files written whole or not at all."""

import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["printable", "replacing", "write"]

UNPRINTABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 forbids even as an entity: most control characters, and halves of surrogate pairs."""


def printable(text: str) -> str:
    """The text with a replacement character for everything that neither XML nor UTF-8 can hold."""
    return UNPRINTABLE.sub("\ufffd", text)


@contextmanager
def replacing(path: Path | str, *, alone: bool = False) -> Iterator[Path]:
    """A file beside `path` to write to, which takes its place at the end; after an exception nothing has changed.

    Args:
        path: the file.
        alone: nobody else writes it meanwhile, so that what a killed writer has left is written over.

    Raises:
        OSError: the folder cannot be made or written to, or `path` is something else than a file.
    """
    path = Path(path).resolve()
    if path.exists() and not path.is_file():
        raise OSError("there is something else than a file")
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.part" if alone else f".{secrets.token_hex(8)}")
    try:
        yield temporary
        with temporary.open("rb") as written:
            os.fsync(written.fileno())  # a name must not outlive a power failure without what it names
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write(path: Path | str, text: str) -> Path:
    """Write text as UTF-8.

    Raises:
        OSError: as `replacing`.
    """
    with replacing(path) as temporary:
        temporary.write_text(printable(text), encoding="utf-8")
    return Path(path)
