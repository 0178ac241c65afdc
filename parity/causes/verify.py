"""From a fault to its verified causes: nothing is reported that the numbers do not confirm."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from parity.causes import (
    activation,
    attention,
    backward,
    convolution,
    dense,
    losses,
    normalisation,
    optimizers,
    pooling,
    precision,
    recurrent,
    shapes,
)
from parity.causes.cause import Array, Cause, Hypothesis
from parity.layer import Fault, LayerRun
from parity.reference import run
from parity.report import Diagnosis

__all__ = ["CAUSES", "diagnose"]

FAMILIES = (
    precision, convolution, pooling, normalisation, dense, activation, recurrent, attention, losses, optimizers, shapes,
    backward,
)  # fmt: skip
CAUSES: tuple[Cause, ...] = tuple(cause for family in FAMILIES for cause in family.CAUSES)
"""The catalogue, in the order in which guesses are preferred."""
LIMIT = 1e-10
"""The greatest error, relative to the tensor's scale, that counts as none."""
SCREEN = 1e-8
"""The same for a single sample, whose scale may be smaller than that of all."""
BY_SAMPLE = {"conv", "conv_transpose", "max_pool", "avg_pool", "upsample"}
"""The costly kinds that treat each sample alone."""
MOST = 8
"""Differences that the settings may show at once."""
WORK = 2e7
"""Values that may be put through the reference for pairs of guesses."""


@dataclass(frozen=True)
class Verified:
    """Hypotheses that together explain the target, as the base's and the target's side."""

    parts: tuple[tuple[Cause, Hypothesis], ...]
    fault: Fault
    remaining: float
    swapped: bool
    altered: bool

    @property
    def specific(self) -> bool:
        """Whether the settings themselves show every difference."""
        return all(hypothesis.specific for _, hypothesis in self.parts)

    def diagnosis(self) -> Diagnosis:
        """The same for a reader, sides in the order of the fault."""
        base, target = self.fault.a, self.fault.b
        has = (
            "; ".join(cause.says(hypothesis.values[0]) for cause, hypothesis in self.parts),
            "; ".join(cause.says(hypothesis.values[1]) for cause, hypothesis in self.parts),
        )
        fixes = (
            "; ".join(cause.fix(base, hypothesis.values[1]) for cause, hypothesis in self.parts),
            "; ".join(cause.fix(target, hypothesis.values[0]) for cause, hypothesis in self.parts),
        )
        title = "; and ".join(cause.title for cause, _ in self.parts)
        if self.altered:
            settings = "" if target.layer.kind == "unknown" else "does not do what its settings say, but "
            title += f" (the {target.framework} layer {settings}behaves as if {has[1]})"
        if self.swapped:
            has, fixes = (has[1], has[0]), (fixes[1], fixes[0])
        return Diagnosis(" + ".join(cause.id for cause, _ in self.parts), title, self.remaining, has, fixes)


def diagnose(fault: Fault) -> tuple[Diagnosis, ...]:
    """Find the known causes that explain a fault.

    Args:
        fault: two runs of paired layers on equal inputs that differ.

    Returns:
        Every single cause that makes the difference vanish, guesses only where the settings show none; where no single
        one does, pairs of causes, or all that the settings show; nothing where nothing fits, or where neither side does
        what its settings say, even with one of them changed.
    """
    with np.errstate(all="ignore"):
        if not distance(observed(fault.a, fault.phase), observed(fault.b, fault.phase)) > LIMIT:
            return ()
        sound = [_sound(side, fault.phase) for side in (fault.a, fault.b)]
        if not any(sound):
            behaving = [_as_it_behaves(side, fault.phase) for side in (fault.a, fault.b)]
            sound = [side is not None for side in behaving]
            fault = Fault(behaving[0] or fault.a, behaving[1] or fault.b, fault.phase)
        directions = [
            (Fault(base, target, fault.phase), swapped, not sound[1 - swapped])
            for base, target, swapped in ((fault.a, fault.b, False), (fault.b, fault.a, True))
            if sound[swapped]
        ]
        for search in (_single, _pairs, _all_shown):
            found = [verified for direction in directions for verified in search(*direction)]
            if found:
                found = [verified for verified in found if verified.specific] or found
                best = {diagnosis.cause: diagnosis for diagnosis in (v.diagnosis() for v in reversed(found))}
                return tuple(reversed(best.values()))
    return ()


def observed(side: LayerRun, phase: str) -> tuple[Array, ...]:
    """What a run shows in a phase, in an order that is equal for equal layers."""
    if phase == "backward":
        return (*side.input_gradients, *_by_name(side.parameter_gradients))
    if phase == "buffer":
        return _by_name(side.buffers)
    return side.outputs


def distance(found: tuple[Array, ...], wanted: tuple[Array, ...]) -> float:
    """The greatest error relative to each tensor's scale; infinite where something is missing or misshapen."""
    if not wanted or len(found) < len(wanted):
        return np.inf
    worst = 0.0
    for a, b in zip(found, wanted, strict=False):
        a, b = np.asarray(a), np.asarray(b)
        if a.shape != b.shape:
            return np.inf
        if a.size:
            difference = np.where((a == b) | (np.isnan(a) & np.isnan(b)), 0.0, np.abs(a - b))
            finite = np.abs(b[np.isfinite(b)])
            error = difference.max() / max(finite.max(initial=0.0), np.finfo(float).tiny)
            worst = max(worst, float(error) if np.isfinite(error) else np.inf)
    return worst


def _by_name(arrays: Any) -> tuple[Array, ...]:
    return tuple(arrays[name] for name in sorted(arrays))


def _predicted(hypothesis: Hypothesis, phase: str) -> tuple[Array, ...]:
    """What the reference gives for a hypothesis; nothing where it does not apply."""
    side = hypothesis.run
    if phase == "backward":
        return observed(side, phase)
    try:
        result = run(side.layer.kind, side.layer.settings, side.layer.parameters, side.inputs, train=side.train)
        if phase == "buffer":
            return _by_name(result.buffers)
        return hypothesis.outputs(result.outputs) if hypothesis.outputs else result.outputs
    except (ValueError, IndexError, ZeroDivisionError, OverflowError):
        return ()


def _sound(side: LayerRun, phase: str) -> bool:
    """Whether a side does what its settings say."""
    if phase != "backward":
        return distance(_predicted(Hypothesis(side, (None, None)), phase), observed(side, phase)) <= LIMIT
    return backward.follows_from(side, run)


def _as_it_behaves(side: LayerRun, phase: str) -> LayerRun | None:
    """A layer that overrides its kind, with the one setting changed under which it does what its settings say."""
    alone = Fault(side, side, phase)
    return next((h.run for _, h in _tried(alone) if not h.outputs and _remaining(h, alone) <= LIMIT), None)


def _tried(fault: Fault) -> Iterator[tuple[Cause, Hypothesis]]:
    for cause in CAUSES:
        if cause.concerns(fault):
            for hypothesis in cause.hypotheses(fault):
                yield cause, hypothesis


def _single(fault: Fault, swapped: bool, altered: bool) -> Iterator[Verified]:
    for cause, hypothesis in _tried(fault):
        remaining = _remaining(hypothesis, fault)
        if remaining <= LIMIT:
            yield Verified(((cause, hypothesis),), fault, remaining, swapped, altered)


def _pairs(fault: Fault, swapped: bool, altered: bool) -> Iterator[Verified]:
    """Differences that the settings show first; guesses with guesses only as far as the work is bearable."""
    tried = list(_tried(fault))
    size = sum(np.size(x) for x in fault.a.inputs)
    bearable = size * len(tried) ** 2 <= WORK
    for first, before in sorted(tried, key=lambda one: not one[1].specific):
        if not (bearable or before.specific) or before.outputs:
            continue
        changed = replace(fault, a=before.run)
        for second, after in _seconds(changed, first):
            if (bearable or after.specific) and (remaining := _remaining(after, fault)) <= LIMIT:
                yield Verified(((first, before), (second, after)), fault, remaining, swapped, altered)
                return


def _all_shown(fault: Fault, swapped: bool, altered: bool) -> Iterator[Verified]:
    """Every difference that the settings show, one after the other, and then without those that are not needed."""

    def applied(left_out: set[str]) -> Verified:
        parts: list[tuple[Cause, Hypothesis]] = []
        now = fault
        while len(parts) < MOST:
            used = {cause.id for cause, _ in parts} | left_out
            new = next(((c, h) for c, h in _tried(now) if h.specific and not h.outputs and c.id not in used), None)
            if new is None:
                break
            parts.append(new)
            now = replace(fault, a=new[1].run)
        remaining = _remaining(parts[-1][1], fault) if parts else np.inf
        return Verified(tuple(parts), fault, remaining, swapped, altered)

    whole = applied(set())
    if whole.remaining <= LIMIT:
        for cause, _ in whole.parts:
            kept = {c.id for c, _ in whole.parts}
            without = applied(({c.id for c in CAUSES} - kept) | {cause.id})
            whole = without if without.remaining <= LIMIT else whole
        yield whole


def _seconds(fault: Fault, first: Cause) -> Iterable[tuple[Cause, Hypothesis]]:
    return ((cause, hypothesis) for cause, hypothesis in _tried(fault) if cause is not first)


def _remaining(hypothesis: Hypothesis, fault: Fault) -> float:
    target = fault.b.outputs
    if hypothesis.run.layer.kind in BY_SAMPLE and fault.phase == "forward" and len(hypothesis.run.inputs) == 1:
        # one sample is enough to see that a hypothesis is wrong
        one = replace(hypothesis, run=replace(hypothesis.run, inputs=(hypothesis.run.inputs[0][:1],)))
        if (error := distance(_predicted(one, fault.phase), tuple(y[:1] for y in target))) > SCREEN:
            return error
    return distance(_predicted(hypothesis, fault.phase), observed(fault.b, fault.phase))
