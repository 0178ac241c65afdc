"""The data sets by name. NumPy first: images are (N, C, H, W) float32 in 0-1, labels (N,) int64.

``diabetes``, ``digits``, ``gaussian``, ``iris``, ``photographs`` and ``synthetic_linear`` come with the installation;
``cifar10``, ``folder`` and ``mnist`` are read from the user's own files, and so is ``house_prices`` where a data folder
is named; it has an embedded table for where none is.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from dualnet.data.cifar import CIFAR10_PLACES, cifar10_downloaders, find_cifar10, read_cifar10
from dualnet.data.download import Fetcher, fetch
from dualnet.data.folder import read_folder
from dualnet.data.houses import HOUSE_PLACES, embedded_table, find_houses, read_houses
from dualnet.data.idx import read_idx
from dualnet.data.images import resize, unit
from dualnet.interface import Array, ConfigError, DataError, Dataset
from dualnet.process import prepare

__all__ = ["DATASETS", "DATA_VARIABLE", "Dataset", "find_mnist", "load"]

T = TypeVar("T")
DATA_VARIABLE = "DUALNET_DATA"
"""The environment variable that names the data folder where ``--data-dir`` does not."""


def load(
    name: str,
    *,
    image_size: int = 28,
    data_dir: Path | None = None,
    download: bool = False,
    file_column: str | None = None,
    label_column: str | None = None,
) -> Dataset:
    """A data set by name.

    Args:
        name: one of `DATASETS`.
        image_size: height and width of images, in pixels; they are resized bilinearly where needed.
        data_dir: the folder with the user's files; by default the one that DUALNET_DATA names.
        download: fetch what is not there, through torchvision or Keras.
        file_column, label_column: the columns of a ``folder``'s table; by default the first and the second one.

    Raises:
        ConfigError: no such data set.
        DataError: files are missing, truncated or corrupt.
    """
    if name not in DATASETS:
        raise ConfigError(f"there is no data set {name!r}: choose one of {', '.join(DATASETS)}")
    return DATASETS[name](
        image_size=image_size,
        data_dir=data_dir,
        download=download,
        file_column=file_column,
        label_column=label_column,
    )


def data_folder(data_dir: Path | None) -> Path | None:
    """The data folder: the given one, else the one of the environment, else none.

    Raises:
        DataError: it is named but is no folder.
    """
    named = os.environ.get(DATA_VARIABLE)
    folder = data_dir or (Path(named) if named else None)
    if folder is not None and not folder.is_dir():
        origin = "--data-dir" if data_dir else f"the environment variable {DATA_VARIABLE}"
        raise DataError(f"{folder} is no folder; it comes from {origin}")
    return folder


def _found(
    title: str,
    find: Callable[[Path], T | None],
    fetchers: Callable[[], Sequence[Fetcher]],
    places: Sequence[str],
    data_dir: Path | None,
    download: bool,
) -> T:
    """What `find` finds below the data folder, downloaded where that is allowed."""
    folder = data_folder(data_dir)
    found = find(folder) if folder else None
    if found is None and download:
        folder = folder or Path.home() / ".cache" / "dualnet"
        fetch(title, folder, fetchers())
        found = find(folder)
    if found is None:
        looked = ", ".join(str(folder / place) for place in places) if folder else "nowhere: no folder is named"
        raise DataError(
            f"{title} was not found (looked in {looked}). Name a folder with its files by --data-dir or "
            f"{DATA_VARIABLE}, or allow --download"
        )
    return found


# --- digits ----------------------------------------------------------------------------------------------------


def _digits(image_size: int, **_: Any) -> Dataset:
    """scikit-learn's 1,797 handwritten digits (8x8 pixels), a fixed fifth of them for testing."""
    from sklearn.datasets import load_digits  # only here: importing it takes a second

    images, labels = load_digits(return_X_y=True)
    images = resize((images.reshape(-1, 1, 8, 8) / 16.0).astype(np.float32), image_size)
    shuffled = np.random.default_rng(0).permutation(len(images))
    test, train = shuffled[:360], shuffled[360:]
    labels = labels.astype(np.int64)
    return Dataset("digits", "scikit-learn", images[train], labels[train], images[test], labels[test])


# --- photographs -----------------------------------------------------------------------------------------------

TEST_COLUMNS = 128
"""The right edge of each photograph, in pixels, is for testing."""


def _photographs(image_size: int, **_: Any) -> Dataset:
    """Square patches of scikit-learn's two colour photographs (a temple: label 0, a flower: 1), at half their size.

    Their sides are twice the image size, every second one overlaps; training and test patches share no pixel.
    """
    from sklearn.datasets import load_sample_images  # only here: importing it takes a second

    side = 2 * image_size
    photographs = load_sample_images().images
    if side > TEST_COLUMNS:
        raise DataError(
            f"photographs: image size {image_size} is too large: expected at most {TEST_COLUMNS // 2} pixels"
        )
    train, test = (
        [_patches(photograph[:, columns], side) for photograph in photographs]
        for columns in (slice(None, -TEST_COLUMNS), slice(-TEST_COLUMNS, None))
    )
    labels = [np.repeat([0, 1], [len(part) for part in parts]) for parts in (train, test)]
    return Dataset(
        "photographs", "scikit-learn", np.concatenate(train), labels[0], np.concatenate(test), labels[1]
    )  # fmt: skip


def _patches(photograph: Array, side: int) -> Array:
    """(H, W, 3) bytes to (N, 3, side / 2, side / 2) in 0-1: patches half a side apart, four pixels to one."""
    windows = np.lib.stride_tricks.sliding_window_view(photograph, (side, side), axis=(0, 1))
    chosen = windows[:: side // 2, :: side // 2].reshape(-1, 3, side // 2, 2, side // 2, 2)
    return (chosen.mean(axis=(3, 5)) / 255.0).astype(np.float32)


# --- MNIST -----------------------------------------------------------------------------------------------------

MNIST_FILES = (
    "train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte",
)  # fmt: skip
MNIST_FOLDERS = ("", "mnist/MNIST/raw", "MNIST/raw", "mnist/raw", "mnist", "MNIST", "raw")


def find_mnist(folder: Path) -> tuple[Path, ...] | None:
    """The four idx files below a folder, in one of the usual places; None if no place has any of them.

    Raises:
        DataError: a place has some of the files but not all.
    """
    for place in (folder / name for name in MNIST_FOLDERS):
        found = [next((p for p in (place / f"{f}.gz", place / f) if p.is_file()), None) for f in MNIST_FILES]
        if all(found):
            return tuple(path for path in found if path)
        if any(found):
            missing = [name for name, path in zip(MNIST_FILES, found, strict=True) if path is None]
            raise DataError(f"{place}: MNIST is incomplete, missing {', '.join(missing)} (plain or .gz)")
    return None


def _mnist(image_size: int, data_dir: Path | None, download: bool, **_: Any) -> Dataset:
    """The 70,000 handwritten digits of LeCun, Cortes and Burges, 28x28 pixels."""
    paths = _found("MNIST", find_mnist, _downloaders, MNIST_FOLDERS, data_dir, download)
    train_images, train_labels, test_images, test_labels = (read_idx(path) for path in paths)
    for images, labels, image_path, label_path in (
        (train_images, train_labels, paths[0], paths[1]),
        (test_images, test_labels, paths[2], paths[3]),
    ):
        _check_mnist(images, labels, image_path, label_path)
    return Dataset(
        "mnist",
        str(paths[0].parent),
        resize(unit(train_images[:, None]), image_size),
        train_labels.astype(np.int64),
        resize(unit(test_images[:, None]), image_size),
        test_labels.astype(np.int64),
    )


def _check_mnist(images: Array, labels: Array, image_path: Path, label_path: Path) -> None:
    if images.ndim != 3 or not len(images):
        raise DataError(f"{image_path}: expected images of shape (N, height, width), came {images.shape}")
    if labels.shape != images.shape[:1]:
        raise DataError(f"{label_path}: expected {len(images)} labels as in {image_path.name}, came {labels.shape}")
    if labels.max() > 9:
        raise DataError(f"{label_path}: expected labels 0-9, came {labels.max()}: the file is corrupt")


@cache
def _downloaders() -> tuple[Fetcher, ...]:
    """The frameworks' own downloaders that are installed here."""

    def by_torchvision(folder: Path) -> None:
        prepare("torch")
        from torchvision.datasets import MNIST

        MNIST(str(folder), download=True)  # verifies checksums; writes MNIST/raw

    def by_keras(folder: Path) -> None:
        prepare("tf")
        from keras.datasets import mnist

        _write_idx(folder / "MNIST" / "raw", mnist.load_data())

    return by_torchvision, by_keras


def _write_idx(folder: Path, splits: Any) -> None:
    (train_images, train_labels), (test_images, test_labels) = splits
    folder.mkdir(parents=True, exist_ok=True)
    for name, array in zip(MNIST_FILES, (train_images, train_labels, test_images, test_labels), strict=True):
        header = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes()
        part = folder / f".{name}.part"
        part.write_bytes(header + array.astype(np.uint8).tobytes())
        part.replace(folder / name)


# --- CIFAR-10 --------------------------------------------------------------------------------------------------


def _cifar10(image_size: int, data_dir: Path | None, download: bool, **_: Any) -> Dataset:
    """Krizhevsky's 60,000 colour images of ten classes, 32x32 pixels."""
    place = _found("CIFAR-10", find_cifar10, cifar10_downloaders, CIFAR10_PLACES, data_dir, download)
    train, test = read_cifar10(place)
    return Dataset(
        "cifar10",
        str(place),
        resize(unit(train.images), image_size),
        train.labels,
        resize(unit(test.images), image_size),
        test.labels,
    )


# --- a folder of images ----------------------------------------------------------------------------------------


def _folder(
    image_size: int, data_dir: Path | None, file_column: str | None, label_column: str | None, **_: Any
) -> Dataset:
    """The user's own images; see `dualnet.data.folder`."""
    folder = data_folder(data_dir)
    if folder is None:
        raise DataError(f"folder: name a folder with images by --data-dir or {DATA_VARIABLE}")
    return read_folder(folder, image_size, file_column, label_column)


# --- linear regression -----------------------------------------------------------------------------------------


def _synthetic_linear(**_: Any) -> Dataset:
    """Y = X w + b + noise with w = (2, -3.4), b = 4.2, noise 0.01: Dive into Deep Learning, section 3.3."""
    rng = np.random.default_rng(0)
    features = rng.normal(size=(2000, 2))
    targets = features @ np.array([[2.0], [-3.4]]) + 4.2 + rng.normal(0.0, 0.01, (2000, 1))
    x, y = features.astype(np.float32), targets.astype(np.float32)
    return Dataset("synthetic_linear", "generated", x[:1000], y[:1000], x[1000:], y[1000:])


# --- a Gaussian ------------------------------------------------------------------------------------------------


def _gaussian(**_: Any) -> Dataset:
    """X A + b with standard normal X: Dive into Deep Learning, section 20.1; all labelled 0."""
    x = np.random.default_rng(0).normal(size=(1300, 2)) @ np.array([[1.0, 2.0], [-0.1, 0.5]]) + np.array([1.0, 2.0])
    x, y = x.astype(np.float32), np.zeros(1300, np.int64)
    return Dataset("gaussian", "generated", x[:1000], y[:1000], x[1000:], y[1000:])


# --- iris ------------------------------------------------------------------------------------------------------


def _iris(**_: Any) -> Dataset:
    """Sepal length and width of Fisher's setosa (label 0) and versicolor (1), standardised: 75 flowers and 25."""
    from sklearn.datasets import load_iris  # only here: importing it takes a second

    features, labels = (array[:100] for array in load_iris(return_X_y=True))
    shuffled = np.random.RandomState(1).permutation(100)  # Raschka's split
    test, train = shuffled[:25], shuffled[25:]
    mean, deviation = features[train, :2].mean(axis=0), features[train, :2].std(axis=0)
    x, y = ((features[:, :2] - mean) / deviation).astype(np.float32), labels.astype(np.int64)
    return Dataset("iris", "scikit-learn", x[train], y[train], x[test], y[test])


# --- diabetes --------------------------------------------------------------------------------------------------


def _diabetes(**_: Any) -> Dataset:
    """Ten measurements of 442 patients; the progression of their diabetes a year later as a rank 0-4.

    The ranks are the fifths of the training rows, a fixed fifth of all rows is for testing; standardised columns.
    """
    from sklearn.datasets import load_diabetes  # only here: importing it takes a second

    features, progression = load_diabetes(return_X_y=True, scaled=False)
    shuffled = np.random.default_rng(0).permutation(len(features))
    test, train = shuffled[:88], shuffled[88:]
    x = ((features - features[train].mean(axis=0)) / features[train].std(axis=0)).astype(np.float32)
    edges = np.quantile(progression[train], (0.2, 0.4, 0.6, 0.8))
    ranks = np.searchsorted(edges, progression).astype(np.int64)
    return Dataset("diabetes", "scikit-learn", x[train], ranks[train], x[test], ranks[test])


# --- house prices ----------------------------------------------------------------------------------------------


def _house_prices(data_dir: Path | None, **_: Any) -> Dataset:
    """The tables of a Kaggle competition; see `dualnet.data.houses`."""
    folder = data_folder(data_dir)
    if folder is None:
        return embedded_table()
    found = find_houses(folder)
    if found is None:
        looked = ", ".join(str(folder / place) for place in HOUSE_PLACES)
        raise DataError(
            f"House prices were not found (looked in {looked}): expected train.csv and test.csv from Kaggle"
        )
    return read_houses(*found)


DATASETS: Mapping[str, Callable[..., Dataset]] = {
    "digits": _digits,
    "mnist": _mnist,
    "cifar10": _cifar10,
    "synthetic_linear": _synthetic_linear,
    "gaussian": _gaussian,
    "iris": _iris,
    "folder": _folder,
    "diabetes": _diabetes,
    "photographs": _photographs,
    "house_prices": _house_prices,
}
"""Every data set by name."""
