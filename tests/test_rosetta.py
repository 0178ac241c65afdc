"""The table of names: every text is executed, every name is one, and a row that lies is caught."""

import json
import re
import subprocess
import sys
from dataclasses import replace
from functools import reduce
from importlib import import_module

import pytest

import dualnet.cli
from dualnet.rosetta.check import examine
from dualnet.rosetta.inputs import INPUTS, draw
from dualnet.rosetta.row import EXACT, Row
from dualnet.rosetta.search import UnknownNameError, find
from dualnet.rosetta.table import AREAS

ROWS = [row for rows in AREAS.values() for row in rows]
BY_TITLE = {row.title: row for row in ROWS}


@pytest.mark.parametrize("title", BY_TITLE)
def test_row_holds(frameworks, title):
    assert examine(BY_TITLE[title]).problems == ()


def test_there_are_enough_rows_each_with_a_title_of_its_own():
    assert len(ROWS) == len(BY_TITLE) >= 600


@pytest.mark.parametrize("area", AREAS)
def test_names_are_attributes_of_the_frameworks(frameworks, area):
    roots = {name: import_module(name) for name in ("torch", "torchvision", "keras")}
    roots["tf"] = import_module("tensorflow")
    tensor = roots["tf"].constant(0.0)  # tf.Tensor itself has not what eager ones have
    for row in AREAS[area]:
        for name in row.mentions:
            root, *parts = name.split(".")
            start, parts = (tensor, parts[1:]) if name.startswith("tf.Tensor.") else (roots[root], parts)
            reduce(getattr, parts, start)


@pytest.mark.parametrize("area", AREAS)
def test_a_row_answers_for_names_that_it_uses(area):
    for row in AREAS[area]:
        asked = {row.names} if isinstance(row.names, str) else set(row.names)
        answered = {name for names in row.answers.values() for name in names}
        assert answered, row.title
        assert asked <= answered <= row.mentions, row.title


def test_differences_are_ids():
    assert all(re.fullmatch(r"(D\d{3})?", row.difference) for row in ROWS)


def test_every_input_is_used_and_of_sizes_that_hide_nothing():
    assert {name for row in ROWS for name in row.inputs} == set(INPUTS)
    assert all((draw(name) == draw(name)).all() for name in INPUTS if name != "odd")


STD = BY_TITLE["standard deviation"]
DENSE = BY_TITLE["dense layer"]
LIES = {
    "other values": (replace(STD, torch="torch.std(x, dim=1)"), "values differ"),
    "a second text": (replace(STD, tf=("tf.math.reduce_std(x, axis=1)", "keras.ops.var(x, axis=1)")), "values differ"),
    "another shape": (replace(STD, torch="torch.std(x, dim=1, correction=0, keepdim=True)"), "values differ by inf"),
    "another kind of number": (replace(STD, torch="torch.std(x, dim=1, correction=0).int()"), "values differ by inf"),
    "one value more": (replace(STD, torch="torch.std(x, dim=1, correction=0), x"), "values differ by inf"),
    "not a number": (replace(STD, torch="torch.std(x, dim=1, correction=0) * torch.nan"), "values differ by inf"),
    "another gradient": (
        replace(STD, torch="(z := torch.std(x, dim=1, correction=0)) + z - z.detach()"),
        "gradients differ by 1",
    ),
    "no gradient": (
        replace(
            STD, torch="torch.std(x.detach(), dim=1, correction=0)", tf="tf.stop_gradient(tf.math.reduce_std(x, 1))"
        ),
        "gradients differ by inf",
    ),
    "a name that is none": (replace(STD, torch="torch.standard(x)"), "AttributeError"),
    "rounded to float32": (replace(STD, torch="torch.std(x.float(), dim=1, correction=0).double()"), "values differ"),
    "rounded, exact asked": (Row("exact", tf="x / 3", torch="x * (1 / 3)", within=EXACT, gradients=False), "values"),
    "nothing without": (replace(STD, without="torch.std(x, dim=1, unbiased=False)"), " only"),
    "without that is a mistake": (replace(STD, without="torch.std(x, dim=1, corection=1)"), "TypeError"),
    "weights not turned": (replace(DENSE, weights={"kernel": "weight", "bias": "bias"}), "ValueError"),
    "a weight forgotten": (replace(DENSE, weights={"kernel": "weight.T"}), "ValueError"),
    "a weight changed": (replace(DENSE, weights={"kernel": "weight.T", "bias": "2 * bias"}), "values differ"),
    "a weight without gradient": (
        replace(DENSE, weights={"kernel": "weight.T", "bias": "bias.detach()"}),
        "gradients differ",
    ),
    "the layout of another": (replace(BY_TITLE["global average"], torch="images.mean((1, 2))"), "values differ"),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_row_that_lies_is_caught(frameworks, lie):
    row, expected = LIES[lie]
    problems = examine(row).problems
    assert any(expected in problem for problem in problems), problems


SOUGHT = {
    "torch.nn.Conv2d": "convolution of images",
    "tf.keras.layers.Conv2D": "convolution of images",
    "nn.conv2d": "convolution of images",
    "conv2d": "convolution of images",
    "F.softplus": "softplus",
    "keras.layers.GRU": "GRU",
    "tf.reduce_std": "standard deviation",
    "tf.math.reduce_std": "standard deviation",
    "STD": "standard deviation",
    "standard dev": "standard deviation",
    "reduce_lo": "logarithm of the sum of exponentials",
    "swa_utils.get_ema_multi_avg_fn": "moving average of weights",
}


@pytest.mark.parametrize("name", SOUGHT)
def test_find(name):
    found, near = find(name)
    assert SOUGHT[name] in [row.title for row in found[:4]]
    assert not set(found) & set(near)


def test_an_exact_name_comes_without_those_that_contain_it():
    found, near = find("torch.add")
    assert [row.title for row in found] == ["sum of two"]
    assert "sum, plus a product" in [row.title for row in near]


def test_an_unknown_name_names_the_nearest():
    with pytest.raises(UnknownNameError, match=r"'torch.nn.Conv2x': did you mean .*conv2d"):
        find("torch.nn.Conv2x")
    with pytest.raises(UnknownNameError, match="lists its areas"):
        find("qqqqqq")


@pytest.fixture
def run(monkeypatch, capsys):
    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["dualnet", "rosetta", *arguments])
        monkeypatch.setenv("COLUMNS", "160")
        with pytest.raises(SystemExit) as ended:
            dualnet.cli.main()
        return ended.value.code or 0, *capsys.readouterr()

    return run


def test_the_command_shows_both_texts_and_what_must_be_set(run):
    code, out, _ = run("torch.std")
    assert code == 0
    lines = [line.split() for line in out.splitlines()]
    assert ["TensorFlow", "PyTorch"] in lines
    assert ["tf.math.reduce_std(x,", "axis=1)", "torch.std(x,", "dim=1,", "correction=0)"] in lines
    assert ["note", "correction=0:", "PyTorch", "divides", "by", "n", "-", "1"] in lines
    assert ["not", "equal", "torch.std(x,", "dim=1)"] in lines


def test_brackets_in_a_note_are_no_markup(run, monkeypatch):
    monkeypatch.setattr(dualnet.cli, "find", lambda name: ([replace(STD, note="x[bold]", title="y[red]")], []))
    _, out, _ = run("torch.std")
    assert "x[bold]" in out
    assert "y[red]" in out


def test_the_command_without_a_name_lists_the_areas(run):
    code, out, _ = run()
    assert code == 0
    assert out.split()[-2:] == ["all", str(len(ROWS))]
    assert all(area in out for area in AREAS)


def test_an_unknown_name_is_one_line_and_exit_code_two(run):
    code, out, err = run("torch.nn.Conv2x")
    assert (code, out, err.count("\n")) == (2, "", 1)


def test_json(run):
    code, out, _ = run("keras.layers.Dense", "--json")
    first = json.loads(out)[0]
    assert code == 0
    assert first["names"] == {"tf": ["keras.layers.Dense"], "torch": ["torch.nn.Linear"]}
    assert first["weights"] == {"kernel": "weight.T", "bias": "bias"}
    assert first["inputs"] == {"x": {"about": "5 x 7 numbers", "axes": ""}}


def test_the_command_checks_rows(both, run, monkeypatch):
    code, out, _ = run("torch.std", "--check")
    assert code == 0
    assert out.split()[-5:-2] == ["1e-11", "1", "1"]
    monkeypatch.setattr(dualnet.cli, "find", lambda name: ([LIES["another shape"][0]], []))
    code, out, _ = run("torch.std", "--check")
    assert code == 1
    assert "standard deviation: values differ by inf" in out
    code, out, _ = run("torch.std", "--check", "--json")
    assert code == 1
    (found,) = json.loads(out)
    assert found["values"] is None
    assert "values differ by inf" in found["problems"]


def test_the_answer_imports_no_framework():
    script = (
        "import sys; from dualnet.cli import main; sys.argv = ['dualnet', 'rosetta', 'torch.std']\n"
        "try: main()\nexcept SystemExit: pass\n"
        "print({'torch', 'tensorflow', 'keras', 'torchvision'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "set()"
