"""Both sides read from files of images what torchvision, and our own loading of data, read from the same files."""

import numpy as np
import pytest

import dualnet
from dualnet import data
from dualnet.catalogue import twin
from dualnet.concepts.linear import image_classification_datasets as declared
from dualnet.interface import BACKENDS


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("images")
    declared._write_mnist(place)
    declared._write_fashion(place)
    declared._write_cifar10(place)
    return place


def read(backend, function, folder, train):
    side, functions = dualnet.load(backend), twin("image_classification_datasets", backend)
    images, labels = getattr(functions, function)(folder, train)
    return side.array(images), side.array(labels), side.array(functions.unit(images))


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("train", [True, False])
@pytest.mark.parametrize(("function", "name"), [("mnist", "MNIST"), ("fashion_mnist", "FashionMNIST")])
def test_idx_files_are_those_of_torchvision(function, name, train, backend, folder, both):
    from torchvision import datasets

    images, labels, _ = read(backend, function, folder, train)
    theirs = getattr(datasets, name)(str(folder), train=train)
    np.testing.assert_array_equal(images[:, 0], theirs.data.numpy())
    np.testing.assert_array_equal(labels, theirs.targets.numpy())


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(("name", "size"), [("mnist", 7), ("cifar10", 32)])
def test_pixels_and_labels_are_those_that_models_are_trained_on(name, size, backend, tmp_path, both, monkeypatch):
    square = {k: v._replace(images=np.repeat(v.images, 2, 3)[..., :7]) for k, v in declared._MNIST.items()}
    declared._write_mnist(tmp_path, data=square)
    declared._write_cifar10(tmp_path)
    ours = data.load(name, image_size=size, data_dir=tmp_path)
    for train, rows, targets in (
        (True, ours.train_inputs, ours.train_targets),
        (False, ours.test_inputs, ours.test_targets),
    ):
        _, labels, pixels = read(backend, name, tmp_path, train)
        np.testing.assert_array_equal(labels, targets)
        np.testing.assert_array_equal(pixels, rows)
