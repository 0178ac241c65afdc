"""CIFAR-10: 60,000 colour images of 32x32 pixels in ten classes, in each form in which they are handed on.

Source: Krizhevsky (2009), Learning multiple layers of features from tiny images; "Dataset layout" of its web page.
"""

import pickle
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from dualnet.data.download import Fetcher
from dualnet.data.images import ENDINGS, Place, open_image, open_zip
from dualnet.interface import Array, DataError
from dualnet.process import prepare

__all__ = ["CIFAR10_CLASSES", "CIFAR10_PLACES", "Split", "cifar10_downloaders", "find_cifar10", "read_cifar10"]

CIFAR10_CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
CIFAR10_PLACES = (
    "", "cifar-10-batches-bin", "cifar-10-batches-py", "cifar10/cifar-10-batches-bin", "cifar10/cifar-10-batches-py",
    "cifar10", "cifar-10", "cifar10.zip", "cifar-10.zip",
)  # fmt: skip
"""Where it is looked for below the data folder."""
SHAPE = (3, 32, 32)
BATCHES = (*(f"data_batch_{i}" for i in range(1, 6)), "test_batch")


class Split(NamedTuple):
    """Images (N, 3, 32, 32) in bytes and their labels (N,) int64."""

    images: Array
    labels: Array


def find_cifar10(folder: Path) -> Path | None:
    """The batches, the class folders or the zip file below a folder, in one of the usual places; None without any.

    Raises:
        DataError: a place has some of the batches but not all.
    """
    return next((place for name in CIFAR10_PLACES if _reader(place := folder / name)), None)


def read_cifar10(place: Path) -> tuple[Split, Split]:
    """The training and the test images at a place that `find_cifar10` found.

    Raises:
        DataError: files are missing, truncated or corrupt.
    """
    reader = _reader(place)
    if reader is None:
        raise DataError(f"{place}: no CIFAR-10: expected {BATCHES[0]}.bin, {BATCHES[0]}, train/{CIFAR10_CLASSES[0]}")
    return reader(place)


def _reader(place: Path) -> Callable[[Path], tuple[Split, Split]] | None:
    """Who can read what is at a place."""
    if place.suffix == ".zip" and place.is_file():
        return _read_zip
    for ending, read in ((".bin", _binary_batch), ("", _python_batch)):
        missing = [name + ending for name in BATCHES if not (place / (name + ending)).is_file()]
        if not missing:
            return partial(_read_batches, ending=ending, read=read)
        if len(missing) < len(BATCHES):
            raise DataError(f"{place}: CIFAR-10 is incomplete, missing {', '.join(missing)}")
    return _read_classes if any((place / "train" / name).is_dir() for name in CIFAR10_CLASSES) else None


# --- batches ---------------------------------------------------------------------------------------------------


def _read_batches(place: Path, *, ending: str, read: Callable[[Path], Split]) -> tuple[Split, Split]:
    *train, test = (_checked(place / (name + ending), read) for name in BATCHES)
    return Split(*map(np.concatenate, zip(*train, strict=True))), test


def _checked(path: Path, read: Callable[[Path], Split]) -> Split:
    batch = read(path)
    if batch.labels.min() < 0 or batch.labels.max() > 9:
        wrong = next(label for label in batch.labels if not 0 <= label <= 9)
        raise DataError(f"{path}: expected labels 0-9, came {wrong}: the file is corrupt, or no CIFAR-10")
    return batch


def _binary_batch(path: Path) -> Split:
    """Rows of a label and 3,072 pixels: red, green, blue."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error}") from error
    row = 1 + int(np.prod(SHAPE))
    if not content or len(content) % row:
        raise DataError(f"{path}: expected a multiple of {row} bytes, came {len(content)}; get the file again")
    rows = np.frombuffer(content, np.uint8).reshape(-1, row)
    return Split(rows[:, 1:].reshape(-1, *SHAPE), rows[:, 0].astype(np.int64))


def _python_batch(path: Path) -> Split:
    """A pickled dictionary of Python 2 with "data" (N, 3072) bytes and a list "labels"."""
    try:
        with path.open("rb") as stream:
            batch = _ArraysOnly(stream, encoding="latin1").load()
        images, labels = batch["data"], np.array(batch["labels"])
    except Exception as error:  # a damaged pickle raises whatever its bytes happen to mean
        raise DataError(f"{path}: cannot be read as a pickled batch: {type(error).__name__}: {error}") from error
    pixels = int(np.prod(SHAPE))
    if not isinstance(images, np.ndarray) or images.dtype != np.uint8 or images.shape[1:] != (pixels,):
        came = f"{images.dtype} {images.shape}" if isinstance(images, np.ndarray) else type(images).__name__
        raise DataError(f"{path}: expected data of shape (N, {pixels}) in bytes, came {came}")
    if labels.dtype != np.int64 or labels.shape != images.shape[:1] or not len(labels):
        raise DataError(f"{path}: expected {len(images)} whole numbers as labels, came {labels.dtype} {labels.shape}")
    return Split(images.reshape(-1, *SHAPE), labels)


def _latin1(text: str, encoding: str) -> bytes:
    """What stands for bytes in a pickle that Python 3 wrote for Python 2."""
    if encoding != "latin1":
        raise pickle.UnpicklingError(f"bytes in encoding {encoding!r}")
    return text.encode("latin1")


class _ArraysOnly(pickle.Unpickler):
    """Makes NumPy arrays, and calls nothing else: a pickle may name any function there is."""

    ALLOWED: dict[tuple[str, str], Any] = {  # noqa: RUF012 - never changed
        ("numpy", "ndarray"): np.ndarray,
        ("numpy", "dtype"): np.dtype,
        ("numpy.core.multiarray", "_reconstruct"): np.empty(0).__reduce__()[0],
        ("numpy._core.multiarray", "_reconstruct"): np.empty(0).__reduce__()[0],
        ("_codecs", "encode"): _latin1,
    }

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in self.ALLOWED:
            raise pickle.UnpicklingError(f"{module}.{name} has no place in CIFAR-10 and was not called")
        return self.ALLOWED[module, name]


# --- class folders ---------------------------------------------------------------------------------------------


def _read_zip(path: Path) -> tuple[Split, Split]:
    top = open_zip(path)
    places = [place for place in (top, *top.iterdir()) if (place / "train").is_dir()]
    if not places:
        raise DataError(f"{path}: expected class folders, such as cifar10/train/airplane, in the zip file")
    return _read_classes(places[0])


def _read_classes(place: Place) -> tuple[Split, Split]:
    train, test = (_read_split(place / name) for name in ("train", "test"))
    return train, test


def _read_split(place: Place) -> Split:
    """Images of train/<class>/ or test/<class>/, by class and then by name."""
    images, labels = [], []
    for label, name in enumerate(CIFAR10_CLASSES):
        folder = place / name
        files = [file for file in folder.iterdir() if file.name.lower().endswith(ENDINGS)] if folder.is_dir() else []
        if not files:
            raise DataError(f"{folder}: expected images of the class {name} ({', '.join(ENDINGS)}), found none")
        images += [_pixels(file) for file in sorted(files, key=lambda file: file.name)]
        labels += [label] * len(files)
    return Split(np.stack(images), np.array(labels))


def _pixels(file: Place) -> Array:
    """(3, 32, 32) bytes."""
    pixels = np.asarray(open_image(file)).transpose(2, 0, 1)
    if pixels.shape != SHAPE:
        raise DataError(f"{file}: expected 32x32 pixels, came {pixels.shape[2]}x{pixels.shape[1]}")
    return pixels


# --- download --------------------------------------------------------------------------------------------------


def cifar10_downloaders() -> Sequence[Fetcher]:
    """The frameworks' own downloaders."""

    def by_torchvision(folder: Path) -> None:
        prepare("torch")
        from torchvision.datasets import CIFAR10

        CIFAR10(str(folder), download=True)  # verifies checksums; writes cifar-10-batches-py

    def by_keras(folder: Path) -> None:
        prepare("tf")
        from keras.datasets import cifar10

        _write_batches(folder / "cifar-10-batches-bin", cifar10.load_data())

    return by_torchvision, by_keras


def _write_batches(folder: Path, splits: Any) -> None:
    """Keras' arrays (N, 32, 32, 3) and (N, 1) as binary batches."""
    folder.mkdir(parents=True, exist_ok=True)
    (images, labels), test = splits
    parts = zip(np.array_split(images, 5), np.array_split(labels, 5), strict=True)
    for name, (pixels, kinds) in zip(BATCHES, (*parts, test), strict=True):
        planes = pixels.transpose(0, 3, 1, 2).reshape(len(pixels), -1)
        part = folder / f".{name}.part"
        part.write_bytes(np.concatenate([kinds.reshape(-1, 1), planes], axis=1, dtype=np.uint8).tobytes())
        part.replace(folder / f"{name}.bin")
