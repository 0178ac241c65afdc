"""Studies: a concept that is no model is compared, drawn on both sides, and told how far they are apart."""

import json
import sys

import numpy as np
import pytest

import dualnet.cli
from dualnet import catalogue
from dualnet.interface import BACKENDS, Exhibit
from dualnet.training.exhibits import caller
from dualnet.training.study import _compared

ID = "residual_gradient_flow"


@pytest.fixture(scope="module")
def studied(tmp_path_factory):
    """``dualnet compare`` of it: exit code and folder."""
    out = tmp_path_factory.mktemp("studied") / "out"
    with pytest.MonkeyPatch.context() as patch, pytest.raises(SystemExit) as ended:
        patch.setattr(sys, "argv", ["dualnet", "compare", ID, "--out", str(out)])
        dualnet.cli.main()
    return ended.value.code, out


def test_a_study_leaves_a_picture_and_a_result(studied):
    code, out = studied
    assert code == 0
    assert sorted(path.name for path in out.iterdir()) == ["exhibits.png", "result.json"]
    result = json.loads((out / "result.json").read_text())
    assert result["parity"]["passed"]
    assert [*result["sides"]] == [*BACKENDS]
    (exhibit,) = result["exhibits"]
    assert exhibit["kind"] == "lines"
    assert [*exhibit["largest_difference"]] == ["x", "plain", "with shortcuts"]
    assert max(exhibit["largest_difference"].values()) < 1e-11


def test_its_picture_shows_both_sides(studied):
    from matplotlib.image import imread

    picture = imread(studied[1] / "exhibits.png")[80:]
    left, right = picture[:, : picture.shape[1] // 2], picture[:, picture.shape[1] // 2 :]
    assert left.std() > 0.05
    assert right.std() > 0.05


def test_a_study_calls_the_functions_of_a_side(backend):
    declared = catalogue.concept(ID)
    called = []

    def recorded(function, **arguments):
        called.append(function)
        return call(function, **arguments)

    call = caller(backend, catalogue.twin(ID, backend.name))
    with backend.precision("float64"):
        (exhibit,) = declared.study(recorded, None)
    assert called == ["gradient_norms"] * 2
    plain, shortcuts = exhibit.arrays["plain"], exhibit.arrays["with shortcuts"]
    assert plain.dtype == np.float64
    assert plain[0] < 1e-20  # vanishes
    assert 1e-2 < shortcuts[0] / shortcuts[-1] < 1e2  # does not


ARRAY = np.array([2.0, -4.0, np.nan])
GAPS = {
    "equal": (ARRAY, ARRAY, 0.0),
    "another number": (ARRAY, np.array([2.0, -3.0, np.nan]), 0.25),
    "another shape": (ARRAY, ARRAY[:2], None),
    "not a number elsewhere": (ARRAY, ARRAY[::-1], None),
    "no number at all": (ARRAY[2:], ARRAY[2:], 0.0),
    "whole numbers": (np.array([3, 4]), np.array([3, 8]), 0.5),
    "zeros": (np.zeros(2), np.zeros(2), 0.0),
}


@pytest.mark.parametrize("case", GAPS)
def test_the_difference_of_two_sides_is_relative_to_their_largest_number(case):
    a, b, expected = GAPS[case]
    first = Exhibit("one", "lines", {"a": a})
    assert _compared(first, first._replace(arrays={"a": b}))["largest_difference"] == {"a": expected}


@pytest.mark.slow
def test_sides_that_differ_are_exit_code_1(monkeypatch, tmp_path):
    """What `check` says of the recorded sides decides."""
    import dualnet.training.study as study

    monkeypatch.setattr(study, "check", lambda jobs, running, console: {"passed": False})
    monkeypatch.setattr(sys, "argv", ["dualnet", "compare", ID, "--out", str(tmp_path / "out")])
    with pytest.raises(SystemExit) as ended:
        dualnet.cli.main()
    assert ended.value.code == 1
    assert json.loads((tmp_path / "out" / "result.json").read_text())["parity"] == {"passed": False}


def test_a_study_is_of_a_concept_that_is_no_model():
    for declared in catalogue.concepts():
        assert not (declared.study and declared.variants), declared.id
        assert not declared.data or declared.study, declared.id
