"""The README's generated tables: ``python -m tests.readme_tables`` writes them anew, after running all of parity."""

import re
from itertools import groupby
from pathlib import Path

from dualnet import catalogue
from parity import mutate, pool, sabotage, suite

README = Path(__file__).parent.parent / "README.md"
HEAD = """| chapter | concepts | checks | float64: worst error | float32: worst error / limit |
| --- | --- | ---: | ---: | ---: |"""
SABOTAGE_HEAD = f"""| family | {" | ".join(sabotage.COLUMNS)} |
| --- {"| ---: " * len(sabotage.COLUMNS)}|"""


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
    pairs = suite.pairs()
    reports = dict(zip(pairs, pool.reports(suite.report, pairs), strict=True))
    for _, ids in chapters():
        mine = [reports[pair] for pair in suite.pairs(*ids)]
        singles = [worst for report in mine if (worst := report.worst("float32/"))]
        shares = [one.error / one.limit for one in singles if one.limit]
        yield max(report.smallest_passing_limit for report in mine), max(shares)


def concepts_table():
    """One row for each chapter."""
    rows = zip(names(), figures(), strict=True)
    return [f"| {' | '.join(first)} | {error:.1e} | {part:.2f} |" for first, (error, part) in rows]


def sabotage_table():
    """One row for each family of bugs, and one for all. Puts every bug into every small model."""
    return [f"| {' | '.join(row)} |" for row in sabotage.rows(list(mutate.outcomes()))]


TABLES = {"concepts": (HEAD, concepts_table), "sabotage": (SABOTAGE_HEAD, sabotage_table)}
"""The generated parts by the name in their mark: their head, and what makes their rows."""


def cells(text, name):
    """The cells of each row of a generated table in a text."""
    rows = part(name).search(text)[2].splitlines()[2:]
    return [tuple(row.strip("| ").split(" | ")) for row in rows]


def part(name):
    """A generated part: its two marks, and what stands between them."""
    return re.compile(rf"(<!-- {name} -->\n)(.*?)(\n<!-- end -->)", re.DOTALL)


def write():
    """Replace the tables."""
    text = README.read_text()
    for name, (head, rows) in TABLES.items():
        new = "\n".join([head, *rows()])
        text = part(name).sub(lambda found, new=new: found[1] + new + found[3], text)
    README.write_text(text)


if __name__ == "__main__":
    write()
