"""The built site: everything is on it, every link leads somewhere, and nothing is asked of another host."""

import base64
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag, urlsplit

import pytest

import dualnet
from dualnet import catalogue
from dualnet.interface import ConfigError
from dualnet.rosetta.table import AREAS
from dualnet.show import FIGURES
from dualnet.site import generate
from dualnet.site.figures import Figure, figures

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
TABLE = """<!-- concepts -->
| chapter | concepts | checks | float64 | float32 |
| --- | --- | ---: | ---: | ---: |
| [convnets](x) | lenet, pooling | 7 | 3.0e-13 | 0.19 |
<!-- end -->"""
LINKS = {"a": "href", "link": "href", "script": "src", "img": "src", "source": "src", "iframe": "src"}


class Page(HTMLParser):
    """The text, ids and links of a page."""

    def __init__(self, text):
        super().__init__()
        self.ids, self.links, self.said = [], [], ""
        self.feed(text)
        self.said = " ".join(self.said.split())

    def handle_starttag(self, tag, attributes):
        own = dict(attributes)
        if "id" in own:
            self.ids.append(own["id"])
        if own.get(LINKS.get(tag)):
            self.links.append((tag, own[LINKS[tag]]))

    def handle_data(self, data):
        self.said += data


@pytest.fixture(scope="session")
def pages(site):
    """Every page by its path."""
    return {path.relative_to(site).as_posix(): Page(path.read_text()) for path in site.rglob("*.html")}


def said(page):
    return Page(page).said


def words(*texts):
    """Prose as it stands on a page: backticks make code."""
    return code(*(text.replace("`", "") for text in texts))


def code(*texts):
    """Code as it stands on a page, white space aside."""
    return [" ".join(text.split()) for text in texts if text]


def test_figures_are_those_of_the_table():
    assert figures(TABLE) == dict.fromkeys(("lenet", "pooling"), Figure(3.0e-13, 0.19))
    assert figures(README).keys() <= {concept.id for concept in catalogue.concepts()}
    with pytest.raises(ConfigError, match="no table"):
        figures("# dualnet")


def test_every_concept_has_a_page_and_the_first_page_has_every_concept():
    concepts = catalogue.concepts()
    navigation = json.dumps(generate.navigation(concepts, [], []))
    home = Page(generate.home(concepts, ROOT))
    for concept in concepts:
        assert f'"concepts/{concept.id}.md"' in navigation
        assert ("a", f"concepts/{concept.id}.html") in home.links
        assert words(concept.summary)[0] in home.said


@pytest.mark.parametrize("id", ["lenet", "vae", "tensor_reductions", "k_fold_cross_validation"])
def test_a_concepts_page_has_what_it_declares(id):
    concept = dualnet.concept(id)
    (text,) = map(said, generate.concept_pages([concept], ROOT).values())
    variants = concept.variants.values()
    assert f"dualnet compare {id}" in text
    assert f"python -m parity run {id}" in text
    told = [
        concept.title,
        concept.summary,
        *concept.sources,
        *(v.about for v in variants),
        *(v.claim for v in variants),
    ]
    told += [part for d in concept.differences for part in (d.id, d.what, d.tf, d.torch, d.ours)]
    assert not [each for each in words(*told) if each not in text]
    for backend in ("tf", "torch"):
        assert not [line for line in code(*catalogue.source(id, backend).read_text().splitlines()) if line not in text]


def test_a_concept_without_figure_says_so(tmp_path):
    (tmp_path / "README.md").write_text(TABLE)
    known, unknown = (dualnet.concept(id) for id in ("lenet", "vgg"))
    pages = {path: said(page) for path, page in generate.concept_pages([known, unknown], tmp_path).items()}
    assert "≤ 3.0e-13" in pages["concepts/lenet.md"]
    assert "≤ 0.19 of its limit" in pages["concepts/lenet.md"]
    assert "no figure kept yet" in pages["concepts/vgg.md"]
    assert said(generate.home([known, unknown], tmp_path)).count("no figure kept yet") == 1


def cell(id, text, *outputs):
    """A cell of a notebook as its file has it."""
    if not outputs:
        return {"cell_type": "markdown", "id": id, "source": [text]}
    return {"cell_type": "code", "id": id, "source": [text], "outputs": [{"data": data} for data in outputs]}


def test_a_notebook_gives_a_page_its_prose_pictures_and_figures(tmp_path):
    (tmp_path / "README.md").write_text(TABLE)
    (tmp_path / "notebooks" / "convnets").mkdir(parents=True)
    concepts = [dualnet.concept(id) for id in ("lenet", "pooling")]
    checked = {"a": {"float64": 1e-14, "float32": 0.02}, "b": {"float64": 2e-14, "float32": 0.01}}
    cells = [
        cell("idea", "# LeNet\n\nIt reads $x_1$, and `$HOME` is code."),
        cell("training-1", "draw()", {"image/png": base64.b64encode(b"picture").decode()}),
        cell("parity-1", "check()", {FIGURES: checked}),
        cell("exercises", "## Exercises\n\n1. Why?\n   <details><summary>Hint</summary>\n\n   *So*.\n\n   </details>"),
    ]
    (tmp_path / "notebooks" / "convnets" / "lenet.ipynb").write_text(json.dumps({"cells": cells}))
    pages = generate.concept_pages(concepts, tmp_path)
    lenet = pages["concepts/lenet.md"]
    assert {("a", "../notebooks/convnets/lenet.ipynb"), ("img", "lenet-0.png")} <= set(Page(lenet).links)
    assert generate.pictures(concepts, tmp_path) == {"concepts/lenet-0.png": b"picture"}
    assert "<msub><mi>x</mi><mn>1</mn></msub>" in lenet
    assert "`$HOME` is code" in lenet
    assert "≤ 2.0e-14" in said(lenet)
    assert "≤ 0.02 of its limit" in said(lenet)
    assert "**1.** Why?" in lenet
    assert "notebook" not in said(pages["concepts/pooling.md"])
    assert "≤ 3.0e-13" in said(pages["concepts/pooling.md"])


@pytest.mark.slow
def test_every_difference_is_on_the_page_of_differences(both):
    concepts = catalogue.concepts()
    text = generate.differences(concepts)
    page = Page(text)
    assert text.count("Measured:") >= len({one.id for concept in concepts for one in concept.differences})
    for concept in concepts:
        for difference in concept.differences:
            assert difference.id in page.ids
            assert ("a", f"concepts/{concept.id}.html#{difference.id}") in page.links
            parts = words(difference.what, difference.tf, difference.torch, difference.ours)
            assert all(part in page.said for part in parts), difference


def test_every_row_of_the_table_of_names_is_on_its_page():
    page = Page(generate.rosetta())
    rows = [row for rows in AREAS.values() for row in rows]
    assert len(page.ids) == len(rows) + len(AREAS)
    for row in rows:
        texts = [text for side in ("tf", "torch") for text in row.texts(side)]
        assert all(part in page.said for part in (*words(row.title, row.note), *code(*texts))), row.title


def test_the_reference_has_the_public_modules():
    modules = generate.modules(ROOT)
    assert {"dualnet", "dualnet.interface", "parity", "parity.models", "dualnet.tf"} <= set(modules)
    assert not [name for name in modules if re.search(r"\._|\.tf\.|\.concepts\.|\.site", name)]


def test_the_built_site_has_these_pages(pages):
    assert {"index.html", "differences.html", "rosetta.html", "guide/index.html", "concepts/lenet.html"} <= pages.keys()
    assert "parity.report.Report.raise_if_failed" in pages["api/parity.report.html"].ids
    assert "parity.compare" in pages["api/parity.html"].ids
    assert "Raise" in pages["api/parity.report.html"].said


def test_links_lead_somewhere(pages, site):
    wrong = []
    for path, page in pages.items():
        for tag, link in page.links:
            target, anchor = urldefrag(link)
            if urlsplit(link).scheme or path == "404.html":
                continue
            file = (site / path).parent / unquote(target) if target else site / path
            if not file.is_file():
                wrong.append((path, tag, link))
            elif anchor and file.suffix == ".html" and not anchor.startswith("__"):
                found = pages[file.resolve().relative_to(site.resolve()).as_posix()]
                if unquote(anchor) not in found.ids:
                    wrong.append((path, tag, link))
    assert not wrong


def test_ids_are_there_once(pages):
    assert not [(path, id) for path, page in pages.items() for id in set(page.ids) if page.ids.count(id) > 1]


def test_nothing_is_asked_of_another_host(pages, site):
    asked = [(path, link) for path, page in pages.items() for tag, link in page.links if tag != "a" and "//" in link]
    assert not asked
    for path in site.rglob("*.css"):
        assert not re.search(r"""(url\(["']?|@import\s+["'])(https?:)?//""", path.read_text()), path
