"""AlexNet, VGG and GoogLeNet against those of torchvision and keras.applications."""

from functools import cache

import numpy as np
import pytest

import dualnet
from parity.recording import draw_state
from parity.tolerance import distance

SETTINGS = {
    "alexnet": {
        "in_channels": 3, "image_size": 224, "channels": (64, 192, 384, 256, 256), "pooled_size": 6,
        "hidden": (4096, 4096), "num_classes": 1000,
    },
    "vgg": {
        "in_channels": 3, "image_size": 224, "channels": (64, 128, 256, 512, 512), "pooled_size": 7,
        "hidden": (4096, 4096), "num_classes": 1000,
    },
    "googlenet": {
        "in_channels": 3, "image_size": 224, "width": 64, "kernel_size": 3, "last_pool": 2, "batch_norm": True,
        "dropout": 0.2, "num_classes": 1000,
    },
}  # fmt: skip
PARAMETERS = {"alexnet": 61_100_840, "vgg": 132_863_336, "googlenet": 13_004_888}
SIZES = {"alexnet": 95, "vgg": 64, "googlenet": 75}
"""Pixels of the images: the fixed-size pooling lets any fit the same weights."""


def theirs(id):
    from torchvision import models

    with_heads = {"init_weights": False, "aux_logits": True} if id == "googlenet" else {}
    return getattr(models, "vgg11" if id == "vgg" else id)(weights=None, **with_heads)


@cache
def arrays(id):
    """Random weights by name: one draw for all tests."""
    backend = dualnet.load("torch")
    return draw_state(backend.state(ours(id)), seed=0, kernel_scale=0.5)


def ours(id):
    return dualnet.build(id, "torch", **SETTINGS[id])


@pytest.mark.parametrize("id", ["alexnet", pytest.param("vgg", marks=pytest.mark.slow), "googlenet"])
def test_our_weights_load_into_torchvision_and_mean_the_same(id, both):
    import torch

    backend = both["torch"]
    x = np.random.default_rng(0).normal(size=(2, 3, SIZES[id], SIZES[id]))
    with backend.precision("float64"):
        model, other = ours(id), theirs(id)
        backend.load(model, arrays(id))
        other.load_state_dict(model.state_dict())  # strict: every name and shape
        assert sum(p.numel() for p in model.parameters()) == PARAMETERS[id]
        expected = other.eval()(torch.tensor(x)).detach().numpy()
        found = backend.array(backend.forward(model, [backend.tensor(x)])[0])
    assert distance(found, expected).error <= 1e-12


@pytest.mark.slow
@pytest.mark.parametrize("id", SETTINGS)
def test_the_published_sizes_agree_on_both_sides(id, both):
    x = np.random.default_rng(0).normal(size=(1, 3, 224, 224))
    outputs = {}
    for name, backend in both.items():
        with backend.precision("float64"):
            model = dualnet.build(id, name, **SETTINGS[id])
            backend.load(model, arrays(id))
            outputs[name] = backend.array(backend.forward(model, [backend.tensor(x, "NCHW")])[0])
    assert distance(outputs["tf"], outputs["torch"]).error <= 1e-12


VGG16 = {"in_channels": 3, "channels": (64, 128, 256, 512, 512), "convolutions": (2, 2, 3, 3, 3), "image_size": 32}


def test_keras_vgg16_means_the_same(both):
    import keras

    backend = both["tf"]
    x = np.random.default_rng(0).normal(size=(2, 3, 32, 32)).astype(np.float32).astype(np.float64)  # its input rounds
    with backend.precision("float64"):
        model = dualnet.build("vgg", "tf", **VGG16)
        backend.load(model, draw_state(backend.state(model), seed=0, kernel_scale=0.5))
        other = keras.applications.VGG16(include_top=False, weights=None, input_shape=(32, 32, 3))
        layers = [layer for layer in model.features.layers if isinstance(layer, keras.layers.Conv2D)]
        counterparts = [layer for layer in other.layers if isinstance(layer, keras.layers.Conv2D)]
        for mine, same in zip(layers, counterparts, strict=True):
            same.set_weights(mine.get_weights())
        images = backend.tensor(x, "NCHW")
        found, expected = model.features(images), other(images, training=False)
    assert model.features.count_params() == other.count_params() == 14_714_688
    assert distance(backend.array(found), backend.array(expected)).error <= 1e-12
