"""The catalogue of differences: each declared one is shown by code that is executed, and both sides come apart."""

import json
from collections import Counter

import numpy as np
import pytest

import dualnet.cli
from dualnet.interface import Demo, Difference
from dualnet.rosetta.demonstration import UnknownDifferenceError, declared, demonstrations, effects, matching, measure

TOLD = declared()
SAME = 1e-14
"""What differs by less than this does not differ."""


@pytest.mark.parametrize("id", TOLD)
def test_every_demonstration_shows_its_difference(frameworks, id):
    rows = demonstrations(id, TOLD[id])
    assert rows, "no text of the rosetta table shows it: its declaration needs a `demo`"
    for row in rows:
        assert measure(row).apart > SAME, (row.tf, row.torch)


def shown(tf, torch):
    """What a demonstration of one's own gives."""
    difference = Difference("X-own", "a difference", tf="", torch="", ours="", demo=Demo(tf=tf, torch=torch))
    ((id, ((row, effect),)),) = effects({"X-own": [difference]})
    assert (id, row.title) == ("X-own", "a difference")
    return effect


@pytest.mark.parametrize(
    ("tf", "torch", "apart"),
    [
        ("tf.constant([1.0, 2.0])", "torch.tensor([1.0, 2.0])", 0.0),
        ("tf.constant([1.0, 2.0])", "torch.tensor([1.0, 1.5])", 0.25),
        ("tf.zeros((2, 3))", "torch.zeros(3, 2)", np.inf),
        ("True", "False", np.inf),
        ("'same'", "'same'", 0.0),
        ("'one'", "'other'", np.inf),
        ("tf.reshape(x, (-1, 4))", "x", np.inf),
        ("x, 1", "x", np.inf),
    ],
)
def test_values_come_apart_by_so_much(both, tf, torch, apart):
    assert shown(tf, torch).values == apart


def test_gradients_count_where_values_are_equal(both):
    effect = shown("x + (x - tf.stop_gradient(x))", "x")
    assert (effect.values, effect.gradients) == (0.0, 0.5)
    assert effect.apart == 0.5
    assert str(effect) == "values differ by 0, gradients by 0.5"


def test_an_error_on_one_side_is_told_and_not_comparable(both):
    effect = shown("tf.reshape(x, (3, 3))", "x[:3, :3]")
    assert effect.tf == "raises InvalidArgumentError"
    assert effect.torch.startswith("3 x 3 numbers: ")
    assert str(effect) == "not comparable"


@pytest.mark.parametrize("text", ["tf.no_such_function(x)", "y_not_there", "x +"])
def test_a_wrong_text_is_no_difference(both, text):
    with pytest.raises((AttributeError, NameError, SyntaxError)):
        shown(text, "x")


def test_a_difference_is_found_by_its_id_or_by_words():
    assert matching("d030", TOLD) == ["D030"]
    assert "D030" in matching("epsilon normalization", TOLD)
    with pytest.raises(UnknownDifferenceError, match="D03"):
        matching("D03x", TOLD)


def run(capsys, *arguments):
    try:
        dualnet.cli.app(arguments, standalone_mode=False)
    except SystemExit as ended:
        assert not ended.code
    return capsys.readouterr().out


def test_the_command_executes_what_it_shows(both, capsys):
    (found,) = json.loads(run(capsys, "differences", "D189", "--json"))
    assert found["id"] == "D189"
    assert found["said"][0]["what"] == "slope of leaky ReLU"
    assert all(one["apart"] > 0 for one in found["demonstrations"])
    out = run(capsys, "differences", "D189")
    assert "LeakyReLU" in out
    assert "values differ by" in out


def test_the_command_lists_every_difference(capsys):
    listed = Counter(line.split()[0] for line in run(capsys, "differences").splitlines() if line[:1] in "DX")
    assert listed == dict.fromkeys(TOLD, 1)
