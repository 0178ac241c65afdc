"""The README's generated tables: ``python -m tests.readme_tables`` writes them anew, after running all of parity."""

import re
from pathlib import Path

from dualnet import catalogue
from parity import suite

README = Path(__file__).parent.parent / "README.md"


def concept_table():
    """One row per concept."""
    rows = ["| concept | chapter | kind | what |", "| --- | --- | --- | --- |"]
    for concept in catalogue.concepts():
        rows.append(f"| `{concept.id}` | {concept.chapter} | {concept.kind} | {concept.title} |")
    return "\n".join(rows)


def reports():
    """Every concept and variant compared, in the order of the catalogue."""
    return [suite.report(id, variant) for id, variant in suite.pairs()]


def parity_rows(found):
    """Name, quantities compared, worst float64 and float32 errors, and the float32 limit of the latter."""
    for report in found:
        single = report.worst("float32/")
        yield report.title, report.compared, report.smallest_passing_limit, single.error, single.limit


def parity_table(found):
    """One row per concept and variant, with its measured figures."""
    rows = [
        "| concept | quantities | float64: worst error (limit 1e-11) | float32: worst error | its limit |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    for name, compared, double, single, limit in parity_rows(found):
        rows.append(f"| `{name}` | {compared} | {double:.1e} | {single:.1e} | {limit:.1e} |")
    return "\n".join(rows)


def part(name):
    """The pattern of a generated part: its two marks, and what stands between them."""
    return re.compile(f"(<!-- {name} -->\n)(.*?)(\n<!-- end -->)", re.DOTALL)


def section(text, name):
    """The generated part of this name."""
    return part(name).search(text).group(2)


def write():
    """Replace both tables."""
    text = README.read_text()
    for name, table in (("concepts", concept_table()), ("parity", parity_table(reports()))):
        text = part(name).sub(lambda found, table=table: found[1] + table + found[3], text)
    README.write_text(text)


if __name__ == "__main__":
    write()
