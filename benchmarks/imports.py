"""Import times, ours against the framework's own: ``python -m benchmarks.imports``.

Every measurement is a fresh interpreter that times one statement; ours and the framework's take turns.
"""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

__all__ = ["IMPORTS", "Import", "main", "measure"]

CHILD = """
import json, sys, time
started = time.perf_counter()
{statement}
seconds = time.perf_counter() - started
print(json.dumps([seconds, [name for name, module in sys.modules.items() if module]]))
"""


@dataclass(frozen=True)
class Import:
    """A statement of ours beside the framework's own.

    Args:
        ours, framework: the statements.
        without: packages that ours must not load.
        share, seconds: how much longer ours may take; the larger of both counts.
    """

    ours: str
    framework: str
    without: tuple[str, ...]
    share: float
    seconds: float


IMPORTS = (
    Import("import dualnet", "pass", ("numpy", "torch", "tensorflow", "keras"), 0.0, 0.05),
    Import("import dualnet.torch, torch", "import torch", ("tensorflow", "keras"), 0.05, 0.1),
    Import("import dualnet.tf, tensorflow, keras", "import tensorflow, keras", ("torch",), 0.05, 0.1),
)


def measure(pair: Import, rounds: int) -> dict[str, Any]:
    """Medians in seconds, how much longer ours may take, and what it loaded that it must not."""
    runs = [(_run(pair.ours), _run(pair.framework)) for _ in range(rounds + 1)][1:]  # the first fills the caches
    seconds = {side: [run[i][0] for run in runs] for i, side in enumerate(("ours", "framework"))}
    longer = [a - b for a, b in zip(seconds["ours"], seconds["framework"], strict=True)]
    loaded = set().union(*(run[0][1] for run in runs)) & set(pair.without)
    return {
        "statement": pair.ours,
        "framework_statement": pair.framework,
        **{side: median(values) for side, values in seconds.items()},
        "longer": median(longer),
        "rounds": longer,
        "allowed": max(pair.share * median(seconds["framework"]), pair.seconds),
        "loaded": sorted(loaded),
    }


def _run(statement: str) -> tuple[float, list[str]]:
    done = subprocess.run(
        [sys.executable, "-c", CHILD.format(statement=statement)],
        stdout=subprocess.PIPE, text=True, check=True, cwd=Path(__file__).parents[1],
    )  # fmt: skip
    seconds, modules = json.loads(done.stdout)
    return seconds, modules


def main(
    rounds: Annotated[int, typer.Option(min=1)] = 7,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Measure, and print how much longer ours takes than the framework alone."""
    found = [measure(pair, rounds) for pair in IMPORTS]
    if as_json:
        typer.echo(json.dumps(found, indent=2))
        return
    table = Table(box=None, pad_edge=False, header_style="bold", title="Import times, milliseconds")
    table.add_column("statement")
    for column in ("ours", "framework", "longer", "least", "most", "allowed"):
        table.add_column(column, justify="right")
    table.add_column("loaded, but must not be")
    for row in found:
        figures = (row["ours"], row["framework"], row["longer"], min(row["rounds"]), max(row["rounds"]), row["allowed"])
        table.add_row(
            row["statement"], *(f"{1000 * seconds:,.1f}" for seconds in figures), ", ".join(row["loaded"]) or "-"
        )
    Console().print(table)


if __name__ == "__main__":
    typer.run(main)
