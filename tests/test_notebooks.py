"""The notebooks: there is one for every concept, they show what the library has, and they run top to bottom."""

import ast
import re
import textwrap

import nbformat
import pytest

from dualnet import catalogue
from dualnet.notebook import Lesson
from dualnet.show import FIGURES
from tests import notebooks

CONCEPTS = {concept.id: concept for concept in catalogue.concepts()}
FAST = ("edge_kernel_learning", "lenet")
"""Executed in every run: a study and a training."""
HAN = re.compile(r"[\u4e00-\u9fff]")
BLOCK = re.compile(r"^ *```python\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
SIZE = 400_000
"""Bytes that a notebook may have with what it shows."""
LINES = 5
"""Of a cell of code: what is longer belongs into the library."""


def kept(id):
    """The notebook in the checkout."""
    return nbformat.read(notebooks.path(CONCEPTS[id]), as_version=4)


def code(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def outputs(notebook, kind):
    """What its cells gave of one kind."""
    return [one.data[kind] for cell in code(notebook) for one in cell.outputs if kind in one.get("data", {})]


def healthy(notebook):
    """Nothing failed, and nothing was complained about."""
    return all(one.output_type in ("display_data", "execute_result") for cell in code(notebook) for one in cell.outputs)


def test_every_concept_has_a_notebook_and_there_are_no_others():
    assert {file.stem for file in (notebooks.ROOT / "notebooks").rglob("*.ipynb")} == set(CONCEPTS)


@pytest.mark.parametrize("id", CONCEPTS)
def test_a_notebook_is_complete(id):
    notebook = kept(id)
    nbformat.validate(notebook)
    assert [cell.id for cell in notebook.cells if cell.cell_type == "markdown"] == list(notebooks.SECTIONS)
    assert notebook.cells[0].source.startswith(f"# {CONCEPTS[id].title}\n")
    assert "$$" in notebook.cells[0].source
    assert HAN.search(notebook.cells[0].source)
    assert len(notebooks.exercises(notebook)) in (2, 3)
    for cell in code(notebook):
        ast.parse(cell.source)
        assert len(cell.source.splitlines()) <= LINES


@pytest.mark.parametrize("id", CONCEPTS)
def test_a_notebook_shows_what_it_is_to_show(id):
    notebook = kept(id)
    assert [cell.execution_count for cell in code(notebook)] == list(range(1, len(code(notebook)) + 1))
    assert healthy(notebook)
    assert len(nbformat.writes(notebook)) < SIZE
    shown = "\n".join(outputs(notebook, "text/markdown"))
    for one in CONCEPTS[id].differences:
        assert re.search(rf"\*\*{one.id}\*\* {re.escape(one.what)} .* \| (values differ by|not comparable)", shown), (
            one.id
        )
    assert not re.search(r"/(home|root|tmp|work|usr|Users)/", shown)
    assert not CONCEPTS[id].variants or outputs(notebook, "image/png")
    (figures,) = outputs(notebook, FIGURES)
    assert set(figures) <= {*CONCEPTS[id].variants, ""}
    assert all(0 <= one["float64"] <= 1e-10 and one["compared"] > 0 for one in figures.values())


@pytest.mark.parametrize("id", CONCEPTS)
def test_the_sources_shown_are_the_sources(id):
    shown, lesson = outputs(kept(id), "text/markdown"), Lesson(id)
    for current in (lesson.twin("tf"), lesson.twin("torch"), lesson.diff()):
        assert current.markdown in shown, f"make notebooks NAMES={id}"


@pytest.mark.timeout(600)
@pytest.mark.parametrize("id", [id if id in FAST else pytest.param(id, marks=pytest.mark.slow) for id in CONCEPTS])
def test_a_notebook_runs_top_to_bottom(id, tmp_path):
    notebook = notebooks.executed(kept(id), tmp_path)
    assert healthy(notebook)
    assert outputs(notebook, FIGURES)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize("id", CONCEPTS)
def test_the_code_of_the_exercises_runs(id, both):
    for block in BLOCK.findall(kept(id).cells[-1].source):
        exec(compile(textwrap.dedent(block), id, "exec"), {})


def test_a_notebook_that_is_begun_has_all_its_parts():
    begun = notebooks.begun(CONCEPTS["lenet"])
    nbformat.validate(begun)
    assert [cell.source for cell in code(begun)] == [
        'from dualnet.notebook import Lesson\n\nlesson = Lesson("lenet")',
        'lesson.twin("tf")',
        'lesson.twin("torch")',
        "lesson.diff()",
        "lesson.parity()",
        "lesson.compare()",
        "lesson.differences()",
        'lesson.demonstrate("D019")',
    ]
    assert CONCEPTS["lenet"].sources[0] in notebooks.prose(begun)
