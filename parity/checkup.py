"""Before any run: how two models and what they run in differ, and what to do about it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from parity.layer import Layer
from parity.models import Job, side
from parity.pair import common
from parity.replay import known_settings
from parity.side import Side

__all__ = ["Difference", "doctor"]

ADVICE = {
    "mode": "compare(..., train=...) sets both; elsewhere model.eval() against training=False",
    "dtype": "convert one: model.double() against keras.config.set_dtype_policy('float64')",
    "seed": "no matter for parity.compare; elsewhere draw weights and noise once and give them to both",
    "device": "no matter for parity.compare, which runs where the model is; rounding differs between devices",
    "threads": "sums are split in another way: the last digits differ",
    "deterministic": "torch.use_deterministic_algorithms(True), tf.config.experimental.enable_op_determinism()",
    "tf32": "torch.set_float32_matmul_precision('highest'), "
    "tf.config.experimental.enable_tensor_float_32_execution(False)",
    "regularisers": "Keras adds these to the loss in fit(); in PyTorch add the terms to the loss by hand",
    "frozen": "requires_grad_(True) or layer.trainable = True on one side, or freeze the partner, too",
    "parameters": "a layer is missing, or has another size or no bias",
}
"""What to do about a difference, by topic."""


@dataclass(frozen=True)
class Difference:
    """Something that is not the same on both sides.

    Args:
        topic: what, in a word.
        a, b: what each side has.
        advice: what to do about it.
    """

    topic: str
    a: str
    b: str
    advice: str = ""

    def to_dict(self) -> dict[str, str]:
        """JSON values only."""
        return asdict(self)


def doctor(
    a: Any, b: Any, *, optimizers: tuple[Any, Any] | None = None, inputs: Any = None, layout: str | None = None
) -> list[Difference]:
    """Compare two models and their environments without comparing what they compute.

    Args:
        a, b: a `torch.nn.Module` or a Keras model or layer each.
        optimizers: of both sides, if their constants are to be compared, too.
        inputs: one batch, to pair the layers and to find their other settings; without, parameters are only counted.
        layout: of the inputs, as in `parity.compare`.

    Returns:
        What differs; versions of the frameworks are told where both sides have the same framework.
    """
    sides = side(a), side(b)
    job = Job(*sides, inputs, None, None, {}, False, False, 0, layout, frozenset()) if inputs is not None else None
    found = list(_environments(*(one.about() for one in sides)))
    if optimizers is not None:
        with sides[0].borrowed("float64"), sides[1].borrowed("float64"):
            rules = [one.rule(native).layer for one, native in zip(sides, optimizers, strict=True)]
        found += _settings("optimizer", *rules)
    if job is None:
        return [*found, *_shapes(*sides)]
    with sides[0].borrowed("float64"), sides[1].borrowed("float64"):
        pairing = job.pairing()
    for one, other in pairing.pairs:
        if one.real and other.real:
            layers = (known_settings(call.layer) for call in (one, other))
            found += _settings(f"{one.layer.name} | {other.layer.name}", *layers)
    alone = [("a", pairing.alone_a), ("b", pairing.alone_b)]
    for which, calls in alone:
        for call in calls:
            if call.real:
                name = f"{call.layer.name} ({call.layer.kind})"
                own, missing = (name, "nothing") if which == "a" else ("nothing", name)
                found.append(Difference("layer without partner", own, missing, "pairs={...} or allow=[...]"))
    return found


def _environments(a: Mapping[str, Any], b: Mapping[str, Any]) -> Iterator[Difference]:
    told = {"shapes", "framework"} | (set() if a["framework"] == b["framework"] else {"versions"})
    for topic in (topic for topic in a if topic in b and topic not in told):
        if a[topic] != b[topic]:
            yield Difference(topic, str(a[topic]), str(b[topic]), ADVICE.get(topic, ""))
    for topic in ("regularisers", "frozen"):
        for sides in (a, b):
            if topic not in (a.keys() & b.keys()) and sides.get(topic):
                yield Difference(topic, str(a.get(topic, "none")), str(b.get(topic, "none")), ADVICE[topic])


def _settings(topic: str, a: Layer, b: Layer) -> Iterator[Difference]:
    """Settings that both know and that differ, kinds, and parameters that only one side has."""
    if a.kind != b.kind:
        yield Difference(topic, a.kind, b.kind)
    for name in sorted(a.settings.keys() & b.settings.keys()):
        if _plain(a.settings[name]) != _plain(b.settings[name]):
            yield Difference(f"{topic}: {name}", _text(a.settings[name]), _text(b.settings[name]))
    arrays = [common(layer.kind, layer.parameters) for layer in (a, b)]
    for name in sorted(arrays[0].keys() | arrays[1].keys()):
        shapes = [str(own[name].shape) if name in own else "nothing" for own in arrays]
        if shapes[0] != shapes[1]:
            yield Difference(f"{topic}: {name}", shapes[0], shapes[1], ADVICE["parameters"])


def _text(value: Any) -> str:
    return f"{value:.9g}" if isinstance(value, float) else str(value)


def _plain(value: Any) -> Any:
    return [_plain(part) for part in value] if isinstance(value, list | tuple) else value


def _shapes(a: Side, b: Side) -> Iterator[Difference]:
    """Parameters whose shape, whatever its order, the other side has less often."""
    counts: list[dict[tuple[int, ...], int]] = [{}, {}]
    for own, one in zip(counts, (a, b), strict=True):
        for shape in one.about()["shapes"]:
            key = tuple(sorted(n for n in shape if n > 1))
            own[key] = own.get(key, 0) + 1
    for key in sorted(counts[0].keys() | counts[1].keys()):
        numbers = [own.get(key, 0) for own in counts]
        if numbers[0] != numbers[1]:
            text = [f"{n} of {_by(key)}" for n in numbers]
            yield Difference("parameters", text[0], text[1], ADVICE["parameters"])


def _by(shape: Sequence[int]) -> str:
    return " by ".join(map(str, shape)) or "1"
