"""The data of ordinal and colour models: diabetes as ranks, patches of photographs, the user's own images."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

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


# --- image folder ----------------------------------------------------------------------------------------------

COLOURS = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (51, 102, 153), (255, 255, 255), (0, 0, 0), (10, 20, 30)]


def write_images(folder: Path) -> None:
    """Seven images of one colour each, wider than high, with margins that are to be cut off."""
    for i, colour in enumerate(COLOURS):
        image = Image.new("RGB", (30, 20), (77, 77, 77))
        image.paste(colour, (5, 0, 25, 20))
        (folder / "below").mkdir(exist_ok=True)
        image.save(folder / "below" / f"{i}.png")


def test_a_folder_of_images_is_cut_square_and_resized(tmp_path):
    write_images(tmp_path)
    found = load("image_folder", image_size=8, data_dir=tmp_path)
    assert found.train_inputs.shape == (5, 3, 8, 8) and found.test_inputs.shape == (2, 3, 8, 8)
    train = [colour for i, colour in enumerate(COLOURS) if i not in (1, 6)]
    np.testing.assert_allclose(found.train_inputs[:, :, 3, 3] * 255, train, atol=1e-4)
    np.testing.assert_allclose(found.train_inputs[0, :, :, 2:6].max(axis=(1, 2)), [1, 0, 0], atol=1e-6)
    assert not found.train_targets.any()


@pytest.mark.parametrize("header", ["", "file,age\n"], ids=["plain", "with a header"])
def test_a_csv_file_gives_the_ranks_and_the_order(tmp_path, header):
    write_images(tmp_path)
    (tmp_path / "ranks.csv").write_text(header + "below/5.png,3\nbelow/2.png, 1\nbelow/0.png,4\n")
    found = load("image_folder", image_size=8, data_dir=tmp_path)
    assert found.train_targets.tolist() == [3, 4] and found.test_targets.tolist() == [1]
    np.testing.assert_allclose(found.test_inputs[0, :, 3, 3], [0, 0, 1], atol=1e-6)


BROKEN = {
    "no label": ("below/1.png\nbelow/2.png,1\nbelow/3.png\n", "expected lines of a file name and a label"),
    "a name for a label": ("below/1.png,1\nbelow/2.png,old\n", "came 'below/2.png,old'"),
    "no such file": ("below/1.png,1\nbelow/9.png,0\n", r"9\.png: cannot be read as an image"),
    "one image": ("below/1.png,1\n", "expected two images or more .* found 1"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_what_cannot_be_read_is_told(tmp_path, case):
    write_images(tmp_path)
    text, message = BROKEN[case]
    (tmp_path / "ranks.csv").write_text(text)
    with pytest.raises(DataError, match=message):
        load("image_folder", image_size=8, data_dir=tmp_path)


def test_an_image_folder_must_be_named(monkeypatch):
    monkeypatch.delenv("DUALNET_DATA", raising=False)
    with pytest.raises(DataError, match="name a folder with images by --data-dir"):
        load("image_folder")


def test_an_ordinal_network_takes_images_with_ranks(tmp_path):
    import dualnet

    write_images(tmp_path)
    declared = dualnet.concept("coral")
    config = declared.settings("digits", {"num_features": 3 * 8 * 8, "num_classes": 5})
    declared.rows(load("image_folder", image_size=8, data_dir=tmp_path), config).check(
        declared.inputs(config), declared.targets(config)
    )
