"""The idx format of MNIST and its relatives: a short header, then raw bytes; plain or gzipped.

Source: LeCun, Cortes, Burges, The MNIST database of handwritten digits, "file formats".
"""

import gzip
import zlib
from pathlib import Path

import numpy as np

from dualnet.interface import Array, DataError

__all__ = ["read_idx"]

UNSIGNED_BYTE = 0x08


def read_idx(path: Path) -> Array:
    """Read one idx file of unsigned bytes.

    Returns:
        uint8 array of the shape that the header tells.

    Raises:
        DataError: the file is missing, truncated, longer than its header says, or no idx file.
    """
    content = _content(path)
    if len(content) < 4 or content[:2] != b"\0\0":
        raise DataError(
            f"{path}: no idx file: it should begin with two zero bytes, came {content[:4].hex() or 'nothing'}"
        )
    kind, rank = content[2], content[3]
    if kind != UNSIGNED_BYTE:
        raise DataError(f"{path}: expected unsigned bytes (type 0x08), came type {kind:#04x}")
    start = 4 + 4 * rank
    if rank == 0 or len(content) < start:
        raise DataError(f"{path}: the idx header is cut off: {len(content)} bytes; get the file again")
    shape = np.frombuffer(content, ">u4", rank, 4).astype(np.int64)
    expected = start + int(np.prod(shape, dtype=object))
    if len(content) != expected:
        raise DataError(
            f"{path}: {'truncated' if len(content) < expected else 'too long'}: the header announces shape "
            f"{tuple(shape.tolist())}, {expected} bytes, came {len(content)}; get the file again"
        )
    try:
        return np.frombuffer(content, np.uint8, offset=start).reshape(shape)
    except ValueError as error:
        raise DataError(
            f"{path}: the idx header announces what no array can be ({error}); get the file again"
        ) from error


def _content(path: Path) -> bytes:
    try:
        raw = path.read_bytes()
        return gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw
    except OSError as error:  # BadGzipFile is one, too
        raise DataError(f"{path}: cannot be read: {error}") from error
    except (EOFError, zlib.error) as error:
        raise DataError(f"{path}: the gzip stream is damaged or cut off ({error}); get the file again") from error
