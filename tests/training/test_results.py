"""What a run leaves behind: a folder that is whole or not there, JSON that is JSON, and a picture of anything."""

import io
import json
import math
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from dualnet.interface import ConfigError
from dualnet.training.history import Epoch, History
from dualnet.training.results import COLOURS, Side, draw, new_folder, table, write

NAN, INF = math.nan, math.inf


@pytest.fixture
def target(tmp_path):
    """A result of an earlier run, and a stranger's file."""
    target = tmp_path / "out"
    (target / "tensorboard" / "tf").mkdir(parents=True)
    for name in ("result.json", "tensorboard/tf/events", "notes.txt"):
        (target / name).write_text("old")
    return target


def contents(folder):
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


OLD = {"result.json": "old", "tensorboard/tf/events": "old", "notes.txt": "old"}


def test_a_new_folder_becomes_the_target(tmp_path):
    with new_folder(tmp_path / "a" / "b") as folder:
        (folder / "result.json").write_text("new")
        assert not (tmp_path / "a" / "b").exists()
    assert contents(tmp_path) == {"a/b/result.json": "new"}


def test_results_of_the_same_name_are_replaced_and_others_stay(target):
    with new_folder(target) as folder:
        (folder / "tensorboard" / "torch").mkdir(parents=True)
        (folder / "tensorboard" / "torch" / "events").write_text("new")
        (folder / "result.json").write_text("new")
        assert contents(target) == OLD
    assert contents(target) == {"result.json": "new", "tensorboard/torch/events": "new", "notes.txt": "old"}
    assert list(target.parent.iterdir()) == [target]


@pytest.mark.parametrize("error", [ZeroDivisionError, KeyboardInterrupt, SystemExit])
def test_after_an_error_the_target_is_as_it_was(target, error):
    with pytest.raises(error), new_folder(target) as folder:
        (folder / "result.json").write_text("new")
        raise error
    assert contents(target) == OLD
    assert list(target.parent.iterdir()) == [target]


def test_after_an_error_there_is_no_new_target(tmp_path):
    with pytest.raises(ZeroDivisionError), new_folder(tmp_path / "out"):
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("below", ["", "out", "a/b"])
def test_a_file_in_the_way_is_told_and_stays(tmp_path, below):
    path = tmp_path / "here"
    path.write_text("precious")
    with pytest.raises(ConfigError, match=f"--out {path / below}: .*"), new_folder(path / below):
        pass
    assert path.read_text() == "precious"
    assert list(tmp_path.iterdir()) == [path]


def test_the_current_folder_may_be_the_target(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with new_folder(Path()) as folder:
        (folder / "result.json").write_text("new")
    assert contents(tmp_path) == {"result.json": "new"}


# --- curves that went wrong ------------------------------------------------------------------------------------


def side(losses, metrics=(0.5,)):
    epochs = [Epoch(float(np.mean(losses)), metric, 1.0, 7) for metric in metrics]
    return Side(parameters=61706, history=History(list(losses), epochs), peak_memory_bytes=3 * 2**20)


CURVES = {
    "ordinary": ([2.3, 1.1, 0.7], [2.3, 1.1, 0.7000001]),
    "equal": ([2.3, 1.1, 0.7], [2.3, 1.1, 0.7]),
    "one step": ([2.3], [2.2999]),
    "NaN at the end": ([2.3, NAN, NAN], [2.3, 1.1, 0.7]),
    "infinite in between": ([2.3, INF, 1.1, 0.7], [2.3, INF, 1.2, 0.8]),
    "NaN from the start": ([NAN, NAN], [NAN, NAN]),
    "zero": ([1.0, 0.0], [1.0, 0.0]),
}


@pytest.mark.parametrize("sides", [1, 2], ids=["one side", "both sides"])
@pytest.mark.parametrize("curves", CURVES)
def test_every_curve_can_be_drawn(tmp_path, curves, sides):
    tf, torch = CURVES[curves]
    chosen = dict(list({"tf": side(tf), "torch": side(torch, (NAN,))}.items())[-sides:])
    draw(tmp_path / "curves.png", curves, "accuracy", chosen)
    with Image.open(tmp_path / "curves.png") as picture:
        assert picture.format == "PNG"
        assert picture.width == 540 * (1 + sides)


def test_the_losses_of_players_are_drawn_and_written(tmp_path):
    chosen = {"tf": side([3.0, 2.0]), "torch": side([3.0, 2.1])}
    draw(tmp_path / "sums.png", "t", "accuracy", chosen)
    for each in chosen.values():
        each.history.players = {"discriminator": [2.0, 1.5], "generator": [1.0, 0.5]}
    draw(tmp_path / "players.png", "t", "accuracy", chosen)
    assert (tmp_path / "sums.png").read_bytes() != (tmp_path / "players.png").read_bytes()
    write(tmp_path, {"metric": "accuracy"}, chosen)
    (events,) = (tmp_path / "tensorboard" / "tf").iterdir()
    assert b"loss/discriminator" in events.read_bytes() and b"loss/generator" in events.read_bytes()


def test_the_picture_has_both_colours(tmp_path):
    draw(tmp_path / "curves.png", "t", "accuracy", {"tf": side([2.3, 1.1, 0.7]), "torch": side([2.0, 0.9, 0.6])})
    with Image.open(tmp_path / "curves.png") as picture:
        pixels = np.asarray(picture.convert("RGB")).reshape(-1, 3).astype(int)
    for colour in COLOURS.values():
        wanted = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
        assert (np.abs(pixels - wanted).max(axis=1) < 8).sum() > 100


@pytest.mark.parametrize("curves", CURVES)
def test_every_result_is_json_and_has_events(tmp_path, curves):
    sides = {"tf": side(CURVES[curves][0]), "torch": side(CURVES[curves][1], (NAN,))}
    result = {"metric": "accuracy", "largest": INF, "sides": {name: one.to_dict() for name, one in sides.items()}}
    write(tmp_path, result, sides)

    def no_constant(name):
        raise AssertionError(f"{name} is no JSON")

    read = json.loads((tmp_path / "result.json").read_text(), parse_constant=no_constant)
    assert read["largest"] is None
    assert read["sides"]["tf"]["history"]["losses"] == [
        loss if math.isfinite(loss) else None for loss in CURVES[curves][0]
    ]
    assert read["sides"]["torch"]["history"]["epochs"][0]["metric"] is None
    for backend in sides:
        assert [path.name.startswith("events.out.tfevents") for path in (tmp_path / "tensorboard" / backend).iterdir()]


@pytest.mark.parametrize(
    ("metric", "expected"),
    [("accuracy", "test accuracy 87.50%"), ("mean_squared_error", "test mean squared error 0.875")],
)
def test_the_table_has_a_column_for_each_side(metric, expected):
    console = Console(width=100, record=True, color_system=None, file=io.StringIO())
    sides = {"tf": side([2.3, 1.1], (0.1, 0.875)), "torch": side([2.3, 1.1], (0.1, 0.875))}
    console.print(table("Title", metric, sides))
    lines = [" ".join(line.replace("│", " ").replace("┃", " ").split()) for line in console.export_text().splitlines()]
    assert f"{expected} {expected.rsplit(' ', 1)[1]}" in lines
    assert "parameters 61,706 61,706" in lines
    assert "peak memory 3 MiB 3 MiB" in lines
    assert "training loss, last epoch 1.7 1.7" in lines
    assert "samples per second 7 7" in lines
