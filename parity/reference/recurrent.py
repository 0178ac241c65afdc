"""Recurrent layers over sequences (N, T, D), with PyTorch's names and gate orders: i f g o (LSTM), r z n (GRU)."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from parity.layer import apart
from parity.reference.activation import ELEMENTWISE
from parity.reference.kind import Array, Call, Kind, Unsupported, choose

__all__ = ["GATES", "KINDS"]

GATES = {"rnn": 1, "lstm": 4, "gru": 3}
"""How many gates stand in the rows of a weight."""
PARAMETERS = r"(weight|bias)_(ih|hh)_l\d+(_reverse)?"


def _cell(kind: str, settings: Mapping[str, Any], weights: tuple[Array, Array, Array, Array]) -> Any:
    """One time step: (x, h, c) to (h, c)."""
    W, R, b, c_bias = weights
    tanh = choose("activation", settings["activation"], ELEMENTWISE)
    sigmoid = choose("recurrent_activation", settings["recurrent_activation"], ELEMENTWISE)

    def rnn(x: Array, h: Array, c: Array) -> tuple[Array, Array]:
        return tanh(x @ W.T + b + h @ R.T + c_bias), c

    def lstm(x: Array, h: Array, c: Array) -> tuple[Array, Array]:
        i, f, g, o = np.split(x @ W.T + b + h @ R.T + c_bias, 4, axis=-1)
        c = sigmoid(f) * c + sigmoid(i) * tanh(g)
        return sigmoid(o) * tanh(c), c

    def gru(x: Array, h: Array, c: Array) -> tuple[Array, Array]:
        from_x = np.split(x @ W.T + b, 3, axis=-1)
        (R_r, R_z, R_n), (b_r, b_z, b_n) = np.split(R, 3), np.split(c_bias, 3)
        r = sigmoid(from_x[0] + h @ R_r.T + b_r)
        z = sigmoid(from_x[1] + h @ R_z.T + b_z)
        recurrent = r * (h @ R_n.T + b_n) if settings["reset_after"] else (r * h) @ R_n.T + b_n
        n = tanh(from_x[2] + recurrent)
        kept = 1 - z if settings["invert_update"] else z
        return (1 - kept) * n + kept * h, c

    return {"rnn": rnn, "lstm": lstm, "gru": gru}[kind]


def _recurrent(kind: str) -> Kind:
    def compute(
        call: Call,
        hidden: int,
        layers: int = 1,
        bidirectional: bool = False,
        activation: str = "tanh",
        recurrent_activation: str = "sigmoid",
        reset_after: bool = True,
        return_sequences: bool = True,
        go_backwards: bool = False,
        invert_update: bool = False,
    ) -> tuple[Array, ...]:
        """The sequence (N, T, directions * H) or its last step, then h and, of an LSTM, c (layers * directions, N, H).

        Backwards alone, the sequence is in the order of processing; `invert_update` is the update gate of the
        original GRU (Cho et al. 2014). A mask (N, T) of truth values, the last input, tells which steps count: the
        others leave the state as it is, and give the output of the step before.
        """
        if go_backwards and bidirectional:
            raise Unsupported("both directions, and backwards as well")
        settings = {
            "activation": activation,
            "recurrent_activation": recurrent_activation,
            "reset_after": reset_after,
            "invert_update": invert_update,
        }
        suffixes = ("", "_reverse") if bidirectional else ("",)
        shape = (layers * len(suffixes), len(call.x), hidden)
        (_, *states), masks = apart(call.inputs)
        mask = masks[0] if masks else np.ones(call.x.shape[:2], bool)
        h0, c0 = (*states, np.zeros(shape), np.zeros(shape))[:2]
        h_last: list[Array] = []
        c_last: list[Array] = []
        out = call.x
        for layer in range(layers):
            directions = []
            for backwards, suffix in enumerate(suffixes):
                step = _cell(kind, settings, _weights(call, f"l{layer}{suffix}", GATES[kind] * hidden))
                h, c = h0[len(h_last)], c0[len(h_last)]
                order = slice(None, None, -1 if backwards or go_backwards else 1)
                seen: list[Array] = []
                for x, kept in zip(np.moveaxis(out, 1, 0)[order], mask.T[order, :, None], strict=True):
                    after_h, after_c = step(x, h, c)
                    h, c = np.where(kept, after_h, h), np.where(kept, after_c, c)
                    seen.append(np.where(kept, h, seen[-1] if seen else 0.0))
                h_last, c_last = [*h_last, h], [*c_last, c]
                directions.append(np.stack(seen[::-1] if backwards else seen, axis=1))
            out = np.concatenate(directions, axis=-1)
        if not return_sequences:
            out = np.concatenate(h_last[-len(suffixes) :], axis=-1)
        return (out, np.stack(h_last), np.stack(c_last)) if kind == "lstm" else (out, np.stack(h_last))

    return Kind(compute, PARAMETERS, inputs=(1, 4 if kind == "lstm" else 3))


def _weights(call: Call, suffix: str, rows: int) -> tuple[Array, Array, Array, Array]:
    W, R = (call.parameters[f"weight_{part}_{suffix}"] for part in ("ih", "hh"))
    if len(W) != rows or len(R) != rows:
        raise ValueError(f"expected {rows} rows of gates, got {W.shape} and {R.shape}")
    b, c = (call.parameters.get(f"bias_{part}_{suffix}", np.zeros(rows)) for part in ("ih", "hh"))
    return W, R, b, c


KINDS = {kind: _recurrent(kind) for kind in GATES}
