"""What a comparison found, as values: printed, turned into JSON, or raised."""

import math
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from rich.console import Console
from rich.table import Table

__all__ = ["Culprit", "Diagnosis", "Finding", "LayerPair", "ParityError", "Report"]


class ParityError(AssertionError):
    """Two sides that should agree do not. The message is the report."""


@dataclass(frozen=True)
class Finding:
    """One compared quantity.

    Args:
        name: ``<dtype>/<stage>/<kind>/<name>``.
        error: the distance found; infinite if it could not be measured.
        limit: the greatest distance that passes.
        noise: the rounding noise that the limit was derived from, for lower precisions.
        index: where the distance is greatest, and `values` what stands there on both sides.
        problem: why it could not be compared.
        excluded: why it was looked at but not judged.
    """

    name: str
    error: float
    limit: float
    noise: float | None = None
    index: tuple[int, ...] = ()
    values: tuple[float, float] | None = None
    problem: str = ""
    excluded: str = ""

    @property
    def passed(self) -> bool:
        """NaN and infinity never pass."""
        return bool(self.excluded) or (not self.problem and self.error <= self.limit)

    @property
    def margin(self) -> float:
        """How many times smaller than the limit the error is."""
        return self.limit / self.error if self.error else math.inf

    def __str__(self) -> str:
        text = f"{self.name}: error {self.error:.2e}, limit {self.limit:.2e}"
        if self.noise is not None:
            text += f", noise {self.noise:.2e}"
        if self.values is not None and self.error:
            text += f", at {list(self.index)} {self.values[0]!r} against {self.values[1]!r}"
        return text + (f" ({self.problem or self.excluded})" if self.problem or self.excluded else "")

    def to_dict(self) -> dict[str, Any]:
        """JSON values only."""
        return {
            "name": self.name,
            "passed": self.passed,
            "error": _number(self.error),
            "limit": _number(self.limit),
            "noise": _number(self.noise),
            "margin": _number(self.margin),
            "index": list(self.index),
            "values": None if self.values is None else [_number(v) for v in self.values],
            "problem": self.problem,
            "excluded": self.excluded,
        }


@dataclass(frozen=True)
class Diagnosis:
    """A cause that was verified: applied to one side, it makes the difference vanish.

    Args:
        cause: its id in the catalogue of causes.
        title: what is wrong, in one sentence.
        remaining: the error that is left when the cause is applied, relative.
        settings: what each side has, as "epsilon 1e-05".
        fixes: one line of code for each side; either of them removes the difference.
    """

    cause: str
    title: str
    remaining: float
    settings: tuple[str, str]
    fixes: tuple[str, str]

    def to_dict(self) -> dict[str, Any]:
        """JSON values only."""
        return {**asdict(self), "remaining": _number(self.remaining)}


@dataclass(frozen=True)
class Culprit:
    """Something found guilty: a layer, or what lies between layers.

    Args:
        where: "conv1 | conv_1" for a pair of layers; "between a | b and c | d" for the glue.
        kind: the kind of layer, or "glue".
        phase: where it shows: "forward", "backward", "train", "buffer" or "update".
        error: its own error on equal inputs, relative.
        diagnoses: verified causes, the smallest remaining error first; empty if no known cause fits.
        measured: what was measured, for the reader who has to find the cause himself.
    """

    where: str
    kind: str
    phase: str
    error: float
    diagnoses: tuple[Diagnosis, ...] = ()
    measured: str = ""

    def __str__(self) -> str:
        lines = [f"{self.where} ({self.kind}, {self.phase}): error {self.error:.2e} on equal inputs"]
        for found in self.diagnoses:
            lines.append(f"  cause {found.cause}: {found.title} (applied, {found.remaining:.1e} is left)")
            lines += [f"    {setting}  ->  {fix}" for setting, fix in zip(found.settings, found.fixes, strict=True)]
        if not self.diagnoses:
            lines.append(f"  no known cause fits; measured: {self.measured or 'nothing more'}")
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """JSON values only."""
        return {
            **asdict(self),
            "error": _number(self.error),
            "diagnoses": [diagnosis.to_dict() for diagnosis in self.diagnoses],
        }


@dataclass(frozen=True)
class LayerPair:
    """Two layers that were taken for the same, and how far apart they are.

    Args:
        names: the layer's name on each side.
        kind: what it is.
        forward, backward: how far its outputs, and the gradients of its inputs and parameters, are apart in the
            whole network (errors of earlier layers included), relative; NaN if not measured.
        guilty: whether the layer itself is at fault.
        sources: the line of code that makes it, on each side, where it can be told.
    """

    names: tuple[str, str]
    kind: str
    forward: float
    backward: float
    guilty: bool = False
    sources: tuple[str, str] = ("", "")

    def to_dict(self) -> dict[str, Any]:
        """JSON values only."""
        return {**asdict(self), "forward": _number(self.forward), "backward": _number(self.backward)}


@dataclass(frozen=True)
class Report:
    """The outcome of one comparison.

    Args:
        title: what was compared.
        findings: one for each expected quantity, compared or not.
        not_tested: inputs, parameters and buffers to which nothing compared responds.
        notes: what a reader should know: kinks met, quantities left out.
        environment: what produced each side.
        layers: the pairs of layers, in order of execution, where layers were compared.
        culprits: what is at fault, where something differs.
        unpaired: layers without a partner that nobody allowed, as "a: name" or "b: name".
    """

    title: str
    findings: tuple[Finding, ...]
    not_tested: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    environment: dict[str, Any] = field(default_factory=dict)
    layers: tuple[LayerPair, ...] = ()
    culprits: tuple[Culprit, ...] = ()
    unpaired: tuple[str, ...] = ()

    @property
    def expected(self) -> int:
        """How many quantities either side has."""
        return len(self.findings)

    @property
    def compared(self) -> int:
        """How many of them were measured and judged."""
        return sum(not finding.problem and not finding.excluded for finding in self.findings)

    @property
    def failures(self) -> tuple[Finding, ...]:
        """The findings that did not pass."""
        return tuple(finding for finding in self.findings if not finding.passed)

    @property
    def passed(self) -> bool:
        """Something was compared, everything compared agrees, and nothing was out of reach."""
        wrong = self.failures or self.not_tested or self.culprits or self.unpaired
        return self.compared > 0 and not wrong

    @property
    def exit_code(self) -> int:
        """0 agree, 1 differ, 5 nothing compared."""
        return 5 if self.compared == 0 else int(not self.passed)

    def worst(self, prefix: str = "") -> Finding | None:
        """The compared quantity with the greatest error relative to its limit."""
        found = [f for f in self.findings if f.name.startswith(prefix) and not f.excluded]
        return max(found, key=lambda f: (not f.passed, f.error / f.limit if f.limit else f.error), default=None)

    @property
    def smallest_passing_limit(self) -> float:
        """The smallest float64 limit with which everything compared in float64 would pass."""
        errors = [
            f.error for f in self.findings
            if f.name.startswith("float64/") and "/quotient/" not in f.name and not f.excluded
        ]  # fmt: skip
        return max(errors, default=math.nan)

    def select(self, title: str, wanted: Callable[[str], bool], *, sensitivity: bool = False) -> "Report":
        """The part of the report about some quantities; what was not tested goes with `sensitivity`."""
        findings = tuple(finding for finding in self.findings if wanted(finding.name))
        return replace(self, title=title, findings=findings, not_tested=self.not_tested if sensitivity else ())

    def with_notes(self, *notes: str) -> "Report":
        """The same report with more notes."""
        return replace(self, notes=(*self.notes, *notes))

    def raise_if_failed(self) -> None:
        """Raise ParityError with the report as its message unless everything agrees."""
        if not self.passed:
            raise ParityError(str(self))

    def to_dict(self) -> dict[str, Any]:
        """JSON values only; infinities and NaN are strings."""
        return {
            "title": self.title,
            "passed": self.passed,
            "compared": self.compared,
            "expected": self.expected,
            "smallest_passing_limit": _number(self.smallest_passing_limit),
            "not_tested": list(self.not_tested),
            "notes": list(self.notes),
            "environment": self.environment,
            "layers": [layer.to_dict() for layer in self.layers],
            "culprits": [culprit.to_dict() for culprit in self.culprits],
            "unpaired": list(self.unpaired),
            "findings": [finding.to_dict() for finding in self.findings],
        }

    def __str__(self) -> str:
        lines = [f"{self.title}: {self.verdict}"]
        lines += [f"  {finding}" for finding in self.failures[:12]]
        if len(self.failures) > 12:
            lines.append(f"  ... and {len(self.failures) - 12} more")
        lines += [f"  culprit: {line}" for culprit in self.culprits for line in str(culprit).splitlines()]
        lines += [f"  no partner: {name}" for name in self.unpaired]
        lines += [f"  not tested: {name}: nothing compared responds to it" for name in self.not_tested]
        return "\n".join([*lines, *(f"  note: {note}" for note in self.notes)])

    @property
    def verdict(self) -> str:
        """The outcome in one line."""
        word = "agree" if self.passed else "nothing was compared" if self.compared == 0 else "differ"
        return f"{word}; {self.compared} of {self.expected} quantities compared, {len(self.failures)} differ"

    def print(self, console: Console) -> None:
        """The verdict, the worst quantity of each stage, and everything that failed."""
        colour = "green" if self.passed else "red"
        console.print(f"[{colour} bold]{self.title}[/]: {self.verdict}", highlight=False)
        table = Table(box=None, pad_edge=False, header_style="dim")
        for column in ("stage", "quantities", "worst error", "limit", "noise", "worst quantity"):
            table.add_column(column, justify="left" if column in ("stage", "worst quantity") else "right", no_wrap=True)
        for stage in _stages(finding.name for finding in self.findings):
            if (worst := self.worst(stage + "/")) is not None:
                count = sum(f.name.startswith(stage + "/") for f in self.findings)
                noise = "" if worst.noise is None else f"{worst.noise:.1e}"
                style = "" if worst.passed else "red"
                name = worst.name.removeprefix(stage + "/")
                table.add_row(stage, str(count), f"{worst.error:.1e}", f"{worst.limit:.1e}", noise, name, style=style)
        console.print(table)
        for line in str(self).splitlines()[1:]:
            console.print(line, style="" if line.startswith("  note") else "red", highlight=False, markup=False)


def _stages(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys("/".join(name.split("/")[:2]) for name in names))


def _number(value: float | None) -> float | str | None:
    if value is None or math.isfinite(value):
        return value
    return str(value)
