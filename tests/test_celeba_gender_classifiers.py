"""The networks for portraits: as large as published, started as published, and fed with the middle of a photograph."""

import numpy as np
import pytest
from PIL import Image

import dualnet
from dualnet.data import load
from dualnet.interface import ConfigError

CONCEPT = dualnet.concept("celeba_gender_classifiers")
PUBLISHED = {
    "vgg16": 70_372_418,
    "resnet18": 11_180_610,
    "resnet34": 21_288_770,
    "resnet50": 23_524_418,
    "resnet101": 42_516_546,
    "resnet152": 57_039_938,
}


def build(backend, variant=None, **config):
    return dualnet.build(CONCEPT.id, backend.name, variant=variant, **config)


# The smallest one is built in every run.
@pytest.mark.parametrize(
    "variant", [pytest.param(name, marks=[pytest.mark.slow] * (name != "resnet18")) for name in PUBLISHED]
)
def test_full_size_has_the_published_number_of_parameters(variant, backend):
    found = backend.state(build(backend, variant)).parameters
    assert sum(array.size for array in found.values()) == PUBLISHED[variant]


@pytest.mark.parametrize("variant", PUBLISHED)
def test_the_published_number_is_told(variant):
    assert f"{PUBLISHED[variant]:,} parameters" in CONCEPT.variant(variant).about


def test_kernels_of_the_vgg_are_normal_and_unlike(backend):
    small = {"image_size": 8, "layers": (1, 1), "channels": (64, 64), "hidden": (64,)}
    state = backend.state(build(backend, **small)).parameters
    kernels = [array for name, array in state.items() if array.ndim > 1]
    assert all(not array.any() for name, array in state.items() if array.ndim == 1)
    for kernel in kernels:
        assert kernel.std() == pytest.approx(0.05, abs=5 * 0.05 / np.sqrt(2 * kernel.size))
        assert abs(kernel.mean()) < 5 * 0.05 / np.sqrt(kernel.size)
    firsts = [kernel.flat[0] for kernel in kernels]
    assert len(set(firsts)) == len(firsts) == 4


def test_an_unknown_network_is_refused(backend):
    with pytest.raises(ConfigError, match="network 'resnext' is unknown: choose one of vgg, basic, bottleneck"):
        build(backend, network="resnext")


def test_portraits_are_cut_to_the_middle_178_pixels_and_resized(tmp_path):
    """A folder's images of 178x218 pixels, with a table of attributes, are what the source trains on."""
    pixels = np.random.default_rng(5).integers(0, 256, (218, 178, 3), np.uint8)
    for i in range(2):
        Image.fromarray(pixels).save(tmp_path / f"{i}.png")
    (tmp_path / "list_attr_celeba.csv").write_text("image_id,Smiling,Male\n0.png,1,-1\n1.png,1,1\n")
    found = load("folder", image_size=128, data_dir=tmp_path, label_column="Male")
    found.check(CONCEPT.inputs(CONCEPT.settings()), CONCEPT.targets(CONCEPT.settings()))
    middle = Image.fromarray(pixels[20:198]).resize((128, 128), Image.Resampling.BILINEAR)
    np.testing.assert_array_equal((found.train_inputs[0] * 255).round(), np.asarray(middle).transpose(2, 0, 1))
    assert (found.train_targets.tolist(), found.test_targets.tolist()) == ([0], [1])
