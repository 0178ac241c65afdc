"""The notebooks: ``python -m tests.notebooks [CONCEPT...]`` executes them in place; one that is missing is begun."""

import re
import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from dualnet import catalogue

ROOT = Path(__file__).parent.parent
SECTIONS = {
    "idea": "",
    "twins": "The twins",
    "parity": "Proved equal",
    "training": "Side by side",
    "differences": "Where the frameworks differ",
    "exercises": "Exercises",
}
"""The parts of a notebook, each with its heading."""
SECONDS = 300
"""A cell that takes longer is broken."""
KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}


def path(concept):
    """Where the notebook of a concept is."""
    return ROOT / "notebooks" / concept.chapter / f"{concept.id}.ipynb"


def begun(concept, prose=None, *, variants=(), compare="", demonstrate=None):
    """A notebook that is not executed yet.

    Args:
        concept: what it is about.
        prose: the Markdown of each section, by its name; what is still to be written if there is none.
        variants: whose parity is checked; all if there is none.
        compare: the arguments of `Lesson.compare`, as code.
        demonstrate: the id of the difference that is shown in full; the first one if None.
    """
    prose = prose or {"idea": f"{concept.summary}\n\n" + "\n".join(f"- {source}" for source in concept.sources)}
    declared = [one.id for one in concept.differences]
    code = {
        "twins": ['lesson.twin("tf")', 'lesson.twin("torch")', "lesson.diff()"],
        "parity": [f"lesson.parity({', '.join(map(quoted, variants))})"],
        "training": [f"lesson.compare({compare})"],
        "differences": declared
        and ["lesson.differences()", f"lesson.demonstrate({quoted(demonstrate or declared[0])})"],
    }
    opening = f'from dualnet.notebook import Lesson\n\nlesson = Lesson("{concept.id}")'
    cells = []
    for name, heading in SECTIONS.items():
        title = f"## {heading}" if heading else f"# {concept.title}"
        cells.append(new_markdown_cell(f"{title}\n\n{prose.get(name, '')}".strip(), id=name))
        lines = [opening] if name == "idea" else code.get(name, [])
        cells += [new_code_cell(line, id=f"{name}-{number}") for number, line in enumerate(lines, 1)]
    return new_notebook(cells=cells, metadata={"kernelspec": KERNEL, "language_info": {"name": "python"}})


def quoted(text):
    """A string as code."""
    return f'"{text}"'


def executed(notebook, folder):
    """The notebook with what its cells give, run top to bottom in a folder; no word about when or where.

    Raises:
        nbclient.exceptions.CellExecutionError: a cell failed.
    """
    client = NotebookClient(notebook, timeout=SECONDS, resources={"metadata": {"path": str(folder)}})
    client.execute()
    for cell in notebook.cells:
        cell.metadata = {}
    notebook.metadata = {"kernelspec": KERNEL, "language_info": {"name": "python"}}
    return notebook


def write(concept):
    """Execute the notebook of a concept, and keep what its cells give."""
    file = path(concept)
    notebook = nbformat.read(file, as_version=4) if file.is_file() else begun(concept)
    file.parent.mkdir(parents=True, exist_ok=True)
    save(executed(notebook, file.parent), file)


def save(notebook, file):
    """Write it as Jupyter does."""
    nbformat.validate(notebook)
    nbformat.write(notebook, file)


def prose(notebook):
    """All its Markdown."""
    return "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")


def exercises(notebook):
    """The numbers of its exercises."""
    (text,) = (cell.source for cell in notebook.cells if cell.id == "exercises")
    return [int(number) for number in re.findall(r"^(\d+)\. ", text, re.MULTILINE)]


if __name__ == "__main__":
    for id in sys.argv[1:] or [concept.id for concept in catalogue.concepts()]:
        write(catalogue.concept(id))
        print(id, flush=True)
