"""What the site takes from a concept's notebook: its prose, its pictures, and the figures of its parity check."""

import base64
import json
import re
from pathlib import Path
from typing import Any, NamedTuple

from latex2mathml.converter import convert

from dualnet.interface import Concept
from dualnet.show import FIGURES
from dualnet.site.figures import Figure

__all__ = ["Notebook", "read", "with_mathml"]

MATH = re.compile(r"(```.*?```|`[^`\n]+`)|\$\$(.+?)\$\$|\$([^$\n]+?)\$", re.DOTALL)
"""Code, which stays as it is, or a formula of its own, or one in a line."""


class Notebook(NamedTuple):
    """A concept's notebook, executed."""

    path: Path
    """Below the checkout."""
    prose: dict[str, str]
    """Markdown by the name of its section, without headings."""
    pictures: list[bytes]
    """What was drawn, as PNG."""
    figure: Figure | None
    """The worst of its parity check."""


def read(concept: Concept, root: Path) -> Notebook | None:
    """The notebook of a concept; None if there is none.

    Args:
        concept: what it is about.
        root: the checkout.
    """
    path = Path("notebooks", concept.chapter, f"{concept.id}.ipynb")
    if not (root / path).is_file():
        return None
    cells: list[dict[str, Any]] = json.loads((root / path).read_text(encoding="utf-8")).get("cells", [])
    said = {cell["id"]: "".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown"}
    prose = {name: _for_a_page(re.sub(r"\A#+ .*\n*", "", text)) for name, text in said.items()}
    given = [one.get("data", {}) for cell in cells for one in cell.get("outputs", [])]
    pictures = [base64.b64decode(data["image/png"]) for data in given if "image/png" in data]
    checks = [figures for data in given for figures in data.get(FIGURES, {}).values()]
    worst = Figure(*(max(one[name] for one in checks) for name in Figure._fields)) if checks else None
    return Notebook(path, prose, pictures, worst)


def _for_a_page(markdown: str) -> str:
    """Markdown as the site's generator reads it: numbered paragraphs are no list, which what is folded would end."""
    numbered = re.sub(r"^(\d+)\. +", r"**\1.** ", markdown, flags=re.MULTILINE)
    return with_mathml(re.sub(r"^ {1,3}(?=\S)", "", numbered, flags=re.MULTILINE)).replace(
        "<details>", '<details markdown="1">'
    )


def with_mathml(markdown: str) -> str:
    """Markdown with its LaTeX as MathML, which browsers show without a script."""

    def formula(found: re.Match[str]) -> str:
        code, block, line = found.groups()
        if code:
            return code
        if line:
            return f'<span class="formula">{convert(line)}</span>'
        return f'\n\n<div class="formula">{convert(block, display="block")}</div>\n\n'

    return MATH.sub(formula, markdown)
