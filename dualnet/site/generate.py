"""The generated pages, as Markdown by their paths."""

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from markupsafe import Markup, escape

from dualnet import catalogue
from dualnet.interface import BACKENDS, Concept, Difference, Optimizer, Recipe
from dualnet.page import cells, code, render
from dualnet.rosetta.row import Row
from dualnet.rosetta.table import AREAS
from dualnet.rosetta.view import equality, record
from dualnet.show import align
from dualnet.site.figures import Figure, figures
from dualnet.site.notebooks import Notebook, read

__all__ = ["concept_pages", "differences", "home", "modules", "navigation", "pictures", "reference", "rosetta"]

TEMPLATES = "site/templates"


def home(concepts: Sequence[Concept], root: Path) -> str:
    """The first page: what this is, and every concept with its figures."""
    return _page("index", chapters=_chapters(concepts), figures=_figures(concepts, root))


def concept_pages(concepts: Sequence[Concept], root: Path) -> dict[str, str]:
    """A page for each concept.

    Args:
        concepts: the concepts.
        root: the checkout, with the README and notebooks.
    """
    found = _figures(concepts, root)
    return {f"concepts/{one.id}.md": _concept(one, found.get(one.id), read(one, root)) for one in concepts}


def pictures(concepts: Iterable[Concept], root: Path) -> dict[str, bytes]:
    """What the notebooks drew, by the paths that the concepts' pages name."""
    notebooks = {concept.id: read(concept, root) for concept in concepts}
    return {
        f"concepts/{_picture(id, number)}": picture
        for id, notebook in notebooks.items()
        if notebook
        for number, picture in enumerate(notebook.pictures)
    }


def differences(concepts: Iterable[Concept]) -> str:
    """Every difference that a concept declares, with what its demonstrations give here.

    By id, as several concepts meet the same one each in its own words.
    """
    from dualnet.rosetta.demonstration import effects  # only here: it executes them in both frameworks

    found: dict[str, dict[Difference, list[Concept]]] = {}
    for concept in concepts:
        for difference in concept.differences:
            found.setdefault(difference.id, {}).setdefault(difference, []).append(concept)
    measured = dict(effects({id: [*found[id]] for id in sorted(found)}))
    return _page("differences", differences=dict(sorted(found.items())), measured=measured)


def rosetta(areas: Mapping[str, Sequence[Row]] = AREAS) -> str:
    """The table of names: each row with both texts, and what makes them equal."""
    return _page(
        "rosetta",
        areas={area: [{**record(row), "equality": equality(row)} for row in rows] for area, rows in areas.items()},
    )


def modules(root: Path) -> list[str]:
    """The public modules; concepts and their twins have pages with their sources, and are left out."""
    names = {
        ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")
        for package in ("dualnet", "parity")
        for path in (root / package).rglob("*.py")
    }
    hidden = re.compile(rf"(^|\.)_|^dualnet\.(({'|'.join(BACKENDS)}|concepts)\.|site\b|rosetta\.table\.)")
    return sorted(name for name in names if not hidden.search(name))


def reference(module: str) -> str:
    """The page of a module, by its docstrings."""
    return f"# {module}\n\n::: {module}\n"


def navigation(concepts: Iterable[Concept], guide: list[Any], pages: Iterable[str]) -> list[Any]:
    """The navigation as in mkdocs.yml.

    Args:
        concepts: with a page each.
        guide: what mkdocs.yml says of the pages written by hand.
        pages: the paths of the modules' pages.
    """
    chapters = [{_title(name): [f"concepts/{c.id}.md" for c in some]} for name, some in _chapters(concepts).items()]
    packages = {name: list(some) for name, some in groupby(pages, key=lambda path: Path(path).name.partition(".")[0])}
    return [
        {"Concepts": ["index.md", *chapters]},
        {"Differences": "differences.md"},
        {"Names": "rosetta.md"},
        *guide,
        {"Reference": [{name: [{Path(path).stem: path} for path in some]} for name, some in packages.items()]},
    ]


def _figures(concepts: Iterable[Concept], root: Path) -> dict[str, Figure]:
    """The figures by the id of a concept: those of its notebook, else what no concept of its chapter exceeds."""
    of_chapters = figures((root / "README.md").read_text())
    own = {concept.id: notebook.figure for concept in concepts if (notebook := read(concept, root))}
    return of_chapters | {id: figure for id, figure in own.items() if figure}


def _picture(id: str, number: int) -> str:
    return f"{id}-{number}.png"


def _concept(concept: Concept, figure: Figure | None, notebook: Notebook | None) -> str:
    left, right = (catalogue.source(concept.id, backend).read_text() for backend in ("tf", "torch"))
    rows = align(left, right)
    return _page(
        "concept",
        concept=concept,
        figure=figure,
        notebook=notebook,
        pictures=[_picture(concept.id, number) for number in range(len(notebook.pictures))] if notebook else [],
        rows=cells(rows),
        same=sum(row.same for row in rows),
    )


def _page(template: str, **values: Any) -> str:
    return render(
        f"{TEMPLATES}/{template}.md.jinja",
        **values,
        code=lambda text: Markup(code(text)),
        recipe=_recipe,
        slug=_slug,
        text=_text,
        title=_title,
    )


def _chapters(concepts: Iterable[Concept]) -> dict[str, list[Concept]]:
    return {chapter: list(some) for chapter, some in groupby(concepts, key=lambda concept: concept.chapter)}


def _title(chapter: str) -> str:
    return chapter.replace("_", " ").capitalize()


def _text(text: str) -> Markup:
    """Prose as HTML: what stands between backticks is code."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))


def _slug(*words: str) -> str:
    return re.sub(r"\W+", "-", " ".join(words).casefold()).strip("-")


def _recipe(recipe: Recipe) -> str:
    epochs = f"{recipe.epochs} epoch{'s' if recipe.epochs > 1 else ''}"
    said = [recipe.data, _optimizer(recipe.optimizer), f"batches of {recipe.batch_size}", epochs]
    if varied := recipe.augmentation:
        said += [f"crops of images padded by {varied.padding}"] * bool(varied.padding) + ["mirrored"] * varied.flip
    return ", ".join(said + [f"{name} {value}" for name, value in recipe.config.items()])


def _optimizer(rule: Optimizer) -> str:
    if rule.name == "adam":
        beta1, beta2 = rule.betas
        return f"Adam {rule.learning_rate:g} (β₁ {beta1:g}, β₂ {beta2:g}, ε {rule.epsilon:g})"
    return f"SGD {rule.learning_rate:g}" + (f" (momentum {rule.momentum:g})" if rule.momentum else "")
