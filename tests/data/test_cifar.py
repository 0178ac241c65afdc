"""CIFAR-10: every form of its files gives the same pixels, and what is damaged is one error that names it."""

import io
import os
import pickle
import re
import struct
import zipfile
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from dualnet.data import cifar, load
from dualnet.data.cifar import BATCHES, CIFAR10_CLASSES, CIFAR10_PLACES, find_cifar10
from dualnet.data.datasets import DATA_VARIABLE
from dualnet.interface import DataError

REAL_DATA = os.environ.get(DATA_VARIABLE)
ROWS = 4
"""Of each batch; all ten classes are among the training rows, and among the test rows with twenty."""
rng = np.random.default_rng(11)
PIXELS = {name: rng.integers(1, 256, (20 if name == "test_batch" else ROWS, 3, 32, 32), np.uint8) for name in BATCHES}
LABELS = {name: (np.arange(len(PIXELS[name])) * 7 + i) % 10 for i, name in enumerate(BATCHES)}


@pytest.fixture(autouse=True)
def no_data_folder(monkeypatch, tmp_path_factory):
    """Neither the environment nor the home of whoever runs the tests has a say."""
    monkeypatch.delenv(DATA_VARIABLE, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path_factory.mktemp("home")))


# --- the files -------------------------------------------------------------------------------------------------


def binary(name):
    rows = zip(LABELS[name], PIXELS[name], strict=True)
    return b"".join(bytes([label]) + pixels.tobytes() for label, pixels in rows)


def dictionary(name):
    return {"data": PIXELS[name].reshape(-1, 3072), "labels": LABELS[name].tolist(), "batch_label": name}


def python_3(name):
    return pickle.dumps(dictionary(name), protocol=2)


def python_2(name):
    """What cPickle of Python 2 writes, with NumPy of its time: strings of bytes, names of modules that moved since."""

    def text(value):
        return b"U" + bytes([len(value)]) + value

    raw = PIXELS[name].tobytes()
    array = (
        b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\nK\0\x85" + text(b"b") + b"tR"
        b"(K\1K" + bytes([len(PIXELS[name])]) + b"M\0\x0c\x86"
        b"cnumpy\ndtype\n(" + text(b"u1") + b"K\0K\1tR(K\3" + text(b"|") + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\0tb"
        b"\x89T" + struct.pack("<i", len(raw)) + raw + b"tb"
    )
    labels = b"](" + b"".join(b"K" + bytes([label]) for label in LABELS[name]) + b"e"
    return b"\x80\2}(" + text(b"data") + array + text(b"labels") + labels + b"u."


FORMS = {
    "binary": lambda folder: write_batches(folder, binary, ".bin"),
    "python 2": lambda folder: write_batches(folder, python_2),
    "python 3": lambda folder: write_batches(folder, python_3),
}


def write_batches(folder: Path, content, ending="", **changes):
    folder.mkdir(parents=True, exist_ok=True)
    for name in BATCHES:
        (folder / (name + ending)).write_bytes(changes.get(name, content(name)))


def images():
    """Every image as a PNG file, by its path: train/cat/03.png."""
    found, counts = {}, {"train": 0, "test": 0}
    for name in BATCHES:
        split = "test" if name == "test_batch" else "train"
        for label, pixels in zip(LABELS[name], PIXELS[name], strict=True):
            stream = io.BytesIO()
            Image.fromarray(pixels.transpose(1, 2, 0)).save(stream, "png")
            found[f"{split}/{CIFAR10_CLASSES[label]}/{counts[split]:02}.png"] = stream.getvalue()
            counts[split] += 1
    return found


def write_classes(folder: Path, **changes):
    for name, content in images().items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


def write_zip(path: Path, top="cifar10/", files=None):
    with zipfile.ZipFile(path, "w") as file:
        for name, content in (files or images()).items():
            file.writestr(top + name, content)


TRAIN = [np.concatenate([part[name] for name in BATCHES[:5]]) for part in (PIXELS, LABELS)]
TEST = [PIXELS["test_batch"], LABELS["test_batch"]]


def assert_small_cifar(dataset, *, by_class=False):
    found = [(dataset.train_inputs, dataset.train_targets), (dataset.test_inputs, dataset.test_targets)]
    for (inputs, targets), (pixels, labels) in zip(found, (TRAIN, TEST), strict=True):
        order = np.argsort(labels, kind="stable") if by_class else np.arange(len(labels))
        expected = pixels[order].astype(np.float32) / np.float32(255)
        np.testing.assert_array_equal(inputs, expected, strict=True)
        np.testing.assert_array_equal(targets, labels[order].astype(np.int64), strict=True)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("place", [place for place in CIFAR10_PLACES if not place.endswith(".zip")])
def test_batches_are_found_in_the_usual_places(tmp_path, form, place):
    FORMS[form](tmp_path / place)
    dataset = load("cifar10", image_size=32, data_dir=tmp_path)
    assert_small_cifar(dataset)
    assert (dataset.name, dataset.source) == ("cifar10", str(tmp_path / place))


@pytest.mark.parametrize("place", ["", "cifar10"])
def test_class_folders(tmp_path, place):
    write_classes(tmp_path / place)
    assert_small_cifar(load("cifar10", image_size=32, data_dir=tmp_path), by_class=True)


@pytest.mark.parametrize("top", ["", "cifar10/", "any/"])
def test_a_zip_file_of_class_folders(tmp_path, top):
    write_zip(tmp_path / "cifar10.zip", top)
    assert_small_cifar(load("cifar10", image_size=32, data_dir=tmp_path), by_class=True)


def test_the_environment_names_the_folder(tmp_path, monkeypatch):
    write_batches(tmp_path, binary, ".bin")
    monkeypatch.setenv(DATA_VARIABLE, str(tmp_path))
    assert_small_cifar(load("cifar10", image_size=32))


def test_images_are_resized(tmp_path):
    write_batches(tmp_path, binary, ".bin")
    found = load("cifar10", image_size=16, data_dir=tmp_path).test_inputs
    middle = PIXELS["test_batch"].reshape(20, 3, 16, 2, 16, 2).mean(axis=(3, 5)) / 255
    np.testing.assert_allclose(found, middle, rtol=0, atol=1e-6)  # at half the size: the mean of four pixels


# --- damage ----------------------------------------------------------------------------------------------------


class Evil:
    def __reduce__(self):
        return os.system, ("touch evil",)


BAD_PICKLES = {
    "empty": (b"", "EOFError"),
    "no pickle": (b"<!DOCTYPE html>", "cannot be read as a pickled batch"),
    "cut off": (python_3("data_batch_3")[:-9], "truncated|EOF"),
    "a command": (pickle.dumps({"data": Evil(), "labels": []}), r"posix\.system has no place in CIFAR-10"),
    "a built-in": (b"cbuiltins\neval\n(S'1'\ntR.", r"builtins\.eval has no place"),
    "bytes of another encoding": (b"c_codecs\nencode\n(S'1'\nS'zlib'\ntR.", "encoding 'zlib'"),
    "no dictionary": (pickle.dumps([1, 2]), "TypeError"),
    "no labels": (pickle.dumps({"data": PIXELS["data_batch_3"]}, protocol=2), "'labels'"),
    "no array": (pickle.dumps({"data": [1], "labels": [1]}), "came list"),
    "another shape": (pickle.dumps(dictionary("data_batch_3") | {"data": np.ones((ROWS, 7), np.uint8)}, 2),
                      r"shape \(N, 3072\) in bytes, came uint8 \(4, 7\)"),
    "floats": (pickle.dumps(dictionary("data_batch_3") | {"data": np.ones((ROWS, 3072))}, 2), "came float64"),
    "fewer labels": (pickle.dumps(dictionary("data_batch_3") | {"labels": [1, 2]}, 2), r"expected 4 .* int64 \(2,\)"),
    "a wrong label": (pickle.dumps(dictionary("data_batch_3") | {"labels": [1, 2, 10, 3]}, 2), "0-9, came 10"),
}  # fmt: skip


@pytest.mark.parametrize("damage", BAD_PICKLES)
def test_a_bad_pickle_is_a_data_error_that_names_it(tmp_path, monkeypatch, damage):
    monkeypatch.chdir(tmp_path)
    content, message = BAD_PICKLES[damage]
    write_batches(tmp_path, python_2, data_batch_3=content)
    with pytest.raises(DataError, match=rf"(?s)^{re.escape(str(tmp_path / 'data_batch_3'))}: .*({message})"):
        load("cifar10", data_dir=tmp_path)
    assert not (tmp_path / "evil").exists()


BAD_BATCHES = {
    "empty": (b"", "came 0"),
    "cut off": (binary("data_batch_2")[:-1], "expected a multiple of 3073 bytes, came 12291"),
    "a wrong label": (b"\x0b" + binary("data_batch_2")[1:], "expected labels 0-9, came 11"),
}


@pytest.mark.parametrize("damage", BAD_BATCHES)
def test_a_bad_binary_batch_is_a_data_error_that_names_it(tmp_path, damage):
    content, message = BAD_BATCHES[damage]
    write_batches(tmp_path, binary, ".bin", data_batch_2=content)
    with pytest.raises(DataError, match=f"^{re.escape(str(tmp_path / 'data_batch_2.bin'))}: .*{message}"):
        load("cifar10", data_dir=tmp_path)


@pytest.mark.parametrize("ending", ["", ".bin"])
def test_missing_batches_are_told(tmp_path, ending):
    write_batches(tmp_path, binary, ending)
    (tmp_path / f"data_batch_4{ending}").unlink()
    with pytest.raises(DataError, match=f"^{re.escape(str(tmp_path))}: .* missing data_batch_4{ending}$"):
        find_cifar10(tmp_path)


def change(name, content):
    files = images()
    for other in [other for other in files if other.startswith(name)]:
        del files[other]
    return files | ({name: content} if content is not None else {})


def png(size):
    stream = io.BytesIO()
    Image.new("RGB", size, "red").save(stream, "png")
    return stream.getvalue()


BAD_IMAGES = {
    "no image": ("train/cat/99.png", b"no image", r"train/cat/99\.png: cannot be read as an image"),
    "cut off": ("train/cat/99.png", png((32, 32))[:50], r"train/cat/99\.png: cannot be read as an image"),
    "another size": ("test/dog/99.png", png((31, 33)), r"test/dog/99\.png: expected 32x32 pixels, came 31x33"),
    "a missing class": ("test/frog/", None, r"test/frog/?: expected images of the class frog .*found none"),
}


@pytest.mark.parametrize("damage", BAD_IMAGES)
def test_a_bad_image_is_a_data_error_that_names_it(tmp_path, damage):
    name, content, message = BAD_IMAGES[damage]
    write_zip(tmp_path / "cifar10.zip", files=change(name, content))
    with pytest.raises(DataError, match=f"^{re.escape(str(tmp_path))}.*{message}"):
        load("cifar10", data_dir=tmp_path)


@pytest.mark.parametrize("content", [b"", b"no zip file"])
def test_a_bad_zip_file_is_a_data_error_that_names_it(tmp_path, content):
    path = tmp_path / "cifar10.zip"
    path.write_bytes(content)
    with pytest.raises(DataError, match=f"^{re.escape(str(path))}: cannot be read as a zip file"):
        load("cifar10", data_dir=tmp_path)


def test_a_zip_file_of_something_else_is_told(tmp_path):
    write_zip(tmp_path / "cifar10.zip", files={"readme.txt": b"hello"})
    with pytest.raises(DataError, match=r"cifar10\.zip: expected class folders"):
        load("cifar10", data_dir=tmp_path)


def test_nothing_found_tells_where_it_was_looked_for(tmp_path):
    (tmp_path / "train" / "glass").mkdir(parents=True)  # class folders of another data set
    with pytest.raises(DataError, match=r"CIFAR-10 was not found.*--data-dir.*--download") as caught:
        load("cifar10", data_dir=tmp_path)
    assert all(str(tmp_path / place) in str(caught.value) for place in CIFAR10_PLACES)


# --- downloads, without a network ------------------------------------------------------------------------------


def test_what_keras_has_becomes_binary_batches(tmp_path, monkeypatch):
    splits = [(pixels.transpose(0, 2, 3, 1), labels[:, None]) for pixels, labels in (TRAIN, TEST)]

    def by_torchvision(folder):
        raise OSError("Network is unreachable")

    def by_keras(folder):
        cifar._write_batches(folder / "cifar-10-batches-bin", [(x, y.astype(np.uint8)) for x, y in splits])

    monkeypatch.setattr("dualnet.data.datasets.cifar10_downloaders", lambda: (by_torchvision, by_keras))
    assert_small_cifar(load("cifar10", image_size=32, data_dir=tmp_path, download=True))
    assert sorted(path.name for path in tmp_path.rglob("*") if path.is_file()) == [f"{name}.bin" for name in BATCHES]


def test_the_downloaders_ask_the_frameworks(tmp_path, monkeypatch):
    calls = []
    data = SimpleNamespace(CIFAR10=lambda root, download: calls.append((root, download)))
    monkeypatch.setattr(cifar, "prepare", calls.append)
    monkeypatch.setitem(__import__("sys").modules, "torchvision", SimpleNamespace(datasets=data))
    monkeypatch.setitem(__import__("sys").modules, "torchvision.datasets", data)
    cifar.cifar10_downloaders()[0](tmp_path)
    assert calls == ["torch", (str(tmp_path), True)]


def test_both_downloads_failing_is_told(tmp_path, monkeypatch):
    def by_keras(folder):
        raise OSError("Network is unreachable")

    monkeypatch.setattr("dualnet.data.datasets.cifar10_downloaders", lambda: (by_keras,))
    with pytest.raises(DataError, match=f"CIFAR-10 could not be downloaded to {tmp_path}: keras: Network is unr"):
        load("cifar10", data_dir=tmp_path, download=True)


# --- the real files --------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.skipif(
    not REAL_DATA or not find_cifar10(Path(REAL_DATA)), reason=f"{DATA_VARIABLE} names no folder with CIFAR-10"
)
def test_real_cifar10():
    dataset = load("cifar10", image_size=32, data_dir=Path(REAL_DATA))
    assert (dataset.train_inputs.shape, dataset.test_inputs.shape) == ((50000, 3, 32, 32), (10000, 3, 32, 32))
    assert np.bincount(dataset.train_targets).tolist() == [5000] * 10
    assert np.bincount(dataset.test_targets).tolist() == [1000] * 10
    # The known means of the channels; JPEG files are close to them.
    means = dataset.train_inputs.mean(axis=(0, 2, 3), dtype=np.float64)
    np.testing.assert_allclose(means, [0.4914, 0.4822, 0.4465], rtol=0, atol=1e-3)
