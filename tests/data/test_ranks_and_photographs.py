"""The embedded data of ordinal and colour models: diabetes as ranks, patches of photographs."""

import numpy as np
import pytest

from dualnet.data import load
from dualnet.interface import DataError


def test_diabetes_is_a_standardised_table_with_five_ranks():
    found = load("diabetes")
    assert found.train_inputs.shape == (354, 10) and found.test_inputs.shape == (88, 10)
    np.testing.assert_allclose(found.train_inputs.mean(axis=0, dtype=np.float64), 0, atol=1e-6)
    np.testing.assert_allclose(found.train_inputs.std(axis=0, dtype=np.float64), 1, atol=1e-6)
    assert [found.train_inputs.dtype, found.train_targets.dtype] == [np.float32, np.int64]


def test_the_ranks_of_diabetes_are_fifths():
    found = load("diabetes")
    assert abs(np.bincount(found.train_targets) - 354 / 5).max() < 2
    assert found.test_targets.min() == 0 and found.test_targets.max() == 4


def test_higher_ranks_are_further_progressed():
    from sklearn.datasets import load_diabetes

    features, progression = load_diabetes(return_X_y=True, scaled=False)
    found = load("diabetes")
    body_mass = found.train_inputs[:, 2]
    assert np.corrcoef(body_mass, found.train_targets)[0, 1] > 0.4
    assert np.corrcoef(features[:, 2], progression)[0, 1] > 0.4


@pytest.mark.parametrize("size", [16, 32, 64])
def test_photographs_are_colour_patches_of_both_pictures(size):
    found = load("photographs", image_size=size)
    for images, labels in ((found.train_inputs, found.train_targets), (found.test_inputs, found.test_targets)):
        assert images.shape[1:] == (3, size, size) and images.dtype == np.float32
        assert 0 <= images.min() < 0.1 and 0.9 < images.max() <= 1
        assert set(labels) == {0, 1}
        assert len(images) == len(labels)


def test_a_patch_is_a_part_of_the_photograph_at_half_its_size():
    from sklearn.datasets import load_sample_images

    found = load("photographs", image_size=32)
    china, flower = load_sample_images().images
    expected = china[:64, :64].reshape(32, 2, 32, 2, 3).mean(axis=(1, 3)) / 255
    np.testing.assert_allclose(found.train_inputs[0].transpose(1, 2, 0), expected, atol=1e-6)
    expected = flower[:64, -128:-64].reshape(32, 2, 32, 2, 3).mean(axis=(1, 3)) / 255
    first = found.test_inputs[found.test_targets == 1][0]
    np.testing.assert_allclose(first.transpose(1, 2, 0), expected, atol=1e-6)


def test_photographs_that_are_too_small_are_refused():
    with pytest.raises(DataError, match="image size 65 is too large: expected at most 64"):
        load("photographs", image_size=65)
