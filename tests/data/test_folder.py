"""The user's own images: the files, labels and splits that a folder gives, and the line that an error names."""

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import dualnet
from dualnet.data import load
from dualnet.data.datasets import DATA_VARIABLE
from dualnet.interface import DataError

COLOURS = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (51, 102, 153), (255, 255, 255), (1, 3, 7), (10, 20, 30)]
NAMES = [f"below/{i}.png" for i in range(len(COLOURS))]
FILES = ["below/5.png", "below/2.png", "below/0.png"]


@pytest.fixture(autouse=True)
def no_data_folder(monkeypatch):
    monkeypatch.delenv(DATA_VARIABLE, raising=False)


def write_image(path: Path, colour, mode="RGB") -> None:
    """One colour, wider than high, with margins that are to be cut off."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.new("RGB", (30, 20), (77, 77, 77))
    image.paste(colour, (5, 0, 25, 20))
    image.convert(mode).save(path)


@pytest.fixture
def folder(tmp_path):
    for name, colour in zip(NAMES, COLOURS, strict=True):
        write_image(tmp_path / name, colour)
    return tmp_path


def table(folder, text, name="labels.csv", **columns):
    (folder / name).write_text(text)
    return load("folder", image_size=8, data_dir=folder, **columns)


def colours(images):
    return (images[:, :, 3, 3] * 255).round().astype(int).tolist()


# --- images ----------------------------------------------------------------------------------------------------


def test_images_are_cut_square_and_resized(folder):
    found = load("folder", image_size=8, data_dir=folder)
    assert found.train_inputs.shape == (5, 3, 8, 8) and found.test_inputs.shape == (2, 3, 8, 8)
    assert (found.train_inputs.dtype, found.train_targets.dtype) == (np.float32, np.int64)
    assert colours(found.train_inputs) == [list(colour) for i, colour in enumerate(COLOURS) if i not in (1, 6)]
    np.testing.assert_array_equal(found.train_inputs[0].max(axis=(1, 2)), [1, 0, 0])
    assert not found.train_targets.any()
    assert (found.name, found.source) == ("folder", str(folder))


def test_images_of_different_sizes_and_modes_become_alike(tmp_path):
    Image.new("RGB", (8, 8), (10, 200, 30)).save(tmp_path / "a.bmp")
    Image.new("L", (64, 48), 99).save(tmp_path / "b.jpg")
    Image.new("RGBA", (3, 5), (10, 20, 30, 0)).save(tmp_path / "c.PNG")
    Image.new("P", (11, 7), 0).save(tmp_path / "d.png")
    found = load("folder", image_size=8, data_dir=tmp_path)
    assert colours(found.train_inputs) == [[10, 200, 30], [10, 20, 30], [0, 0, 0]]
    assert colours(found.test_inputs) == [[99, 99, 99]]


# --- labels ----------------------------------------------------------------------------------------------------

LABELS = {
    "ranks": ("3 1 4", [3, 4], [1], np.int64),
    "attributes": ("-1 1 1", [0, 1], [1], np.int64),
    "classes by name": ("dog cat dog", [1, 1], [0], np.int64),
    "real numbers": ("3 1.5 -4", [[3.0], [-4.0]], [[1.5]], np.float32),
    "negative whole numbers": ("3 -1 0", [[3.0], [0.0]], [[-1.0]], np.float32),
}


@pytest.mark.parametrize("kind", LABELS)
@pytest.mark.parametrize("header", ["", "file,age\n"], ids=["plain", "names"])
def test_a_table_gives_the_labels_and_the_order(folder, kind, header):
    texts, train, test, dtype = LABELS[kind]
    lines = [f"{file}, {text}\n" for file, text in zip(FILES, texts.split(), strict=True)]
    found = table(folder, header + "\n".join(lines))  # with empty lines between
    assert (found.train_targets.tolist(), found.test_targets.tolist()) == (train, test)
    assert {found.train_targets.dtype, found.test_targets.dtype} == {np.dtype(dtype)}
    assert colours(found.train_inputs) + colours(found.test_inputs) == [list(COLOURS[i]) for i in (5, 0, 2)]


ATTRIBUTES = "smiling,path,young\n1,below/5.png,-1\n-1,below/2.png,1\n1,below/0.png,1\n"


@pytest.mark.parametrize("mark", ["", "\ufeff"], ids=["plain", "byte order mark"])
@pytest.mark.parametrize(("column", "expected"), [("smiling", [1, 1, 0]), ("young", [0, 1, 1])])
def test_columns_are_chosen_by_name(folder, mark, column, expected):
    found = table(folder, mark + ATTRIBUTES, "attributes.csv", file_column="path", label_column=column)
    assert [*found.train_targets, *found.test_targets] == expected
    assert colours(found.test_inputs) == [list(COLOURS[2])]


def test_a_column_says_what_is_for_testing(folder):
    lines = [f"{name},{i},{'test' if i in (0, 3) else 'train'}" for i, name in enumerate(NAMES)]
    found = table(folder, "\n".join(["file,age,split", *lines]))
    assert (found.train_targets.tolist(), found.test_targets.tolist()) == ([1, 2, 4, 5, 6], [0, 3])


def test_folders_are_classes(tmp_path):
    for i, name in enumerate(["train/dog/1.png", "train/cat/2.jpg", "test/dog/3/4.png", "train/cat/5.png"]):
        write_image(tmp_path / name, COLOURS[i])
    found = load("folder", image_size=8, data_dir=tmp_path)
    assert (found.train_targets.tolist(), found.test_targets.tolist()) == ([0, 0, 1], [1])
    assert colours(found.test_inputs) == [list(COLOURS[2])]


# --- errors ----------------------------------------------------------------------------------------------------

BROKEN = {
    "no label": ("below/1.png\nbelow/2.png,1\n", {}, "labels.csv, line 1: expected a file and a label"),
    "an empty label": ("below/1.png,1\nbelow/2.png,\n", {}, "line 2: expected a label, came ''"),
    "no number": ("below/1.png,nan\nbelow/2.png,1\n", {}, "line 1: expected a label, came 'nan'"),
    "a name for a rank": ("file,age\nbelow/1.png,1\n\nbelow/2.png,old\n", {}, "line 4: expected a number .* 'old'"),
    "no such file": ("below/1.png,1\nbelow/9.png,0\n", {}, r"line 2: .*9\.png: cannot be read as an image"),
    "no image": ("below/1.png,1\nlabels.csv,0\n", {}, r"line 2: .*labels\.csv: cannot be read as an image"),
    "one image": ("below/1.png,1\n", {}, "expected images for training and for testing .* found 1 and 0"),
    "empty": ("", {}, "found 0 and 0"),
    "names alone": ("file,age\n", {}, "found 0 and 0"),
    "no such column": (ATTRIBUTES, {"label_column": "bald"}, "no column 'bald': it has smiling, path, young"),
    "no names of columns": ("below/1.png,1\n", {"file_column": "path"}, "no column 'path': it has no line of names"),
    "another split": ("file,age,split\nbelow/1.png,1,val\n", {}, "line 2: expected train or test .* came 'val'"),
    "nothing to test on": ("file,age,split\nbelow/1.png,1,train\n", {}, "found 1 and 0"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_what_is_wrong_in_a_table_is_told(folder, case):
    text, columns, message = BROKEN[case]
    with pytest.raises(DataError, match=f"^{re.escape(str(folder))}.*{message}"):
        table(folder, text, **columns)


def test_a_table_that_is_no_text_is_told(folder):
    (folder / "labels.csv").write_bytes(b"below/1.png,\xff\n")
    with pytest.raises(DataError, match=r"labels\.csv: cannot be read as a CSV file"):
        load("folder", data_dir=folder)


def test_two_tables_are_refused(folder):
    (folder / "a.csv").touch()
    with pytest.raises(DataError, match=r"expected one CSV file, found a\.csv, labels\.csv"):
        table(folder, "")


def test_a_column_without_a_table_is_refused(folder):
    with pytest.raises(DataError, match="a column was named, but there is no CSV file"):
        load("folder", data_dir=folder, label_column="age")


def test_an_image_without_a_class_is_told(tmp_path):
    write_image(tmp_path / "train" / "1.png", COLOURS[0])
    with pytest.raises(DataError, match=r"1\.png: expected it in a folder with the name of its class"):
        load("folder", data_dir=tmp_path)


def test_a_folder_must_be_named():
    with pytest.raises(DataError, match="name a folder with images by --data-dir"):
        load("folder")


def test_an_ordinal_network_takes_images_with_ranks(folder):
    dataset = table(folder, "below/5.png,3\nbelow/2.png,1\nbelow/0.png,4\n")
    declared = dualnet.concept("coral")
    config = declared.settings("digits", {"num_features": 3 * 8 * 8, "num_classes": 5})
    declared.rows(dataset, config).check(declared.inputs(config), declared.targets(config))
