"""Image data sets: MNIST and Fashion-MNIST in idx files, CIFAR-10 in binary batches, read as they are handed out."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from dualnet.concepts._files import CaseFile
from dualnet.interface import Array, Call, Case, Concept, DataError, Dataset, Demo, Difference, Exhibit, each

__all__ = ["CIFAR10_ROW", "CONCEPT", "FASHION_MNIST_CLASSES", "Images", "cifar10_files", "idx_files"]


class Images(NamedTuple):
    """Images as they are in the files, in their order."""

    images: Any
    """(N, C, H, W) bytes."""
    labels: Any
    """(N,) int64."""


FASHION_MNIST_CLASSES = (
    "t-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot",
)  # fmt: skip
"""What the labels 0 to 9 mean."""
CIFAR10_ROW = 1 + 3 * 32 * 32
"""Bytes of an image: its label, then its red, green and blue pixels, row by row."""


def idx_files(folder: Any, name: str, train: bool) -> tuple[Path, Path]:
    """The images and the labels of MNIST or FashionMNIST, where torchvision keeps them: ``folder/MNIST/raw``.

    Raises:
        DataError: a file is not there, or not as long as it says; or images and labels are not as many.
    """
    part = "train" if train else "t10k"
    paths = [Path(folder) / name / "raw" / f"{part}-{kind}-ubyte" for kind in ("images-idx3", "labels-idx1")]
    shapes = [_idx_shape(path, axes) for path, axes in zip(paths, (3, 1), strict=True)]
    if shapes[0][0] != shapes[1][0]:
        raise DataError(f"{paths[1]}: expected {shapes[0][0]} labels, as there are images, came {shapes[1][0]}")
    return paths[0], paths[1]


def _idx_shape(path: Path, axes: int) -> tuple[int, ...]:
    """What the header of an idx file says: two zeros, 8 for bytes, how many axes, then the size of each."""
    if not path.is_file():
        raise DataError(f"{path}: no such file; expected it uncompressed")
    with path.open("rb") as stream:
        header = stream.read(4 + 4 * axes)
    shape = tuple(np.frombuffer(header[4:], ">u4").tolist())
    if header[:4] != bytes([0, 0, 8, axes]) or path.stat().st_size != len(header) + int(np.prod(shape)):
        raise DataError(f"{path}: expected an idx file of bytes with {axes} axes; it is another one, or cut off")
    return shape


def cifar10_files(folder: Any, train: bool) -> list[Path]:
    """The batches of CIFAR-10 in ``folder/cifar-10-batches-bin``, the binary version.

    Raises:
        DataError: a file is not there, or has a part of an image.
    """
    names = [f"data_batch_{i}.bin" for i in range(1, 6)] if train else ["test_batch.bin"]
    paths = [Path(folder) / "cifar-10-batches-bin" / name for name in names]
    for path in paths:
        if not path.is_file():
            raise DataError(f"{path}: no such file; expected the binary version of CIFAR-10")
        if path.stat().st_size % CIFAR10_ROW:
            raise DataError(f"{path}: expected a multiple of {CIFAR10_ROW} bytes, came {path.stat().st_size}")
    return paths


# --- small files, and what they have ---------------------------------------------------------------------------

_RNG = np.random.default_rng(79)
_MNIST = {train: Images(_RNG.integers(0, 256, (n, 1, 7, 5), np.uint8), _RNG.integers(0, 10, n))
          for train, n in ((True, 11), (False, 3))}  # fmt: skip
_CIFAR10 = {train: Images(_RNG.integers(0, 256, (n, 3, 32, 32), np.uint8), _RNG.integers(0, 10, n))
            for train, n in ((True, 10), (False, 3))}  # fmt: skip


def _write_idx(path: Path, array: Array) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes() + array.tobytes())


def _write_mnist(folder: Path, name: str = "MNIST", data: dict[bool, Images] = _MNIST) -> None:
    for train, part in ((True, "train"), (False, "t10k")):
        _write_idx(folder / name / "raw" / f"{part}-images-idx3-ubyte", data[train].images[:, 0])
        _write_idx(folder / name / "raw" / f"{part}-labels-idx1-ubyte", data[train].labels.astype(np.uint8))


def _write_fashion(folder: Path) -> None:
    _write_mnist(folder, "FashionMNIST")


def _write_cifar10(folder: Path) -> None:
    place = folder / "cifar-10-batches-bin"
    place.mkdir(parents=True)
    rows = {train: np.column_stack((labels.astype(np.uint8), images.reshape(len(images), -1)))
            for train, (images, labels) in _CIFAR10.items()}  # fmt: skip
    for i in range(5):
        (place / f"data_batch_{i + 1}.bin").write_bytes(rows[True][2 * i : 2 * i + 2].tobytes())
    (place / "test_batch.bin").write_bytes(rows[False].tobytes())


def _write_damaged(folder: Path) -> None:
    _write_mnist(folder)
    _write_cifar10(folder)
    for path in (*folder.rglob("*images*"), *folder.rglob("*.bin")):
        path.write_bytes(path.read_bytes()[:-1])


def _write_mismatched(folder: Path) -> None:
    _write_mnist(folder)
    _write_idx(folder / "MNIST/raw/train-labels-idx1-ubyte", np.arange(5, dtype=np.uint8))


def _study(call: Call, dataset: Dataset | None) -> tuple[Exhibit, ...]:
    """The data set's first images of each label, which go through files of MNIST's kind to each side's reader."""
    if dataset is None:
        raise DataError("no data set: expected images with labels")
    pixels, labels = (255 * each(dataset.train_inputs)[0][:500]).astype(np.uint8), dataset.train_targets[:500]
    folder = CaseFile(
        "study", lambda path: _write_mnist(path, data=dict.fromkeys((True, False), Images(pixels, labels)))
    )
    found = call("mnist", folder=folder, train=True)
    shown = [found["images"][found["labels"] == label][:8] for label in range(int(labels.max()) + 1)]
    images = np.stack([call("unit", images=row)["value"] for row in shown], axis=1)
    return (Exhibit("a column for each label", "images", {"images": images}),)


CONCEPT = Concept(
    module=__name__,
    title="Fashion-MNIST, MNIST and CIFAR-10 loading",
    kind="procedure",
    summary="Files of bytes become images, labels and pixels from 0 to 1: the same ones, in the same order.",
    sources=(
        "LeCun, Cortes, Burges, The MNIST database of handwritten digits, file formats",
        "Xiao, Rasul, Vollgraf (2017), Fashion-MNIST, table 1 (classes)",
        "Krizhevsky (2009), Learning multiple layers of features from tiny images; data set layout of its web page",
    ),
    differences=(
        Difference(
            "D279",
            "pixels for a network",
            tf="img_to_array keeps 0-255; Rescaling multiplies by a rounded 1/255",
            torch="ToTensor divides by 255, and puts channels first",
            ours="divided by 255; (N, C, H, W)",
        ),
        Difference(
            "X-idx-reader",
            "reader of idx files",
            tf="none: read_file and decode_raw",
            torch="torchvision's; a byte each, as tensors",
            ours="the same bytes",
            demo=Demo(
                tf='hasattr(keras.datasets.mnist, "read_image_file")',
                torch='hasattr(torchvision.datasets.mnist, "read_image_file")',
            ),
        ),
        Difference(
            "X-cifar10-reader",
            "reader of CIFAR-10",
            tf="keras.datasets has one of pickles, in a folder of its own",
            torch="torchvision has one of pickles, in the folder that it is told",
            ours="the binary version: no pickle is opened",
            demo=Demo(
                tf="""
                    from inspect import signature
                    "root" in signature(keras.datasets.cifar10.load_data).parameters
                """,
                torch="""
                    from inspect import signature
                    "root" in signature(torchvision.datasets.CIFAR10).parameters
                """,
            ),
        ),
    ),
    cases=(
        *(
            Case(
                function,
                {"folder": CaseFile(function, write), "train": train},
                lambda folder, train, data=data: data[train],
                label="train" if train else "test",
            )
            for function, write, data in (
                ("mnist", _write_mnist, _MNIST),
                ("fashion_mnist", _write_fashion, _MNIST),
                ("cifar10", _write_cifar10, _CIFAR10),
            )
            for train in (True, False)
        ),
        *(
            Case(function, {"folder": CaseFile(name, write), "train": True}, raises=DataError, label=label)
            for function, name, write, label in (
                ("mnist", "no_folder", None, "missing"),
                ("fashion_mnist", "no_folder", None, "missing"),
                ("cifar10", "no_folder", None, "missing"),
                ("mnist", "damaged", _write_damaged, "cut_off"),
                ("cifar10", "damaged", _write_damaged, "cut_off"),
                ("mnist", "mismatched", _write_mismatched, "too_few_labels"),
            )
        ),
        Case(
            "unit",
            {"images": np.arange(256, dtype=np.uint8).reshape(2, 2, 8, 8)},
            lambda images: images.astype(np.float32) / np.float32(255),
        ),
        Case("unit", {"images": _CIFAR10[True].images[:0]}, lambda images: images.astype(np.float32), label="no_image"),
    ),
    study=_study,
    data="digits",
)  # fmt: skip
