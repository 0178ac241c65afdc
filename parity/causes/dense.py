"""Why dense layers and embeddings differ."""

from collections.abc import Iterable
from math import sqrt

import numpy as np

from parity.causes.cause import Cause, Hypothesis, assume, keyword, scaled, without
from parity.layer import Fault

__all__ = ["CAUSES"]

DENSE, EMBEDDING = ("dense",), ("embedding",)


def _transposed(fault: Fault) -> Iterable[Hypothesis]:
    weight = fault.a.layer.parameters["weight"]
    if weight.shape[0] == weight.shape[1]:
        yield assume(fault, "(out, in)", "(in, out)", parameters={"weight": weight.T})
    else:
        reshaped = weight.T.reshape(weight.shape)
        yield assume(fault, "transposed", "reshaped", parameters={"weight": reshaped})


def _input_order(fault: Fault) -> Iterable[Hypothesis]:
    """The features are C * S: every way to read them in the other order."""
    x = fault.a.inputs[0]
    features = x.shape[-1]
    for channels in range(2, features // 2 + 1):
        if features % channels == 0:
            order = np.arange(features).reshape(channels, -1).T.ravel()
            other = f"({features // channels} positions, {channels} channels)"
            mine = f"({channels} channels, {features // channels} positions)"
            yield assume(fault, mine, other, inputs=(x[..., order],))


def _padding_row(fault: Fault) -> Iterable[Hypothesis]:
    weight = fault.a.layer.parameters["weight"]
    theirs = fault.b.layer.settings.get("padding_idx")
    for row in dict.fromkeys((theirs, 0, len(weight) - 1)):
        if row is not None:
            emptied = weight.copy()
            emptied[row] = 0
            yield assume(fault, "no empty row", f"row {row} empty", parameters={"weight": emptied})


def _offset(fault: Fault) -> Iterable[Hypothesis]:
    weight = fault.a.layer.parameters["weight"]
    for by in (1, -1, 2, -2):
        yield assume(fault, "i", f"i {by:+}", parameters={"weight": np.roll(weight, -by, axis=0)})


def _scaled(fault: Fault) -> Iterable[Hypothesis]:
    root = sqrt(fault.a.layer.parameters["weight"].shape[1])
    for then, factor in (("sqrt(d)", root), ("1 / sqrt(d)", 1 / root)):
        yield assume(fault, "1", then, outputs=scaled(factor))


CAUSES = (
    Cause("dense.transposed", DENSE, "the weight is not transposed as it should be", _transposed, "weight {}",
          "linear.weight.copy_(kernel.T): weight {}", "dense.kernel.assign(weight.T): weight {}"),
    Cause("dense.bias_missing", DENSE, "one side has no bias", without("bias"), "{}",
          keyword("bias", lambda value: value == "bias"),
          keyword("use_bias", lambda value: value == "bias")),
    Cause("dense.input_order", DENSE, "the features were flattened in another order", _input_order,
          "features as {}", "x.permute(0, 2, 3, 1).flatten(1) gives channels last; wanted {}",
          "keras.layers.Permute((3, 1, 2)) before Flatten gives channels first; wanted {}"),
    Cause("embedding.padding_row", EMBEDDING, "the row of the padding index is 0 on one side", _padding_row, "{}",
          "nn.Embedding(..., padding_idx=...) empties its row: {}",
          "keras.layers.Embedding(mask_zero=True) empties no row: {}"),
    Cause("embedding.offset", EMBEDDING, "the indices are shifted by some", _offset, "row {} for index i",
          "embedding(index): row {}", "embedding(index): row {}"),
    Cause("embedding.scaled", EMBEDDING, "one side multiplies the embedding by the root of its size", _scaled,
          "factor {}", "embedding(index) times {}", "embedding(index) times {}"),
)  # fmt: skip
