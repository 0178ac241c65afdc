"""What the README says is so."""

import importlib.util
import re
import subprocess
import sys
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()

spec = importlib.util.spec_from_file_location("readme_tables", ROOT / "tests" / "readme_tables.py")
tables = importlib.util.module_from_spec(spec)
spec.loader.exec_module(tables)


def test_it_is_short():
    assert len(README.splitlines()) <= 150


def test_the_table_names_every_concept():
    assert [row[:3] for row in tables.cells(README, "concepts")] == list(tables.names())


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_the_figures_are_current(both):
    """Within a factor of 30, as rounding depends on the machine."""
    rows = tables.cells(README, "concepts")
    for (chapter, _, _, error, part), (error_now, part_now) in zip(rows, tables.figures(), strict=True):
        assert error_now <= max(30 * float(error), 1e-15), chapter
        assert float(part) <= 1, chapter
        assert part_now <= 1, chapter


@pytest.mark.slow
def test_the_score_of_sabotage_is_current(both):
    assert tables.cells(README, "sabotage") == list(tables.sabotage.rows(list(tables.mutate.outcomes())))


def test_the_example_prints_what_it_says(both, capsys):
    code = re.search(r"```python\n(.*?)```", README, re.DOTALL).group(1)
    exec(compile(code, "README.md", "exec"), {})
    expected = [line.partition("# ")[2] for line in code.splitlines() if "print(" in line]
    assert capsys.readouterr().out.splitlines() == expected


def test_the_example_with_models_of_ones_own_runs(both, tmp_path, monkeypatch):
    import keras
    from torch import nn

    monkeypatch.chdir(tmp_path)
    torch_model = nn.Sequential(OrderedDict(stem=nn.Sequential(OrderedDict(conv=nn.Conv2d(3, 5, 2)))))
    keras_model = keras.Sequential([keras.Input((7, 6, 3)), keras.layers.Conv2D(5, 2, name="conv2d")])
    images = np.random.default_rng(0).normal(size=(2, 3, 7, 6))
    code = re.findall(r"```python\n(.*?)```", README, re.DOTALL)[1]
    names = {"torch_model": torch_model, "keras_model": keras_model, "images": images}
    exec(compile(code, "README.md", "exec"), names)
    assert names["report"].passed
    assert (tmp_path / "report.html").is_file()


@pytest.mark.parametrize("target", ["demo", "test"])
def test_the_two_commands_exist(target):
    assert f"make {target}" in README
    subprocess.run(["make", "-n", target], cwd=ROOT, check=True, capture_output=True)


def test_every_dualnet_command_in_it_exists():
    for command in set(re.findall(r"^dualnet (\w+)", README, re.MULTILINE)):
        done = subprocess.run([sys.executable, "-m", "dualnet.cli", command, "--help"], capture_output=True, cwd=ROOT)
        assert done.returncode == 0, command


def test_links_lead_somewhere():
    for target in re.findall(r"\]\((?!http)([^)#]+)\)", README):
        assert (ROOT / target).exists(), target
