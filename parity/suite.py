"""Every concept's checks. The one file of the engine that knows the catalogue.

A check has an id of its own, ``<concept>-<variant>-<stage>`` for models and ``<concept>-<case>`` for functions, and
is the part of a concept's report that its pattern selects. The report itself is made once and kept.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

from dualnet.catalogue import concept, concepts, load, twin
from dualnet.interface import BACKENDS, Array, Backend, BackendName, Concept, Config
from parity.recording import OPTIMIZERS, draw_batch, oracle
from parity.recording import record as record_side
from parity.report import Report
from parity.trace import Trace
from parity.verdict import compare_traces

__all__ = ["Check", "Twins", "checks", "pairs", "record", "report", "settled", "third_opinion", "twins"]

DRAWS = 3
"""How often other inputs are tried when float32 alone disagrees."""

MODEL_CHECKS = {
    "checkpoint": r"float(64|32)/(weights|input|target)/.*",
    "forward": r"float64/eval/output/.*",
    "layers": r"float64/eval/layer/.*",
    "train": r"float64/train/(output/.*|loss(/.*)?)",
    "gradients": r"float64/train/gradient/.*",
    "buffers": r"float64/.*/buffer/.*",
    **{rule: rf"float64/{rule}/.*" for rule in OPTIMIZERS},
    "float32": r"float32/.*",
}


@dataclass(frozen=True)
class Check:
    """One check of one concept: the quantities whose names match a pattern."""

    concept: str
    variant: str
    name: str
    pattern: str

    @property
    def id(self) -> str:
        """Concept, variant and name."""
        return "-".join(part for part in (self.concept, self.variant, self.name) if part)

    def run(self) -> Report:
        """The part of the concept's report that this check is about."""
        wanted = re.compile(self.pattern)
        whole = report(self.concept, self.variant or None)
        return whole.select(self.id, lambda n: bool(wanted.fullmatch(n)), sensitivity=self.name == "gradients")


def checks(*ids: str) -> tuple[Check, ...]:
    """The checks of these concepts, or of all. Imports no framework.

    Raises:
        ConceptError: no such concept.
    """
    chosen = [concept(id) for id in ids] if ids else concepts()
    return tuple(check for declared in chosen for check in _checks(declared))


def pairs(*ids: str) -> list[tuple[str, str | None]]:
    """What has a report of its own: each variant of a model, each other concept. Imports no framework."""
    chosen = [concept(id) for id in ids] if ids else concepts()
    return [(declared.id, variant) for declared in chosen for variant in declared.variants or (None,)]


def _checks(declared: Concept) -> list[Check]:
    found = [Check(declared.id, "", case.name, rf"float(64|32)/{re.escape(case.name)}/.*") for case in declared.cases]
    for variant in declared.variants:
        patterns = dict(MODEL_CHECKS)
        if not declared.buffers(declared.settings(variant)):
            del patterns["buffers"]
        if not declared.stages(declared.settings(variant)):
            del patterns["layers"]
        found += [Check(declared.id, variant, name, pattern) for name, pattern in patterns.items()]
    return found


@cache
def report(id: str, variant: str | None = None, seed: int = 0) -> Report:
    """Both sides of one concept compared in this process.

    Raises:
        ConceptError: no such concept or variant.
        MissingFrameworkError: a framework is not installed.
    """
    return settled(partial(_compare, id, variant), seed)


def settled(compare: Callable[[int], Report], seed: int = 0) -> Report:
    """The report on the first inputs on which float32 does not decide alone, or the last one.

    A float32 difference that other inputs do not show comes from rounding on those inputs (a flipped ReLU or
    maximum); it is noted.

    Args:
        compare: both sides on the inputs that a seed decides.
        seed: the first one.
    """
    notes: list[str] = []
    for draw in range(DRAWS):
        found = compare(seed + draw)
        failures = [finding.name for finding in found.failures]
        if not failures or not all(name.startswith("float32/") for name in failures):
            break
        notes.append(f"seed {seed + draw}: float32 differs at {failures[0]} and {len(failures) - 1} more")
    if found.passed and notes:
        notes.append("other inputs agree: rounding decided it there (a flipped ReLU or maximum, or bad conditioning)")
    return found.with_notes(*notes)


def record(
    backend: BackendName | Backend,
    id: str,
    variant: str | None = None,
    config: Config | None = None,
    *,
    seed: int = 0,
) -> Trace:
    """One side of a concept: everything that parity compares of it.

    Args:
        backend: the side, or its name.
        id: the concept.
        variant: a named form of it; the first one by default.
        config: settings over the variant's; by default its small ones.
        seed: decides weights, inputs and cotangents.

    Raises:
        ConceptError: no such concept or variant.
        ConfigError: no such backend or setting.
        MissingFrameworkError: the framework is not installed.
    """
    side, declared = load(backend) if isinstance(backend, str) else backend, concept(id)
    if config is None and declared.variants:
        config = declared.variant(variant).small
    return record_side(side, declared, twin(id, side.name), variant, config, seed=seed)


@dataclass(frozen=True)
class Twins:
    """How to build both twins of a model, and inputs for them in declared order."""

    torch: Callable[[], Any]
    tf: Callable[[], Any]
    inputs: list[Array]


def twins(id: str, variant: str | None = None, seed: int = 0) -> Twins:
    """Both twins of a model in its small size, for what treats them as two models of anybody's.

    Raises:
        ConceptError: no such concept or variant.
        MissingFrameworkError: a framework is not installed.
    """
    declared = concept(id)
    small = declared.variant(variant).small
    settings = declared.settings(variant, small)
    inputs, _ = draw_batch(declared.inputs(settings), declared.targets(settings), seed, "float64")
    load("torch"), load("tf")
    build = {name: partial(declared.build, twin(id, name), variant, small) for name in BACKENDS}
    return Twins(build["torch"], build["tf"], list(inputs.values()))


def _compare(id: str, variant: str | None, seed: int) -> Report:
    title = "-".join(filter(None, (id, variant)))
    torch_side, tf_side = (record(name, id, variant, seed=seed) for name in ("torch", "tf"))
    return compare_traces(torch_side, tf_side, title=title, reference=third_opinion(torch_side))


def third_opinion(trace: Trace) -> Trace:
    """The oracle for what a trace holds."""
    return oracle(concept(trace.about["concept"]), trace.about["seed"])
