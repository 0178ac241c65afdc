"""Walks the folders and imports a twin on request: the folder is the registry.

``concepts/<chapter>/<concept>.py`` declares a concept; ``tf/`` and ``torch/`` hold its twins under the same path.
Listing needs no framework; only `build`, `twin` and `load` import one.
"""

import difflib
from functools import cache
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from dualnet.interface import BACKENDS, Backend, BackendName, Concept, ConceptError, ConfigError

__all__ = ["CHAPTERS", "build", "concept", "concepts", "load", "source", "twin"]

CHAPTERS = (
    "foundations", "linear", "perceptrons", "computation", "building_blocks", "convnets", "modern_convnets",
    "autoencoders", "gans", "sequences", "attention", "optimization", "vision", "metric_and_ordinal", "data_pipelines",
    "performance", "signals", "adversarial",
)  # fmt: skip
"""The chapters in the order in which one learns them."""

ROOT = Path(__file__).parent


@cache
def _paths() -> dict[str, Path]:
    """From concept id to its path below each of the three folders; refuses a missing twin or a repeated name."""
    found: dict[str, Path] = {}
    folders = {folder: _files(ROOT / folder) for folder in ("concepts", *BACKENDS)}
    for path in sorted(set().union(*folders.values()), key=_teaching_order):
        if missing := [folder for folder, files in folders.items() if path not in files]:
            present = next(folder for folder, files in folders.items() if path in files)
            raise ConceptError(
                f"{ROOT / present / path} has no twin: expected {ROOT / missing[0] / path}. "
                f"A concept is three files of the same name in concepts/, tf/ and torch/"
            )
        if path.stem in found:
            raise ConceptError(
                f"two concepts are named {path.stem!r}: {ROOT / 'concepts' / found[path.stem]} and "
                f"{ROOT / 'concepts' / path}. Rename one: the file name is the whole key"
            )
        found[path.stem] = path
    return found


def _files(folder: Path) -> set[Path]:
    return {path.relative_to(folder) for path in folder.glob("*/*.py") if not path.name.startswith("_")}


def _teaching_order(path: Path) -> tuple[int, str]:
    chapter = path.parts[0]
    if chapter not in CHAPTERS:
        raise ConceptError(f"{path}: {chapter!r} is no chapter: expected one of {', '.join(CHAPTERS)}")
    return CHAPTERS.index(chapter), path.stem


def concepts() -> tuple[Concept, ...]:
    """All concepts, in the order of the chapters."""
    return tuple(map(concept, _paths()))


@cache
def concept(id: str) -> Concept:
    """One concept by its id.

    Raises:
        ConceptError: there is none of this id; the message names the closest ones.
    """
    if id not in _paths():
        close = difflib.get_close_matches(str(id), _paths(), n=3, cutoff=0.4)
        hint = f"did you mean {' or '.join(close)}?" if close else "`dualnet list` names them all"
        raise ConceptError(f"there is no concept {id!r}: {hint}")
    declared = _import("concepts", id).CONCEPT
    if not isinstance(declared, Concept):
        raise ConceptError(f"{source(id, 'concepts')}: CONCEPT is a {type(declared).__name__}, expected a Concept")
    return declared


def source(id: str, folder: str) -> Path:
    """The file of a concept in ``concepts``, ``tf`` or ``torch``."""
    return ROOT / folder / _paths()[concept(id).id if folder != "concepts" else id]


def twin(id: str, backend: BackendName) -> ModuleType:
    """The module of one side of a concept; imports that side's framework.

    Raises:
        ConceptError: no such concept.
        ConfigError: no such backend.
        MissingFrameworkError: the framework is not installed.
    """
    _check_backend(backend)
    return _import(backend, concept(id).id)


def build(id: str, backend: BackendName, *, variant: str | None = None, **config: Any) -> Any:
    """A native float32 model: a ``torch.nn.Module`` or a ``keras.Model``.

    Args:
        id: the concept.
        backend: ``"tf"`` or ``"torch"``.
        variant: a named form of the concept; the first one by default.
        config: any of the concept's settings, over the variant's.

    Raises:
        ConceptError: no such concept or variant, or the concept is no model.
        ConfigError: no such backend or setting.
        MissingFrameworkError: the framework is not installed.
    """
    _check_backend(backend)
    declared = concept(id)
    if declared.kind != "model":
        raise ConceptError(
            f"concept {id!r} is of kind {declared.kind!r} and builds no model: "
            f"use its functions, dualnet.twin({id!r}, {backend!r})"
        )
    declared.settings(variant, config)  # a wrong setting is told before a framework is imported
    return declared.build(twin(id, backend), variant, config)


def load(name: BackendName) -> Backend:
    """The backend of this name: one framework behind the `Backend` protocol.

    Raises:
        ConfigError: no such backend.
        MissingFrameworkError: the framework is not installed.
    """
    _check_backend(name)
    backend: Backend = import_module(f"dualnet.{name}._backend").BACKEND
    return backend


def _check_backend(name: str) -> None:
    if name not in BACKENDS:
        raise ConfigError(f"there is no backend {name!r}: choose one of {', '.join(map(repr, BACKENDS))}")


def _import(folder: str, id: str) -> ModuleType:
    return import_module(".".join(("dualnet", folder, *_paths()[id].with_suffix("").parts)))
