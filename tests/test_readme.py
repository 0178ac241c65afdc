"""What the README says is so."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()

spec = importlib.util.spec_from_file_location("readme_tables", ROOT / "tests" / "readme_tables.py")
tables = importlib.util.module_from_spec(spec)
spec.loader.exec_module(tables)


def test_it_is_short():
    assert len(README.splitlines()) <= 150


def test_the_concept_table_is_current():
    assert tables.section(README, "concepts") == tables.concept_table()


def test_the_parity_table_is_current(both):
    """Names and counts as they are; figures within a factor of 30, as rounding depends on the machine."""
    shown = [re.findall(r"[^|\s`]+", row) for row in tables.section(README, "parity").splitlines()[2:]]
    found = list(tables.parity_rows(tables.reports()))
    assert [(name, int(count)) for name, count, *_ in shown] == [(name, count) for name, count, *_ in found]
    for (name, _, double, single, _), (_, _, double_now, single_now, _) in zip(shown, found, strict=True):
        assert double_now <= max(30 * float(double), 1e-15), name
        assert single_now <= max(30 * float(single), 1e-6), name


def test_the_example_prints_what_it_says(both, capsys):
    code = re.search(r"```python\n(.*?)```", README, re.DOTALL).group(1)
    exec(compile(code, "README.md", "exec"), {})
    expected = [line.partition("# ")[2] for line in code.splitlines() if "print(" in line]
    assert capsys.readouterr().out.splitlines() == expected


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
