"""The score of the engine: bugs put into models, what becomes of them, and clean models that must raise no alarm."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict

from rich.console import Console
from rich.table import Table

from dualnet.catalogue import concepts
from parity import mutate, suite

__all__ = ["models", "rows", "run"]

COLUMNS = ("bugs", "placements", "caught", "right layer", "right cause", "missed by allclose")


def models(which: str, *ids: str) -> dict[str, mutate.Model]:
    """What bugs are put into: "small" models, the "concepts" (all, or these) against their Keras twins, or "all"."""
    found = dict(mutate.MODELS) if which != "concepts" else {}
    if which != "small":
        for declared in concepts():
            wanted = declared.kind == "model" and (not ids or declared.id in ids)
            for variant in list(declared.variants)[:1] if wanted else ():
                twins = suite.twins(declared.id, variant)
                found[f"{declared.id}-{variant}"] = mutate.Model(twins.torch, twins.inputs, twins.tf)
    return found


def rows(found: Sequence[mutate.Outcome]) -> Iterator[tuple[str, ...]]:
    """The score, a row for each family of bugs and one for all."""
    for score in mutate.score(found):
        cause = f"{score.diagnosed} of {score.known}" if score.known else "-"
        yield (
            score.family, str(score.bugs), str(score.placements), str(score.caught), str(score.blamed), cause,
            str(score.missed_by_allclose),
        )  # fmt: skip


def run(
    bugs: Sequence[str], which: str, seeds: int, *, list_bugs: bool = False, as_json: bool = False, console: Console
) -> int:
    """`parity mutate`; returns the exit code: 0 if the score is good and nothing clean raised an alarm."""
    if list_bugs:
        console.print(*(f"{bug.id:45} {bug.title}" for bug in mutate.BUGS.values()), sep="\n", markup=False)
        return 0
    mutate.check(bugs)
    chosen = models(which)
    found = list(mutate.outcomes(*bugs, models=chosen))
    alarms = [
        {"model": model, "seed": seed}
        for model, seed, agrees in mutate.clean(range(seeds), chosen)
        if not agrees
    ]  # fmt: skip
    good = bool(found) and mutate.score(found)[-1].good and not alarms
    if as_json:
        scores = [asdict(score) for score in mutate.score(found)]
        told = {"good": good, "scores": scores, "outcomes": [asdict(outcome) for outcome in found], "alarms": alarms}
        print(json.dumps(told, indent=2))
        return int(not good)
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in ("where", *COLUMNS):
        table.add_column(column, justify="left" if column == "where" else "right")
    for row in rows(found):
        table.add_row(*row)
    console.print(table)
    for outcome in found:
        if not (outcome.caught and outcome.blamed and outcome.diagnosed is not False):
            wrong = "missed" if not outcome.caught else "blamed wrongly" if not outcome.blamed else "not explained"
            console.print(f"{wrong}: {outcome.bug} in {outcome.layer} of {outcome.model}", markup=False)
    if seeds:
        console.print(f"clean pairs over {seeds} seeds: {len(alarms)} false alarms {alarms or ''}", markup=False)
    return int(not good)
