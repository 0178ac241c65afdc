"""The data sets: what is in them, where files are looked for, and what is said when something is wrong."""

import gzip
import os
import re
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from dualnet.data import DATASETS, load
from dualnet.data.datasets import DATA_VARIABLE, MNIST_FILES, MNIST_FOLDERS, data_folder, find_mnist
from dualnet.interface import ConfigError, DataError, Dataset, Spec

REAL_DATA = os.environ.get(DATA_VARIABLE)
IMAGES, LABELS, TEST_IMAGES, TEST_LABELS = MNIST_FILES


@pytest.fixture(autouse=True)
def no_data_folder(monkeypatch, tmp_path_factory):
    """Neither the environment nor the home of whoever runs the tests has a say."""
    monkeypatch.delenv(DATA_VARIABLE, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path_factory.mktemp("home")))


def both_splits(dataset):
    return [(dataset.train_inputs, dataset.train_targets), (dataset.test_inputs, dataset.test_targets)]


# --- digits ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def digits():
    return load("digits", image_size=8)


@pytest.fixture(scope="module")
def originals():
    from sklearn.datasets import load_digits

    return load_digits().images  # N H W, 0-16


def test_digits_have_a_fixed_size(digits):
    shapes = [(inputs.shape, targets.shape) for inputs, targets in both_splits(digits)]
    assert shapes == [((1437, 1, 8, 8), (1437,)), ((360, 1, 8, 8), (360,))]
    assert {(inputs.dtype.name, targets.dtype.name) for inputs, targets in both_splits(digits)} == {
        ("float32", "int64")
    }


def test_digits_are_split_in_a_fixed_way(digits):
    assert digits.train_targets[:10].tolist() == [4, 9, 5, 8, 5, 3, 3, 9, 7, 1]
    assert digits.test_targets[:15].tolist() == [6, 6, 6, 2, 5, 6, 6, 2, 2, 1, 1, 9, 0, 4, 1]


def test_digits_train_and_test_rows_are_all_rows_once(digits, originals):
    rows = np.concatenate([digits.train_inputs, digits.test_inputs]).reshape(-1, 64) * 16
    np.testing.assert_array_equal(
        np.array(sorted(map(tuple, rows))), np.array(sorted(map(tuple, originals.reshape(-1, 64))))
    )


def test_digits_keep_image_and_label_together(digits, originals):
    from sklearn.datasets import load_digits

    label = {image.tobytes(): target for image, target in zip(originals, load_digits().target, strict=True)}
    for inputs, targets in both_splits(digits):
        assert [label[image.astype(np.float64).tobytes()] for image in inputs[:, 0] * 16] == targets.tolist()


@pytest.mark.parametrize("size", [8, 28, 32, 5])
def test_digits_values_are_from_0_to_1(size):
    for inputs, _ in both_splits(load("digits", image_size=size)):
        assert inputs.shape[1:] == (1, size, size)
        assert inputs.dtype == np.float32
        assert (inputs.min(), inputs.max()) == (0.0, 1.0)


def test_images_are_28_pixels_wide_by_default():
    assert load("digits").test_inputs.shape == (360, 1, 28, 28)


def test_every_digit_is_in_both_splits(digits):
    assert [np.unique(targets).tolist() for _, targets in both_splits(digits)] == [list(range(10))] * 2


def bilinear(image, size):
    """The formula, in double precision: half-pixel centres, edges repeated."""
    height, width = image.shape
    rows = np.clip((np.arange(size) + 0.5) * height / size - 0.5, 0, height - 1)
    columns = np.clip((np.arange(size) + 0.5) * width / size - 0.5, 0, width - 1)
    top, left = np.floor(rows).astype(int), np.floor(columns).astype(int)
    bottom, right = np.minimum(top + 1, height - 1), np.minimum(left + 1, width - 1)
    down, across = (rows - top)[:, None], (columns - left)[None, :]
    upper = image[top][:, left] * (1 - across) + image[top][:, right] * across
    lower = image[bottom][:, left] * (1 - across) + image[bottom][:, right] * across
    return upper * (1 - down) + lower * down


@pytest.mark.parametrize("size", [1, 5, 7, 11, 16, 28, 32])
def test_resizing_follows_the_bilinear_formula(digits, size):
    found = load("digits", image_size=size).test_inputs[:40, 0]
    expected = [bilinear(image.astype(np.float64), size) for image in digits.test_inputs[:40, 0]]
    np.testing.assert_allclose(found, np.stack(expected), rtol=0, atol=2e-7)  # one float32 rounding of values in 0-1


@pytest.mark.parametrize("size", [11, 16, 28, 32])
def test_enlarging_is_what_pillow_does(digits, size):
    found = load("digits", image_size=size).test_inputs[:40, 0]
    expected = [
        np.asarray(Image.fromarray(image).resize((size, size), Image.Resampling.BILINEAR))
        for image in digits.test_inputs[:40, 0]
    ]
    np.testing.assert_allclose(found, np.stack(expected), rtol=0, atol=1e-6)


@pytest.mark.parametrize("size", [0, -3])
def test_an_impossible_image_size_is_refused(size):
    with pytest.raises(ConfigError, match=f"image size {size}: expected at least 1"):
        load("digits", image_size=size)


# --- iris ------------------------------------------------------------------------------------------------------


def test_iris_has_two_standardised_features_of_two_flowers():
    dataset = load("iris")
    assert [(x.shape, y.shape) for x, y in both_splits(dataset)] == [((75, 2), (75,)), ((25, 2), (25,))]
    assert {(x.dtype.name, y.dtype.name) for x, y in both_splits(dataset)} == {("float32", "int64")}
    np.testing.assert_allclose(dataset.train_inputs.mean(axis=0, dtype=np.float64), 0, atol=1e-6)
    np.testing.assert_allclose(dataset.train_inputs.std(axis=0, dtype=np.float64), 1, atol=1e-6)


def test_iris_keeps_every_flower_once_with_its_label():
    from sklearn.datasets import load_iris

    dataset = load("iris")
    features, labels = (np.concatenate(parts) for parts in zip(*both_splits(dataset), strict=True))
    flowers, kinds = (array[:100] for array in load_iris(return_X_y=True))
    # The split decides mean and deviation; over all flowers, both are known again.
    restored = features.astype(np.float64) * flowers[:, :2].std(axis=0) / features.std(axis=0, dtype=np.float64)
    restored += flowers[:, :2].mean(axis=0) - restored.mean(axis=0)
    found = sorted((*np.round(row, 3), label) for row, label in zip(restored, labels, strict=True))
    assert found == sorted((*np.round(row[:2], 3), kind) for row, kind in zip(flowers, kinds, strict=True))


# --- linear regression -----------------------------------------------------------------------------------------


def test_synthetic_linear_tells_its_weights_to_least_squares():
    for inputs, targets in both_splits(load("synthetic_linear")):
        assert (inputs.shape, targets.shape) == ((1000, 2), (1000, 1))
        assert {inputs.dtype, targets.dtype} == {np.dtype(np.float32)}
        design = np.concatenate([inputs, np.ones((1000, 1))], axis=1, dtype=np.float64)
        (w1, w2, b), (residual, *_), *_ = np.linalg.lstsq(design, targets[:, 0].astype(np.float64))
        deviation = 0.01 / np.sqrt(1000)  # of each estimate
        np.testing.assert_allclose([w1, w2, b], [2.0, -3.4, 4.2], rtol=0, atol=5 * deviation)
        assert np.sqrt(residual / 997) == pytest.approx(0.01, rel=0.1)


def test_synthetic_linear_is_the_same_every_time():
    for a, b in zip(both_splits(load("synthetic_linear")), both_splits(load("synthetic_linear")), strict=True):
        np.testing.assert_array_equal(a[0], b[0])
        np.testing.assert_array_equal(a[1], b[1])


def test_synthetic_linear_tests_on_other_rows():
    dataset = load("synthetic_linear")
    assert not set(map(tuple, dataset.train_inputs)) & set(map(tuple, dataset.test_inputs))


def test_the_gaussian_has_its_mean_and_covariance():
    (train, labels), (test, _) = both_splits(load("gaussian"))
    assert (train.shape, test.shape, train.dtype, labels.dtype) == ((1000, 2), (300, 2), np.float32, np.int64)
    np.testing.assert_allclose(train.mean(axis=0), [1.0, 2.0], rtol=0, atol=0.2)
    np.testing.assert_allclose(np.cov(train.T), [[1.01, 1.95], [1.95, 4.25]], rtol=0.15)
    assert not set(map(tuple, train)) & set(map(tuple, test))


def test_an_unknown_data_set_is_refused_with_the_names_there_are():
    with pytest.raises(ConfigError, match=f"no data set 'minst': choose one of {', '.join(DATASETS)}"):
        load("minst")
    assert set(DATASETS) >= {"digits", "iris", "mnist", "synthetic_linear"}


# --- MNIST files -----------------------------------------------------------------------------------------------

RNG = np.random.default_rng(17)
SMALL = {
    IMAGES: RNG.integers(1, 256, (7, 28, 28), dtype=np.uint8),
    LABELS: np.array([3, 9, 1, 0, 7, 2, 5], np.uint8),
    TEST_IMAGES: RNG.integers(1, 256, (5, 28, 28), dtype=np.uint8),
    TEST_LABELS: np.array([8, 4, 6, 1, 9], np.uint8),
}


def write_idx(path, array):
    content = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes() + array.tobytes()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)


def write_mnist(folder, suffix="", **changes):
    for name, array in {**SMALL, **{name.replace("_", "-"): array for name, array in changes.items()}}.items():
        if array is not None:
            write_idx(folder / (name + suffix), array)


def assert_small_mnist(dataset):
    for (inputs, targets), (images, labels) in zip(
        both_splits(dataset), ((IMAGES, LABELS), (TEST_IMAGES, TEST_LABELS)), strict=True
    ):
        expected = (SMALL[images][:, None].astype(np.float64) / 255).astype(np.float32)
        np.testing.assert_allclose(inputs, expected, rtol=1e-7)
        assert inputs.dtype == np.float32
        np.testing.assert_array_equal(targets, SMALL[labels].astype(np.int64), strict=True)


@pytest.mark.parametrize("suffix", ["", ".gz"], ids=["plain", "gzip"])
@pytest.mark.parametrize("place", MNIST_FOLDERS, ids=lambda place: place or "the folder itself")
def test_mnist_is_found_in_the_usual_places(tmp_path, place, suffix):
    write_mnist(tmp_path / place, suffix)
    dataset = load("mnist", data_dir=tmp_path)
    assert_small_mnist(dataset)
    assert Path(dataset.source) == tmp_path / place


def test_the_usual_places_are_those_of_torchvision_and_of_plain_downloads():
    assert {"", "MNIST/raw", "mnist/MNIST/raw", "mnist", "raw"} <= set(MNIST_FOLDERS)


def test_mnist_may_be_partly_packed(tmp_path):
    write_mnist(tmp_path)
    (tmp_path / LABELS).unlink()
    write_idx(tmp_path / f"{LABELS}.gz", SMALL[LABELS])
    assert_small_mnist(load("mnist", data_dir=tmp_path))


def test_mnist_is_resized(tmp_path):
    write_mnist(tmp_path)
    dataset = load("mnist", data_dir=tmp_path, image_size=32)
    assert dataset.train_inputs.shape == (7, 1, 32, 32)
    np.testing.assert_allclose(
        dataset.test_inputs[2, 0], bilinear(SMALL[TEST_IMAGES][2] / 255.0, 32), rtol=0, atol=2e-7
    )


def test_the_environment_names_the_folder(tmp_path, monkeypatch):
    write_mnist(tmp_path / "MNIST" / "raw")
    monkeypatch.setenv(DATA_VARIABLE, str(tmp_path))
    assert_small_mnist(load("mnist"))


def test_the_given_folder_goes_before_the_environment(tmp_path, monkeypatch):
    write_mnist(tmp_path / "given")
    monkeypatch.setenv(DATA_VARIABLE, str(tmp_path / "nowhere"))
    assert_small_mnist(load("mnist", data_dir=tmp_path / "given"))


def test_find_mnist_tells_that_there_is_nothing(tmp_path):
    assert find_mnist(tmp_path) is None


@pytest.mark.parametrize("missing", MNIST_FILES)
def test_an_incomplete_set_names_what_is_missing(tmp_path, missing):
    write_mnist(tmp_path / "mnist", **{missing: None})
    with pytest.raises(DataError, match=f"{re.escape(str(tmp_path / 'mnist'))}: .*incomplete, missing {missing} "):
        load("mnist", data_dir=tmp_path)


def test_an_incomplete_set_names_everything_that_is_missing(tmp_path):
    write_mnist(tmp_path, **{LABELS: None, TEST_IMAGES: None})
    with pytest.raises(DataError, match=f"missing {LABELS}, {TEST_IMAGES} "):
        load("mnist", data_dir=tmp_path)


WRONG_CONTENT = {
    "a label out of range": ({LABELS: np.array([3, 9, 1, 10, 7, 2, 5], np.uint8)}, LABELS, "labels 0-9, came 10"),
    "a test label out of range": ({TEST_LABELS: np.array([8, 4, 6, 1, 255], np.uint8)}, TEST_LABELS, "came 255"),
    "a label too few": ({LABELS: SMALL[LABELS][:-1]}, LABELS, r"expected 7 labels.*came \(6,\)"),
    "a test label too many": ({TEST_LABELS: SMALL[LABELS]}, TEST_LABELS, r"expected 5 labels.*came \(7,\)"),
    "labels in the images' place": ({IMAGES: SMALL[LABELS]}, IMAGES, r"expected images of shape .*came \(7,\)"),
    "images in the labels' place": ({LABELS: SMALL[IMAGES]}, LABELS, r"expected 7 labels.*came \(7, 28, 28\)"),
    "no images": ({TEST_IMAGES: np.ones((0, 28, 28), np.uint8)}, TEST_IMAGES, r"expected images.*came \(0, 28, 28\)"),
}  # fmt: skip


@pytest.mark.parametrize("wrong", WRONG_CONTENT)
def test_wrong_content_is_a_data_error_that_names_the_file(tmp_path, wrong):
    changes, name, message = WRONG_CONTENT[wrong]
    write_mnist(tmp_path, **changes)
    with pytest.raises(DataError, match=f"^{re.escape(str(tmp_path / name))}: .*{message}"):
        load("mnist", data_dir=tmp_path)


def test_a_damaged_file_is_a_data_error_that_names_it(tmp_path):
    write_mnist(tmp_path, ".gz")
    path = tmp_path / f"{TEST_IMAGES}.gz"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(DataError, match=f"^{re.escape(str(path))}: "):
        load("mnist", data_dir=tmp_path)


@pytest.mark.parametrize("what", ["a file", "missing"])
def test_an_environment_variable_that_names_no_folder_is_told(tmp_path, monkeypatch, what):
    path = tmp_path / "data"
    if what == "a file":
        path.write_text("no folder")
    monkeypatch.setenv(DATA_VARIABLE, str(path))
    with pytest.raises(DataError, match=f"{re.escape(str(path))} is no folder.* environment variable {DATA_VARIABLE}"):
        load("mnist")


def test_a_given_folder_that_is_none_is_told(tmp_path):
    with pytest.raises(DataError, match=f"{re.escape(str(tmp_path / 'no'))} is no folder.* --data-dir"):
        load("mnist", data_dir=tmp_path / "no")


def test_no_folder_is_none():
    assert data_folder(None) is None


def test_no_folder_named_tells_how_to_name_one():
    with pytest.raises(DataError, match=f"not found.*no folder is named.*--data-dir or {DATA_VARIABLE}.*--download"):
        load("mnist")


def test_nothing_found_tells_where_it_was_looked_for(tmp_path):
    with pytest.raises(DataError) as caught:
        load("mnist", data_dir=tmp_path)
    assert all(str(tmp_path / place) in str(caught.value) for place in MNIST_FOLDERS)


# --- downloads, without a network ------------------------------------------------------------------------------


@pytest.fixture
def network(monkeypatch):
    """Stands for torchvision's and Keras' downloaders; each does what the test sets, and every call is kept."""
    calls = []
    fake = SimpleNamespace(calls=calls, torchvision=None, keras=None)

    def mnist(root, *, download):
        assert download
        calls.append(("torchvision", root))
        fake.torchvision(Path(root))

    def load_data():
        calls.append(("keras",))
        return fake.keras()

    # The real ones may be loaded already: a parent's attribute would go before the entry in sys.modules.
    for parent, name, content in (
        ("torchvision", "datasets", {"MNIST": mnist}),
        ("keras", "datasets", {"mnist": SimpleNamespace(load_data=load_data)}),
    ):
        package, child = ModuleType(parent), ModuleType(f"{parent}.{name}")
        vars(child).update(content)
        package.__path__ = []
        package.config = SimpleNamespace(backend=lambda: "tensorflow")
        monkeypatch.setitem(sys.modules, parent, package)
        monkeypatch.setitem(sys.modules, f"{parent}.{name}", child)
    monkeypatch.setitem(sys.modules, "dualnet.torch", ModuleType("dualnet.torch"))
    monkeypatch.setitem(sys.modules, "dualnet.tf", ModuleType("dualnet.tf"))
    return fake


def no_network(*_):
    raise OSError("Network is unreachable")


def test_torchvision_downloads_into_the_data_folder(network, tmp_path):
    network.torchvision = lambda root: write_mnist(root / "MNIST" / "raw")
    assert_small_mnist(load("mnist", data_dir=tmp_path, download=True))
    assert network.calls == [("torchvision", str(tmp_path))]


def test_keras_downloads_where_torchvision_fails(network, tmp_path):
    network.torchvision = no_network
    network.keras = lambda: ((SMALL[IMAGES], SMALL[LABELS]), (SMALL[TEST_IMAGES], SMALL[TEST_LABELS]))
    assert_small_mnist(load("mnist", data_dir=tmp_path, download=True))
    assert network.calls == [("torchvision", str(tmp_path)), ("keras",)]


def test_what_was_downloaded_is_found_again_without_a_network(network, tmp_path):
    network.torchvision = no_network
    network.keras = lambda: ((SMALL[IMAGES], SMALL[LABELS]), (SMALL[TEST_IMAGES], SMALL[TEST_LABELS]))
    load("mnist", data_dir=tmp_path, download=True)
    network.keras = no_network
    assert_small_mnist(load("mnist", data_dir=tmp_path))
    assert_small_mnist(load("mnist", data_dir=tmp_path, download=True))
    assert len(network.calls) == 2
    assert sorted(path.name for path in tmp_path.rglob("*") if path.is_file()) == sorted(MNIST_FILES)


def test_both_downloads_failing_tells_both_reasons(network, tmp_path):
    network.torchvision = no_network

    def not_found():
        raise RuntimeError("404: not found")

    network.keras = not_found
    with pytest.raises(DataError) as caught:
        load("mnist", data_dir=tmp_path, download=True)
    message = str(caught.value)
    assert f"could not be downloaded to {tmp_path}" in message
    assert "torchvision: Network is unreachable" in message
    assert "keras: 404: not found" in message


def test_without_a_folder_it_goes_to_the_cache(network):
    network.torchvision = lambda root: write_mnist(root / "MNIST" / "raw")
    dataset = load("mnist", download=True)
    assert_small_mnist(dataset)
    assert Path(dataset.source) == Path(os.environ["HOME"]) / ".cache" / "dualnet" / "MNIST" / "raw"


def test_nothing_is_downloaded_that_is_there(network, tmp_path):
    write_mnist(tmp_path)
    assert_small_mnist(load("mnist", data_dir=tmp_path, download=True))
    assert network.calls == []


def test_nothing_is_downloaded_unasked(network, tmp_path):
    with pytest.raises(DataError):
        load("mnist", data_dir=tmp_path)
    assert network.calls == []


def test_damaged_downloads_are_told(network, tmp_path):
    network.torchvision = lambda root: write_mnist(root / "MNIST" / "raw", **{LABELS: SMALL[LABELS][:3]})
    with pytest.raises(DataError, match=LABELS):
        load("mnist", data_dir=tmp_path, download=True)


# --- the real files --------------------------------------------------------------------------------------------


@pytest.mark.skipif(not REAL_DATA, reason=f"{DATA_VARIABLE} names no folder with the real MNIST")
def test_real_mnist(monkeypatch):
    monkeypatch.setenv(DATA_VARIABLE, REAL_DATA)
    dataset = load("mnist")
    assert dataset.train_inputs.shape == (60000, 1, 28, 28)
    assert dataset.test_inputs.shape == (10000, 1, 28, 28)
    # The label counts that LeCun's files have.
    assert np.bincount(dataset.train_targets).tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert np.bincount(dataset.test_targets).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert (dataset.train_inputs.min(), dataset.train_inputs.max()) == (0.0, 1.0)
    assert dataset.train_inputs.mean(dtype=np.float64) == pytest.approx(0.1307, abs=5e-5)
    assert dataset.train_inputs.std(dtype=np.float64) == pytest.approx(0.3081, abs=5e-5)


# --- does it fit the model? ------------------------------------------------------------------------------------


def tiny(inputs=(2, 3), targets=(4, 1), label=None):
    labels = np.array(label if label is not None else [0, 4, 1], np.int64)
    real = np.zeros((3, 1), np.float32)
    rows = np.zeros((3, *inputs), np.float32)
    values = labels if label is not None else real
    return Dataset("tiny", "here", rows, values, rows, values)


IMAGE = {"images": Spec("NCHW", (1, 2, 3))}


def test_rows_that_fit_pass():
    tiny((1, 2, 3), label=[0, 4, 1]).check(IMAGE, Spec("N", classes=5))
    tiny((1, 2, 3)).check(IMAGE, Spec("NF", (1,)))


MISFITS = {
    "another shape": (tiny((1, 3, 2), label=[0]), IMAGE, Spec("N", classes=5), r"\(1, 3, 2\).* \(1, 2, 3\) \(CHW\)"),
    "two inputs": (tiny(), {"a": Spec("NF", (3,)), "b": Spec("NF", (3,))}, Spec("N"), "has one input.*takes 2: a, b"),
    "labels for a regression": (tiny((1, 2, 3), label=[0]), IMAGE, Spec("NF", (1,)), "has labels as targets"),
    "numbers for a classification": (tiny((1, 2, 3)), IMAGE, Spec("N", classes=5), "has real numbers as targets"),
    "too many classes": (tiny((1, 2, 3), label=[0, 5]), IMAGE, Spec("N", classes=5), "label 5.*tells 5.*num_classes=6"),
}  # fmt: skip


@pytest.mark.parametrize("misfit", MISFITS)
def test_rows_that_do_not_fit_are_refused(misfit):
    dataset, inputs, targets, message = MISFITS[misfit]
    with pytest.raises(DataError, match=f"'tiny'.*{message}"):
        dataset.check(inputs, targets)


def test_a_test_label_counts_too():
    fine = tiny((1, 2, 3), label=[0, 4])
    worse = Dataset("tiny", "here", fine.train_inputs, fine.train_targets, fine.test_inputs, fine.test_targets + 3)
    with pytest.raises(DataError, match="label 7"):
        worse.check(IMAGE, Spec("N", classes=5))
