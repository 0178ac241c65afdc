"""Step by step: two models trained from equal weights on equal batches, and two update rules on equal gradients.

The trajectory says up to which step everything agrees and which tensor leaves first. Whether the rules themselves
are equal is another question: they are given the same gradients, whatever the models make of them.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from dualnet.interface import Array, ConfigError, Optimizer
from parity.layer import Fault, Layer, LayerRun
from parity.pair import common, uncommon
from parity.reference.optimizers import RULES, Averages
from parity.report import Culprit, Finding
from parity.side import Call, Pass, Rule, Side
from parity.tolerance import FLOAT64_LIMIT, NOISE_FACTOR, distance, largest

__all__ = ["Trajectory", "course", "for_side", "judged", "rule", "trajectory", "updates"]

RATES = {"sgd": 0.01, "adam": 0.001, "rmsprop": 0.001, "adagrad": 0.01, "adadelta": 1.0}
"""The learning rate of a rule that is given by its name alone."""
ULP = 2.0**-52
"""By how much the weights are changed, relatively, to see how fast rounding grows."""

MANY = 10_000
"""Numbers that are enough to diagnose a rule."""

Layers = Sequence[tuple[Call, Call]]
Gradients = dict[str, dict[str, Array]]
State = dict[str, Array]


@dataclass
class Reference:
    """The rule of `parity.reference.optimizers`, in NumPy, on either side."""

    side: Side
    layer: Layer
    kept: dict[str, Averages] = field(default_factory=dict)
    count: int = 0

    def step(self, gradients: Mapping[str, Mapping[str, Array]]) -> None:
        """One update of the model's parameters with these gradients."""
        self.count += 1
        settings = dict(self.layer.settings)
        rate = settings.pop("learning_rate")
        update = RULES[self.layer.kind](**settings)
        for layer, own in gradients.items():
            arrays = self.side.get(layer)
            for name, gradient in own.items():
                kept = self.kept.setdefault(f"{layer}.{name}", Averages())
                arrays[name] = arrays[name] - update(gradient, rate, self.count, kept)
            self.side.put(layer, arrays)

    def state(self) -> State:
        """What is remembered of each parameter."""
        return {f"{slot}/{name}": array for name, kept in self.kept.items() for slot, array in kept.values.items()}


def rule(side: Side, wanted: Any) -> Rule:
    """An update rule for one side's model.

    Args:
        side: the model.
        wanted: a name of `parity.reference.optimizers`, a `dualnet.interface.Optimizer`, or a native optimizer.

    Raises:
        ConfigError: no such rule.
    """
    if isinstance(wanted, Optimizer):
        own: dict[str, Any] = {"momentum": wanted.momentum}
        if wanted.name == "adam":
            own = {"betas": wanted.betas, "eps": wanted.epsilon}
        return Reference(side, Layer(wanted.name, wanted.name, {"learning_rate": wanted.learning_rate, **own}))
    if isinstance(wanted, str):
        if wanted not in RATES:
            raise ConfigError(
                f"optimizer {wanted!r}: expected one of {', '.join(RATES)}, or a native one for each side"
            )
        return Reference(side, Layer(wanted, wanted, {"learning_rate": RATES[wanted]}))
    return side.rule(wanted)


@dataclass
class Trajectory:
    """What became of the parameters and buffers of one side, step by step.

    Args:
        values: after each step, by "layer.name" of side a.
        losses: before each step.
        gradients: of each step, by layer and name.
        state: what the optimizer remembers at the end.
    """

    values: list[State] = field(default_factory=list)
    losses: list[Array] = field(default_factory=list)
    gradients: list[Gradients] = field(default_factory=list)
    state: State = field(default_factory=dict)


def trajectory(
    side: Side, which: int, layers: Layers, update: Rule, steps: int, run: Callable[[int], Pass], silent: set[str]
) -> Trajectory:
    """Train one side.

    Args:
        side: the model, which is changed.
        which: 0 for a, 1 for b.
        layers: the pairs.
        update: its rule.
        steps: how many.
        run: a forward and backward pass of the step of this number.
        silent: parameters ("layer.name" of a) whose true gradient is 0: they stay where they are.
    """
    found = Trajectory()
    for step in range(steps):
        passed = run(step)
        gradients = {layer: dict(own) for layer, own in passed.parameter_gradients.items()}
        for both in layers:
            own = gradients.get(both[which].layer.name, {})
            for name in own:
                if f"{both[0].layer.name}.{name}" in silent:
                    own[name] = np.zeros_like(own[name])
        update.step(gradients)
        found.gradients.append(gradients)
        if passed.loss is not None:
            found.losses.append(passed.loss)
        found.values.append({
            f"{both[0].layer.name}.{name}": array
            for both in layers
            for name, array in common(both[which].layer.kind, side.get(both[which].layer.name)).items()
        })  # fmt: skip
    names = {both[which].layer.name: both[0].layer.name for both in layers}
    found.state = {
        f"{slot}/{names.get(layer, layer)}.{own}": array
        for name, array in update.state().items()
        for slot, _, full in [name.partition("/")]
        for layer, _, own in [_split(full, names)]
    }
    return found


def _split(name: str, layers: Mapping[str, str]) -> tuple[str, str, str]:
    """A parameter's layer and own name: an own name may have dots as well."""
    ends = [i for i, letter in enumerate(name) if letter == "." and name[:i] in layers]
    return (name[: ends[-1]], ".", name[ends[-1] + 1 :]) if ends else name.rpartition(".")


def judged(one: Trajectory, other: Trajectory, noise: Trajectory | None = None) -> Iterator[Finding]:
    """Each tensor after each step; with `noise`, by how far roundings alone carry side a."""
    for step, (left, right) in enumerate(zip(one.values, other.values, strict=True)):
        if step < len(one.losses):
            yield _step_finding(f"float64/step{step + 1}/loss", one.losses[step], other.losses[step],
                                None if noise is None else noise.losses[step])  # fmt: skip
        for name in sorted(left.keys() & right.keys()):
            yield _step_finding(f"float64/step{step + 1}/parameter/{name}", left[name], right[name],
                                None if noise is None else noise.values[step][name])  # fmt: skip
    for name in sorted(one.state.keys() & other.state.keys()):
        yield _step_finding(f"float64/state/{name}", one.state[name], other.state[name],
                            None if noise is None else noise.state[name])  # fmt: skip


def _step_finding(name: str, a: Array, b: Array, noisy: Array | None) -> Finding:
    found = distance(a, b)
    noise = None if noisy is None else distance(a, noisy).error
    limit = max(FLOAT64_LIMIT, NOISE_FACTOR * (noise or 0.0))
    return Finding(name, found.error, limit, noise, found.index, found.values, found.problem)


def course(findings: Sequence[Finding], steps: int) -> str:
    """Up to which step everything agrees, what leaves first, and how fast the difference grows."""
    worst = [
        max(
            (f for f in findings if f.name.startswith(f"float64/step{k}/") and not f.excluded),
            key=lambda f: f.error / f.limit,
        )
        for k in range(1, steps + 1)
    ]
    errors = np.array([f.error for f in worst])
    some = np.isfinite(errors) & (errors > 0)
    grows = ""
    if some.sum() > 1:
        slope = np.polyfit(np.arange(steps)[some], np.log(errors[some]), 1)[0]
        grows = f"; the difference grows {np.exp(slope):.3g}-fold in each step"
    failed = [k for k, f in enumerate(worst) if not f.passed]
    if not failed:
        return f"{steps} of {steps} steps agree, the greatest difference is {errors.max():.1e}{grows}"
    first = worst[failed[0]]
    name = first.name.partition("/")[2].partition("/")[2]
    return (
        f"everything agrees up to step {failed[0]} of {steps}; first to leave is {name} in step {failed[0] + 1} "
        f"by {first.error:.1e}{grows}"
    )


def updates(
    layers: Layers, rules: tuple[Rule, Rule], sides: tuple[Side, Side], frameworks: tuple[str, str],
    gradients: Sequence[Gradients],
) -> tuple[list[Finding], list[Culprit]]:  # fmt: skip
    """Two rules on the gradients that side a had: their parameters after each step, and their causes to differ.

    Args:
        layers: the pairs.
        rules: fresh, of both sides.
        sides: the models, which are changed; their weights are equal.
        frameworks: of both sides.
        gradients: of side a in each step.
    """
    start = _parameters(sides[0], 0, layers)
    paths: list[dict[str, list[Array]]] = [{name: [] for name in start} for _ in sides]
    for own in gradients:
        for which, (side, update) in enumerate(zip(sides, rules, strict=True)):
            update.step(for_side(side, which, layers, own))
            for name, array in _parameters(side, which, layers).items():
                paths[which].setdefault(name, []).append(array)
    findings, failed = [], []
    for name in sorted(start.keys() & paths[1].keys()):
        given = _gradients_of(name, layers, gradients)
        if given is None:
            continue
        a, b = np.stack(paths[0][name]), np.stack(paths[1][name])
        found = distance(a - start[name], b - start[name], scale=max(largest(a - start[name]), ULP * largest(a)))
        limit = max(FLOAT64_LIMIT, NOISE_FACTOR * ULP * largest(a) / max(largest(a - start[name]), ULP * largest(a)))
        findings.append(Finding(f"float64/update/{name}", found.error, limit, None, found.index, found.values))
        if not findings[-1].passed:
            failed.append((found.error, name))
    if not failed:
        return findings, []
    from parity.causes import diagnose, measured

    failed.sort(reverse=True)
    error = failed[0][0]
    by_tensor = any(update.layer.settings.get("clip_norm") for update in rules)
    names = _some([name for _, name in failed][: 1 if by_tensor else None], start)
    norms = np.array([_norm(own) for own in gradients])
    values = _joined([start[name][None] for name in names])[0]
    given = _joined([np.asarray(_gradients_of(name, layers, gradients)) for name in names])
    runs = [
        LayerRun(update.layer, framework, (values, given, norms), (_joined([np.stack(path[n]) for n in names]),))
        for update, framework, path in zip(rules, frameworks, paths, strict=True)
    ]
    fault = Fault(runs[0], runs[1], "update")
    where = " | ".join(update.layer.name for update in rules)
    return findings, [Culprit(where, "optimizer", "update", error, diagnose(fault), measured(fault))]


def _some(names: Sequence[str], arrays: State) -> list[str]:
    """As many of them as a diagnosis can bear, but one at least: a rule treats each number alone."""
    sizes = np.cumsum([arrays[name].size for name in names])
    return [name for name, size in zip(names, sizes, strict=True) if size <= MANY] or [names[0]]


def _joined(arrays: Sequence[Array]) -> Array:
    """Arrays (S, ...) as one (S, N)."""
    return np.concatenate([array.reshape(len(array), -1) for array in arrays], axis=1)


def _norm(gradients: Gradients) -> float:
    return float(np.sqrt(sum(np.square(g).sum() for own in gradients.values() for g in own.values())))


def _parameters(side: Side, which: int, layers: Layers) -> State:
    return {
        f"{both[0].layer.name}.{name}": array
        for both in layers
        for name, array in common(both[which].layer.kind, side.get(both[which].layer.name)).items()
        if not name.rpartition(".")[2].startswith("running_")
    }


def for_side(side: Side, which: int, layers: Layers, gradients: Gradients) -> Gradients:
    """Side a's gradients under the names and in the form of a side."""
    if which == 0:
        return gradients
    found = {}
    for a, b in layers:
        if own := gradients.get(a.layer.name):
            shared = common(a.layer.kind, own, gradients=True)
            form = {n: g for n, g in side.get(b.layer.name).items() if not n.startswith("running_")}
            found[b.layer.name] = uncommon(b.layer.kind, shared, form, gradients=True)
    return found


def _gradients_of(name: str, layers: Layers, gradients: Sequence[Gradients]) -> Array | None:
    layer, _, own = _split(name, {a.layer.name: "" for a, _ in layers})
    kind = next(a.layer.kind for a, _ in layers if a.layer.name == layer)
    found = [common(kind, step.get(layer, {}), gradients=True).get(own) for step in gradients]
    return None if any(g is None for g in found) else np.stack([np.asarray(g) for g in found])
