"""What a comparison found, as values: printed, turned into JSON, or raised."""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dualnet.files import write
from dualnet.interface import DualnetError

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["Culprit", "Diagnosis", "Finding", "LayerPair", "ParityError", "Report", "ReportError"]

FORMAT = "parity-report-1"
"""Stands in every report's JSON; `report.schema.json` describes it."""


class ReportError(DualnetError, ValueError):
    """A report's JSON is missing, damaged or no report, or a report cannot be written."""


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

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Finding":
        """The inverse of `to_dict`."""
        return cls(
            name=_text(values["name"]),
            error=float(values["error"]),
            limit=float(values["limit"]),
            noise=None if values["noise"] is None else float(values["noise"]),
            index=tuple(int(i) for i in values["index"]),
            values=None if values["values"] is None else _two(values["values"], float),
            problem=_text(values["problem"]),
            excluded=_text(values["excluded"]),
        )


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
        return {**_listed(asdict(self)), "remaining": _number(self.remaining)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Diagnosis":
        """The inverse of `to_dict`."""
        settings, fixes = (_two(values[name], _text) for name in ("settings", "fixes"))
        return cls(_text(values["cause"]), _text(values["title"]), float(values["remaining"]), settings, fixes)


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

    @property
    def cause(self) -> str:
        """The id of the first verified cause; empty if no known cause fits."""
        return self.diagnoses[0].cause if self.diagnoses else ""

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

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Culprit":
        """The inverse of `to_dict`."""
        return cls(
            where=_text(values["where"]),
            kind=_text(values["kind"]),
            phase=_text(values["phase"]),
            error=float(values["error"]),
            diagnoses=tuple(Diagnosis.from_dict(found) for found in values["diagnoses"]),
            measured=_text(values["measured"]),
        )


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
        return {**_listed(asdict(self)), "forward": _number(self.forward), "backward": _number(self.backward)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "LayerPair":
        """The inverse of `to_dict`."""
        return cls(
            names=_two(values["names"], _text),
            kind=_text(values["kind"]),
            forward=float(values["forward"]),
            backward=float(values["backward"]),
            guilty=bool(values["guilty"]),
            sources=_two(values["sources"], _text),
        )


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
    def differs(self) -> bool:
        """Something is blamed: a quantity, a layer, or one without partner; what was not tested is not."""
        return bool(self.failures or self.culprits or self.unpaired)

    @property
    def exit_code(self) -> int:
        """0 agree, 1 differ or not wholly tested, 5 nothing compared."""
        return 5 if self.compared == 0 else int(not self.passed)

    def worst(self, prefix: str = "") -> Finding | None:
        """The compared quantity with the greatest error relative to its limit."""
        found = [f for f in self.findings if f.name.startswith(prefix) and not f.excluded]
        return max(found, key=severity, default=None)

    @property
    def smallest_passing_limit(self) -> float:
        """The smallest float64 limit with which everything compared in float64 would pass; with a NaN none would."""
        errors = [
            math.inf if math.isnan(f.error) else f.error for f in self.findings
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
        """JSON values only, as `report.schema.json` describes them; infinities and NaN are strings."""
        return {
            "format": FORMAT,
            "title": self.title,
            "passed": self.passed,
            "compared": self.compared,
            "expected": self.expected,
            "smallest_passing_limit": _number(self.smallest_passing_limit),
            "next_step": self.next_step,
            "not_tested": list(self.not_tested),
            "notes": list(self.notes),
            "environment": _plain(self.environment),
            "layers": [layer.to_dict() for layer in self.layers],
            "culprits": [culprit.to_dict() for culprit in self.culprits],
            "unpaired": list(self.unpaired),
            "findings": [finding.to_dict() for finding in self.findings],
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Report":
        """The inverse of `to_dict`; what follows from the findings is worked out anew.

        Raises:
            ReportError: no report.
        """
        if not isinstance(values, Mapping) or values.get("format") != FORMAT:
            raise ReportError(f"no report: expected an object with format {FORMAT!r}")
        try:
            return cls(
                title=_text(values["title"]),
                findings=tuple(Finding.from_dict(found) for found in values["findings"]),
                not_tested=tuple(_text(name) for name in values["not_tested"]),
                notes=tuple(_text(note) for note in values["notes"]),
                environment=dict(values["environment"]),
                layers=tuple(LayerPair.from_dict(layer) for layer in values["layers"]),
                culprits=tuple(Culprit.from_dict(culprit) for culprit in values["culprits"]),
                unpaired=tuple(_text(name) for name in values["unpaired"]),
            )
        except KeyError as error:
            raise ReportError(f"a damaged report: {error} is missing") from error
        except (TypeError, ValueError, AttributeError, OverflowError) as error:
            raise ReportError(f"a damaged report: {error}") from error

    @classmethod
    def load(cls, path: Path | str) -> "tuple[Report, ...]":
        """The reports in a JSON file: one, or a list of them.

        Raises:
            ReportError: no such file, no JSON, or no reports in it.
        """
        try:
            values = json.loads(Path(path).read_text(encoding="utf-8"))
        except OSError as error:
            raise ReportError(f"{path}: {error.strerror or error}; `parity run --json` writes a report") from error
        except (ValueError, RecursionError) as error:
            raise ReportError(f"{path}: no JSON ({error})") from error
        try:
            return tuple(cls.from_dict(found) for found in (values if isinstance(values, list) else [values]))
        except ReportError as error:
            raise ReportError(f"{path}: {error}") from error

    def save_html(self, path: Path | str) -> Path:
        """Write the report as one self-contained page, whole or not at all.

        Raises:
            ReportError: the file cannot be written.
        """
        from parity.html import html

        return save(path, html(self))

    def save_json(self, path: Path | str) -> Path:
        """Write the report as JSON, whole or not at all; `Report.load` and `python -m parity show` read it.

        Raises:
            ReportError: the file cannot be written.
        """
        return save(path, json.dumps(self.to_dict(), indent=2) + "\n")

    def save_junit(self, path: Path | str) -> Path:
        """Write the report as JUnit XML, whole or not at all.

        Raises:
            ReportError: the file cannot be written.
        """
        from parity.junit import junit

        return save(path, junit([self]))

    @property
    def groups(self) -> tuple[tuple[Culprit, ...], ...]:
        """The culprits, those with one cause and phase together; without a known cause each is alone."""
        found: dict[object, list[Culprit]] = {}
        for i, culprit in enumerate(self.culprits):
            found.setdefault((culprit.cause, culprit.phase) if culprit.cause else i, []).append(culprit)
        return tuple(tuple(group) for group in found.values())

    @property
    def next_step(self) -> str:
        """What to do now, in one line; empty if everything agrees."""
        from parity.text import next_step

        return next_step(self)

    def __str__(self) -> str:
        from parity.text import short

        return short(self)

    @property
    def verdict(self) -> str:
        """The outcome in one line."""
        word = "agree" if self.passed else "differ" if self.differs else "agree as far as tested"
        word = word if self.compared else "nothing was compared"
        untested = f", {len(self.not_tested)} not tested" if self.not_tested else ""
        return f"{word}; {self.compared} of {self.expected} quantities compared, {len(self.failures)} differ{untested}"

    def print(self, console: "Console") -> None:
        """The verdict, the worst quantity of the worst stages, what is at fault, and what to do next."""
        from parity.text import show

        show(self, console)

    @property
    def stages(self) -> dict[str, list[Finding]]:
        """The findings by the first two parts of their names."""
        found: dict[str, list[Finding]] = {}
        for finding in self.findings:
            found.setdefault("/".join(finding.name.split("/")[:2]), []).append(finding)
        return found


def severity(finding: Finding) -> tuple[bool, float]:
    """What to sort findings by: those that fail last, then by error over limit; NaN counts as infinite."""
    ratio = finding.error / finding.limit if finding.limit else finding.error
    return not finding.passed, math.inf if math.isnan(ratio) else ratio


def save(path: Path | str, text: str) -> Path:
    """Write a rendered report, whole or not at all.

    Raises:
        ReportError: the file cannot be written.
    """
    try:
        return write(path, text)
    except OSError as error:
        raise ReportError(f"{path}: cannot be written ({error.strerror or error})") from error


def _two(values: Any, kind: Callable[[Any], Any]) -> tuple[Any, Any]:
    first, second = values
    return kind(first), kind(second)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"expected text, came {value!r}")
    return value


def _listed(values: dict[str, Any]) -> dict[str, Any]:
    return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}


def _plain(value: Any) -> Any:
    """JSON values of what produced a side, whatever it is."""
    if isinstance(value, Mapping):
        return {str(name): _plain(inner) for name, inner in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(inner) for inner in value]
    if isinstance(value, float):
        return _number(value)
    return value if value is None or isinstance(value, str | bool | int) else str(value)


def _number(value: float | None) -> float | str | None:
    if value is None or math.isfinite(value):
        return value
    return str(value)
