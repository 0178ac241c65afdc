"""The README's generated table: ``python -m tests.readme_tables`` writes it anew, after running all of parity."""

import re
from itertools import groupby
from pathlib import Path

from dualnet import catalogue
from parity import suite

README = Path(__file__).parent.parent / "README.md"
HEAD = """| chapter | concepts | checks | float64: worst error | float32: worst error / limit |
| --- | --- | ---: | ---: | ---: |"""


def chapters():
    """Each chapter with the ids of its concepts, in the order of the catalogue."""
    for chapter, concepts in groupby(catalogue.concepts(), key=lambda concept: concept.chapter):
        yield chapter, [concept.id for concept in concepts]


def names():
    """For each chapter the first cells of its row: link, ids, number of checks."""
    for chapter, ids in chapters():
        yield f"[{chapter}](dualnet/concepts/{chapter})", ", ".join(ids), str(len(suite.checks(*ids)))


def figures():
    """For each chapter its worst float64 error, and its worst float32 error in parts of the limit. Runs everything."""
    for _, ids in chapters():
        reports = [suite.report(id, variant) for id, variant in suite.pairs(*ids)]
        singles = [worst for report in reports if (worst := report.worst("float32/"))]
        yield max(report.smallest_passing_limit for report in reports), max(one.error / one.limit for one in singles)


def table():
    """One row for each chapter."""
    rows = zip(names(), figures(), strict=True)
    return "\n".join([HEAD, *(f"| {' | '.join(first)} | {error:.1e} | {part:.2f} |" for first, (error, part) in rows)])


def cells(text):
    """The cells of each row of the generated table in a text."""
    return [tuple(row.strip("| ").split(" | ")) for row in PART.search(text)[2].splitlines()[2:]]


PART = re.compile(r"(<!-- concepts -->\n)(.*?)(\n<!-- end -->)", re.DOTALL)
"""The generated part: its two marks, and what stands between them."""


def write():
    """Replace the table."""
    new = table()
    README.write_text(PART.sub(lambda found: found[1] + new + found[3], README.read_text()))


if __name__ == "__main__":
    write()
