"""What the notebooks show of a concept: its twins, their parity, both sides at work, where the frameworks differ."""

import difflib
import io
import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, redirect_stderr
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image
from rich.console import Console

from dualnet import catalogue
from dualnet.interface import BACKENDS, BackendName, Concept, Config, Difference, choose
from dualnet.process import prepare
from dualnet.show import FIGURES
from dualnet.training.compare import run_jobs
from dualnet.training.job import Job
from dualnet.training.results import TITLES
from dualnet.training.study import run_study

if TYPE_CHECKING:
    from dualnet.rosetta.demonstration import Effect
    from dualnet.rosetta.row import Row

__all__ = ["Lesson", "Shown"]

COLOURS = 64
"""Of a picture: these are kept beside the text, and small."""


@dataclass(frozen=True)
class Shown:
    """Something to see in a notebook: Markdown or a picture, and perhaps figures for programs."""

    markdown: str = ""
    png: bytes = b""
    figures: dict[str, Any] = field(default_factory=dict)

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, Any]:
        bundle = {"text/plain": self.markdown or "a picture", "text/markdown": self.markdown, "image/png": self.png}
        return {kind: value for kind, value in bundle.items() if value} | (
            {FIGURES: self.figures} if self.figures else {}
        )


class Lesson:
    """A concept in a notebook.

    Args:
        id: the concept's.

    Raises:
        ConceptError: there is no such concept; the message names the nearest ids.
    """

    def __init__(self, id: str) -> None:
        self.concept: Concept = catalogue.concept(id)

    def twin(self, backend: BackendName) -> Shown:
        """One side's source, as the library has it."""
        return Shown(f"```python\n{self._source(backend)}```")

    def diff(self) -> Shown:
        """The lines in which the PyTorch twin (+) is not as the TensorFlow twin (-)."""
        left, right = self._source("tf").splitlines(), self._source("torch").splitlines()
        lines = difflib.unified_diff(left, right, TITLES["tf"], TITLES["torch"], n=1, lineterm="")
        return Shown("```diff\n" + "\n".join(lines) + "\n```")

    def parity(self, *variants: str) -> Shown:
        """Both sides compared: outputs, gradients, buffers and training steps of models, every case of functions.

        Args:
            variants: a model's; all of them if none is named.

        Raises:
            ConceptError: there is no such variant.
            ParityError: they differ.
        """
        from parity import suite  # only here: dualnet does without the engine

        chosen = variants or tuple(self.concept.variants) or (None,)
        with _frameworks():
            reports = {name: suite.report(self.concept.id, name) for name in chosen}
        rows, figures = [], {}
        for name, report in reports.items():
            report.raise_if_failed()
            double, single = report.smallest_passing_limit, report.worst("float32/")
            share = single.error / single.limit if single and single.limit else 0.0
            rows.append((name or self.concept.id, str(report.compared), f"{double:.1e}", f"{share:.2f}"))
            figures[name or ""] = {"compared": report.compared, "float64": double, "float32": share}
        head = ("", "quantities that agree", "float64: worst error (limit 1e-11)", "float32: worst error / limit")
        return Shown(_table(head, rows), figures=figures)

    def compare(self, variant: str | None = None, *, settings: Config | None = None, **wishes: Any) -> None:
        """Both sides at work on the same numbers: models train, of others there is to see what the study draws.

        Args:
            variant: a model's; the default one if None.
            settings: over the variant's.
            wishes: over its recipe: `epochs`, `steps`, `data` and other values of a `Job` by name.
        """
        with tempfile.TemporaryDirectory() as folder:
            for shown in self._compared(Path(folder), variant, settings or {}, wishes):
                _display(shown)

    def differences(self) -> Shown:
        """The differences that the concept declares, each with what its demonstration measures here."""
        rows = [
            (f"**{one.id}** {one.what}", one.tf, one.torch, one.ours, str(self._measured(one)[0][1]))
            for one in self.concept.differences
        ]
        return Shown(_table(("", "TensorFlow", "PyTorch", "the twins", "measured"), rows))

    def demonstrate(self, id: str) -> Shown:
        """One difference in full: the code of both sides, and what it gives.

        Args:
            id: of a difference that the concept declares.
        """
        parts = []
        for row, effect in self._measured(choose({one.id: one for one in self.concept.differences}, id, "difference")):
            gave: dict[BackendName, str] = {"tf": effect.tf, "torch": effect.torch}
            for backend, value in gave.items():
                text = row.texts(backend)[0]
                said = value if value.startswith("raises ") else f"gives `{value}`"
                parts.append(f"{TITLES[backend]}:\n\n```python\n{text}\n```\n\n{said}")
            parts.append(f"**{effect}**")
        return Shown("\n\n".join(parts))

    def _source(self, backend: BackendName) -> str:
        return catalogue.source(self.concept.id, backend).read_text()

    def _measured(self, difference: Difference) -> "list[tuple[Row, Effect]]":
        """The demonstrations of a difference, executed: its own, or another declaration's where it has none."""
        from dualnet.rosetta.demonstration import declared, effects  # only here: it knows every concept

        told = [difference] if difference.demo else declared()[difference.id]
        with _frameworks():
            ((_, found),) = effects({difference.id: told})
        return found

    def _compared(self, folder: Path, variant: str | None, settings: Config, wishes: dict[str, Any]) -> Iterable[Shown]:
        quiet = Console(quiet=True)
        if self.concept.variants:
            recipe = self.concept.variant(variant).recipe
            job = Job.planned(self.concept, variant, recipe, settings, shared_noise=True, **wishes)
            result, _ = run_jobs([replace(job, backend=backend) for backend in BACKENDS], folder, quiet, parity=False)
            yield _curves(result)
        else:
            job = Job(backend="tf", concept=self.concept.id, variant="", config={}, data=self.concept.data)
            result, _ = run_study([replace(job, backend=backend) for backend in BACKENDS], folder, quiet)
            yield _exhibits(result)
        for name in ("curves.png", "exhibits.png"):
            if (picture := folder / name).is_file():
                yield Shown(png=_small(picture))


@contextmanager
def _frameworks() -> Iterator[None]:
    """Both are imported, and what they say of the machine and of themselves is not shown; errors are.

    TensorFlow's native code writes past Python, so that the file itself is turned away.
    """
    prepare("torch")  # before TensorFlow
    prepare("tf")
    standard_error = os.dup(2)
    with Path(os.devnull).open("w") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        import tensorflow as tf

        tf.get_logger().setLevel("ERROR")
        with redirect_stderr(io.StringIO()):
            yield
    finally:
        os.dup2(standard_error, 2)
        os.close(standard_error)


def _curves(result: dict[str, Any]) -> Shown:
    """What a training ended with."""
    epochs = {backend: side["history"]["epochs"][-1] for backend, side in result["sides"].items()}
    rows = [
        ("steps", *(str(len(side["history"]["losses"])) for side in result["sides"].values())),
        ("training loss, last epoch", *(f"{epoch['loss']:.6g}" for epoch in epochs.values())),
        (f"test {result['metric'].replace('_', ' ')}", *(f"{epoch['metric']:.6g}" for epoch in epochs.values())),
    ]
    gap = result["divergence"]
    where = "nowhere" if gap["first_step"] is None else f"first at step {gap['first_step']}"
    apart = f"Largest relative difference of the two losses: {gap['largest']:.1e}; above 1e-5 {where}."
    return Shown(f"{_table(('', *(TITLES[backend] for backend in epochs)), rows)}\n\n{apart}")


def _exhibits(result: dict[str, Any]) -> Shown:
    """How far both sides are apart in what is drawn."""
    report = result["parity"]
    if not result["exhibits"]:
        worst = report["smallest_passing_limit"]
        return Shown(f"{report['compared']} quantities compared; largest float64 difference {worst:.1e}.")
    rows = [
        (f"{exhibit['title']}: {name}", "not comparable" if gap is None else f"{gap:.1e}")
        for exhibit in result["exhibits"]
        for name, gap in exhibit["largest_difference"].items()
    ]
    return Shown(_table(("", "largest difference of both sides, relative"), rows))


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """A table in Markdown."""
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)


def _small(path: Path) -> bytes:
    """A picture with few colours, chosen by where they lie, not by how many pixels have them: lines are thin."""
    with Image.open(path) as picture, io.BytesIO() as file:
        few = picture.convert("RGB").quantize(COLOURS, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
        few.save(file, "PNG", optimize=True)
        return file.getvalue()


def _display(shown: Shown) -> None:
    from IPython.display import display  # only here: there is one wherever there are notebooks

    display(shown)
