"""Why two recurrent layers differ: gates, biases, directions, and what of the sequence comes out."""

from collections.abc import Callable, Iterable, Mapping
from itertools import permutations

import numpy as np

from parity.causes.cause import Array, Cause, Hypothesis, assume, keyword, setting
from parity.layer import Fault, apart

__all__ = ["CAUSES"]

RNN, LSTM, GRU = ("rnn",), ("lstm",), ("gru",)
GATED, ALL = (*LSTM, *GRU), (*RNN, *LSTM, *GRU)
GATES = {"rnn": "h", "lstm": "ifgo", "gru": "rzn"}


def _each(fault: Fault, change: Callable[[str, Array], Array | None], prefix: str = "") -> Mapping[str, Array | None]:
    """Every parameter whose name starts so, changed."""
    held = fault.a.layer.parameters
    return {name: change(name, value) for name, value in held.items() if name.startswith(prefix)}


def _gate_order(fault: Fault) -> Iterable[Hypothesis]:
    gates = GATES[fault.a.layer.kind]
    for order in permutations(range(len(gates))):
        if list(order) == sorted(order):
            continue

        def reorder(_: str, value: Array, order: tuple[int, ...] = order) -> Array:
            blocks = np.split(value, len(gates))
            return np.concatenate([blocks[i] for i in order])

        new = "".join(gates[i] for i in order)
        yield assume(fault, gates, new, parameters=_each(fault, reorder))


def _bias_missing(fault: Fault) -> Iterable[Hypothesis]:
    held, theirs = fault.a.layer.parameters, fault.b.layer.parameters
    for prefix in ("bias_ih", "bias_hh", "bias_"):
        if names := [name for name in held if name.startswith(prefix)]:
            specific = not any(name in theirs for name in names)
            word = "any bias" if prefix == "bias_" else prefix
            yield assume(fault, f"with {word}", f"without {word}", specific=specific,
                         parameters=dict.fromkeys(names))  # fmt: skip


def _bias_doubled(fault: Fault) -> Iterable[Hypothesis]:
    """A merged bias, or one of two, that is added twice."""
    for prefix in ("bias_ih", "bias_hh", "bias_"):
        doubled = _each(fault, lambda _, value: 2 * value, prefix)
        if doubled:
            yield assume(fault, f"{prefix.rstrip('_')} once", "twice", parameters=doubled)


def _bias_merged(fault: Fault) -> Iterable[Hypothesis]:
    """Both biases summed into the first: another function in a GRU that resets after the product."""
    held = fault.a.layer.parameters
    merged: dict[str, Array | None] = {}
    for name in held:
        if name.startswith("bias_ih") and (other := name.replace("_ih_", "_hh_")) in held:
            merged |= {name: held[name] + held[other], other: None}
    if merged:
        yield assume(fault, "two biases", "their sum as the input's bias", parameters=merged)


def _forget_bias(fault: Fault) -> Iterable[Hypothesis]:
    for by in (1.0, -1.0):

        def shifted(_: str, value: Array, by: float = by) -> Array:
            i, f, g, o = np.split(value, 4)
            return np.concatenate([i, f + by, g, o])

        if changed := _each(fault, shifted, "bias_ih"):
            yield assume(fault, "as loaded", f"{by:+g}", parameters=changed)


def _kernels_swapped(fault: Fault) -> Iterable[Hypothesis]:
    held = fault.a.layer.parameters
    exchanged = {
        name: held[name.replace("_ih_", "_@_").replace("_hh_", "_ih_").replace("_@_", "_hh_")]
        for name in held
        if name.startswith("weight")
    }
    if all(held[name].shape == value.shape for name, value in exchanged.items()):
        yield assume(fault, "input's, state's", "state's, input's", parameters=dict(exchanged))


def _kernel_transposed(fault: Fault) -> Iterable[Hypothesis]:
    def turned(_: str, value: Array) -> Array:
        blocks = np.split(value, len(GATES[fault.a.layer.kind]))
        return np.concatenate([block.T for block in blocks])

    changed = _each(fault, turned, "weight_hh")
    yield assume(fault, "(out, in)", "(in, out)", parameters=changed)


def _directions(fault: Fault) -> Iterable[Hypothesis]:
    held = fault.a.layer.parameters
    if fault.a.layer.settings.get("bidirectional"):
        swapped = {
            name: held[name.removesuffix("_reverse") if name.endswith("_reverse") else name + "_reverse"]
            for name in held
        }
        yield assume(fault, "forward, backward", "backward, forward", parameters=dict(swapped))


def _sequence(
    now: str, then: str, change: Callable[[Fault, tuple[Array, ...]], tuple[Array, ...]], *, both: bool = True
) -> Callable[[Fault], Iterable[Hypothesis]]:
    """Another use of the outputs of both directions."""

    def hypotheses(fault: Fault) -> Iterable[Hypothesis]:
        if fault.a.layer.settings.get("bidirectional") or not both:
            yield assume(fault, now, then, outputs=lambda outputs: change(fault, outputs))

    return hypotheses


def _halves(array: Array) -> tuple[Array, Array]:
    first, second = np.split(array, 2, axis=-1)
    return first, second


def _backward_unturned(fault: Fault, outputs: tuple[Array, ...]) -> tuple[Array, ...]:
    forward, backward = _halves(outputs[0])
    return (np.concatenate([forward, backward[:, ::-1]], axis=-1), *outputs[1:])


def _summed(fault: Fault, outputs: tuple[Array, ...]) -> tuple[Array, ...]:
    forward, backward = _halves(outputs[0])
    return (forward + backward, *outputs[1:])


def _averaged(fault: Fault, outputs: tuple[Array, ...]) -> tuple[Array, ...]:
    summed = _summed(fault, outputs)
    return (summed[0] / 2, *summed[1:])


def _last_step(fault: Fault) -> Iterable[Hypothesis]:
    """The last step of the whole sequence: for the backward direction, the state after one step only."""
    if fault.a.layer.settings.get("bidirectional") and not fault.a.layer.settings.get("return_sequences", True):
        yield assume(fault, "after its last step", "at the last position", settings={"return_sequences": True},
                     outputs=lambda outputs: (outputs[0][:, -1], *outputs[1:]))  # fmt: skip


def _cell_returned(fault: Fault) -> Iterable[Hypothesis]:
    yield assume(fault, "h", "c", outputs=lambda outputs: (outputs[2][-1], *outputs[1:]))
    yield assume(fault, "(h, c)", "(c, h)", outputs=lambda outputs: (outputs[0], outputs[2], outputs[1]))
    (x, *states), masks = apart(fault.a.inputs)
    if len(states) == 2:
        yield assume(fault, "(h, c)", "(c, h)", inputs=(x, *states[::-1], *masks))


def _batch_first(fault: Fault) -> Iterable[Hypothesis]:
    turned = fault.a.inputs[0].swapaxes(0, 1)

    def back(outputs: tuple[Array, ...]) -> tuple[Array, ...]:
        return (outputs[0].swapaxes(0, 1) if outputs[0].ndim == 3 else outputs[0], *outputs[1:])

    yield assume(fault, "(N, T, D)", "(T, N, D)", inputs=(turned, *fault.a.inputs[1:]), outputs=back)


def _state_ignored(fault: Fault) -> Iterable[Hypothesis]:
    (x, *states), masks = apart(fault.a.inputs)
    if states:
        specific = len(apart(fault.b.inputs)[0]) == 1
        yield assume(fault, "given", "zero", specific=specific, inputs=(x, *masks))


def _mask(fault: Fault) -> Iterable[Hypothesis]:
    """Steps that count on one side alone."""
    (plain, mine), (_, theirs) = apart(fault.a.inputs), apart(fault.b.inputs)
    if mine:
        yield assume(fault, "masked", "not masked", specific=not theirs, inputs=plain)
        yield assume(fault, "where True counts", "where False counts", inputs=(*plain, ~mine[0]))
    elif theirs:
        yield assume(fault, "not masked", "masked", specific=True, inputs=(*plain, *theirs))


WEIGHTS = ("rnn.load_state_dict(...) with {}", "layer.set_weights([...]) with {}")
OUTPUT = ("output, state = rnn(x): take {}", "keras.layers.LSTM(return_sequences, return_state): take {}")

CAUSES = (
    Cause("gru.reset_after", GRU, "the reset gate acts after the product on one side, before it on the other",
          setting("reset_after", True, (False, True)), "reset_after {}",
          "nn.GRU resets after the product only; reset_after {}", keyword("reset_after")),
    Cause("gru.update_inverted", GRU, "the update gate keeps on one side what it replaces on the other",
          setting("invert_update", False, (True, False)), "inverted {}", *WEIGHTS),
    Cause("rnn.gate_order", GATED, "the gates stand in another order", _gate_order, "gates {}", *WEIGHTS),
    Cause("rnn.activation", ALL, "the activations differ",
          setting("activation", "tanh", ("relu", "tanh", "linear", "sigmoid")), "activation {}",
          keyword("nonlinearity"), keyword("activation")),
    Cause("rnn.recurrent_activation", GATED, "the activations of the gates differ",
          setting("recurrent_activation", "sigmoid", ("hard_sigmoid", "old_hard_sigmoid", "sigmoid")),
          "gate activation {}", "nn.LSTM knows sigmoid only: {}",
          keyword("recurrent_activation")),
    Cause("rnn.bias_missing", ALL, "a bias is missing", _bias_missing, "{}", *WEIGHTS),
    Cause("rnn.bias_doubled", ALL, "a bias counts twice", _bias_doubled, "{}", *WEIGHTS),
    Cause("rnn.bias_merged", ALL, "both biases were merged into one", _bias_merged, "{}", *WEIGHTS),
    Cause("lstm.forget_bias", LSTM, "the forget gate's bias is shifted by 1", _forget_bias, "forget bias {}", *WEIGHTS),
    Cause("rnn.kernels_swapped", ALL, "the kernels of input and state are exchanged", _kernels_swapped,
          "kernels {}", *WEIGHTS),
    Cause("rnn.kernel_transposed", ALL, "the state's kernel is not transposed", _kernel_transposed,
          "weight_hh {}", *WEIGHTS),
    Cause("rnn.directions_swapped", ALL, "the directions have each other's weights", _directions,
          "weights of {}", *WEIGHTS),
    Cause("rnn.mask", ALL, "one side leaves steps out, as Keras behind Embedding(mask_zero=True)", _mask, "steps {}",
          "nn.utils.rnn.pack_padded_sequence(...): {}", "layer(x, mask=...) or Embedding(mask_zero=...): {}"),
    Cause("rnn.direction", ALL, "one side reads the sequence backwards",
          setting("go_backwards", False, (True, False)), "backwards {}", "rnn(x.flip(1)) where backwards is {}",
          keyword("go_backwards")),
    Cause("rnn.backward_order", ALL, "the backward direction's outputs are not turned round again",
          _sequence("in time's order", "in its own order", _backward_unturned), "backward outputs {}", *OUTPUT),
    Cause("rnn.backward_state", ALL, "the backward direction's state is taken at the wrong end", _last_step,
          "backward state {}", *OUTPUT),
    Cause("rnn.merge_sum", ALL, "one side adds the two directions, the other joins them",
          _sequence("joined", "added", _summed), "directions {}", "torch.cat or add: {}",
          "keras.layers.Bidirectional(merge_mode=...): {}"),
    Cause("rnn.merge_average", ALL, "one side averages the two directions, the other joins them",
          _sequence("joined", "averaged", _averaged), "directions {}", "torch.cat or average: {}",
          "keras.layers.Bidirectional(merge_mode=...): {}"),
    Cause("rnn.return_sequences", ALL, "one side gives the whole sequence, the other the last step",
          setting("return_sequences", True, (False, True)), "return_sequences {}",
          "output[:, -1] or output: return_sequences {}", keyword("return_sequences")),
    Cause("rnn.batch_first", ALL, "one side takes time for the batch", _batch_first, "input {}",
          "batch_first=True for (N, T, D); input {}", "Keras takes (N, T, D); input {}"),
    Cause("lstm.cell_returned", LSTM, "the cell's and the hidden state are exchanged", _cell_returned, "state {}",
          "output, (h, c) = lstm(x): {}", "output, h, c = lstm(x): {}"),
    Cause("rnn.state_ignored", ALL, "one side ignores the initial state", _state_ignored, "initial state {}",
          "rnn(x, state): {}", "layer(x, initial_state=state): {}"),
)  # fmt: skip
