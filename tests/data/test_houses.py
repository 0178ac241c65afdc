"""House prices: the two files of the competition, small ones made here; and the table for where there are none."""

import numpy as np
import pytest

from dualnet.data import load
from dualnet.interface import DataError

TRAIN = """Id,MSSubClass,LotFrontage,Alley,MasVnrType,SalePrice
1,60,65,NA,BrkFace,208500
2,20,NA,Grvl,None,181500
3,60,68,Pave,NA,223500.5
"""
TEST = """Id,MSSubClass,LotFrontage,Alley,MasVnrType
4,20,80,Grvl,Stone
5,190,NA,NA,BrkFace
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "train.csv").write_text(TRAIN)
    (tmp_path / "test.csv").write_text(TEST)
    return tmp_path


def test_numbers_keep_their_gaps_and_categories_get_places(folder):
    found = load("house_prices", data_dir=folder)
    np.testing.assert_array_equal(found.train_inputs[0], [[60, 65], [20, np.nan], [60, 68]])
    np.testing.assert_array_equal(found.test_inputs[0], [[20, 80], [190, np.nan]])
    np.testing.assert_array_equal(found.train_inputs[1], [[0, 1], [1, 2], [2, 0]])  # Grvl Pave; BrkFace None Stone
    np.testing.assert_array_equal(found.test_inputs[1], [[1, 3], [0, 1]])
    np.testing.assert_array_equal(found.train_targets, [208500, 181500, 223500.5])
    assert np.isnan(found.test_targets).all() and found.test_targets.shape == (2,)
    assert [a.dtype for a in (*found.train_inputs, found.train_targets)] == [np.float64, np.int64, np.float64]
    assert found.source == str(folder)


@pytest.mark.parametrize("place", ["tabular", "house_prices"])
def test_files_of_another_name_are_found_in_a_folder_below(place, tmp_path, monkeypatch):
    (tmp_path / place).mkdir()
    (tmp_path / place / "kaggle_house_pred_train.csv").write_text(TRAIN)
    (tmp_path / place / "kaggle_house_pred_test.csv").write_text(TEST)
    monkeypatch.setenv("DUALNET_DATA", str(tmp_path))
    assert load("house_prices").source == str(tmp_path / place)


def test_without_a_folder_there_is_an_embedded_table(monkeypatch):
    monkeypatch.delenv("DUALNET_DATA", raising=False)
    found = load("house_prices")
    assert [array.shape for array in found.train_inputs] == [(354, 9), (354, 1)]
    assert set(found.train_inputs[1].ravel()) == {1, 2} and found.train_targets.min() > 0
    assert "diabetes" in found.source


def test_a_folder_without_files_says_where_it_was_looked(tmp_path):
    with pytest.raises(DataError, match=r"not found \(looked in .*tabular.*expected train.csv and test.csv"):
        load("house_prices", data_dir=tmp_path)


@pytest.mark.parametrize(("there", "missing"), [("train.csv", "test.csv"), ("test.csv", "train.csv")])
def test_half_of_the_files_is_refused(there, missing, folder):
    (folder / missing).unlink()
    with pytest.raises(DataError, match=f"{there} is there, but not {missing}"):
        load("house_prices", data_dir=folder)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("train.csv", "", "the file is empty"),
        ("train.csv", TRAIN.splitlines()[0], "a header, but no row"),
        ("train.csv", TRAIN[: TRAIN.index("68")], r"line 4: 3 values, the header has 6: the file is damaged"),
        ("train.csv", TRAIN.replace("SalePrice", "Price"), "no column 'SalePrice'"),
        ("train.csv", TRAIN.replace("Id,", "Key,"), "no column 'Id'"),
        ("train.csv", TRAIN.replace("181500", "-1"), "something else than prices above 0"),
        ("train.csv", TRAIN.replace("181500", "much"), "something else than prices above 0"),
        ("train.csv", TRAIN.replace("181500", "NA"), "something else than prices above 0"),
        ("test.csv", TEST.replace("Alley", "Street"), "its columns are not those of train.csv: Alley, Street"),
    ],
)
def test_a_damaged_file_is_named_with_what_is_wrong(name, text, said, folder):
    (folder / name).write_text(text)
    with pytest.raises(DataError, match=said) as caught:
        load("house_prices", data_dir=folder)
    assert str(folder / name) in str(caught.value)


def test_what_is_no_text_is_refused(folder):
    (folder / "train.csv").write_bytes(b"PK\x03\x04\xff\xfe")
    with pytest.raises(DataError, match="no CSV file"):
        load("house_prices", data_dir=folder)
