"""Why two attentions differ: masks, scale, and how heads and projections are packed."""

from collections.abc import Iterable
from itertools import permutations
from math import sqrt

import numpy as np

from parity.causes.cause import Array, Cause, Hypothesis, assume, keyword, setting, without
from parity.layer import Fault
from parity.reference.attention import extras

__all__ = ["CAUSES"]

ATTENTION = ("attention",)


def _masked(fault: Fault, then: str, mask: Array | None) -> Hypothesis:
    others = [mask, extras(fault.a.inputs)[1]]
    inputs = (*fault.a.inputs[:3], *(x for x in others if x is not None))
    return assume(fault, "True may attend", then, inputs=inputs)


def _polarity(fault: Fault) -> Iterable[Hypothesis]:
    if (mask := extras(fault.a.inputs)[0]) is not None:
        yield _masked(fault, "True may not attend", ~mask.astype(bool))


def _ignored(fault: Fault) -> Iterable[Hypothesis]:
    if extras(fault.a.inputs)[0] is not None:
        yield _masked(fault, "ignored", None)


def _scales(fault: Fault) -> Iterable[float]:
    size, heads = fault.a.inputs[0].shape[-1], fault.a.layer.settings["heads"]
    return (1.0, 1 / sqrt(size), 1 / sqrt(heads), heads / size, sqrt(size // heads))


def _causal(fault: Fault) -> Iterable[Hypothesis]:
    words = {False: "none", True: "later ones hidden", "strict": "the position itself hidden too"}
    mine, theirs = (side.layer.settings.get("causal", False) for side in (fault.a, fault.b))
    for new in (True, False, "strict"):
        if new != mine:
            yield assume(fault, words[mine], words[new], specific=new == theirs, settings={"causal": new})


def _packed(fault: Fault) -> Iterable[Hypothesis]:
    held = fault.a.layer.parameters
    names = [name for name in ("in_proj_weight", "in_proj_bias") if name in held]
    for order in list(permutations(range(3)))[1:]:
        packed = {name: np.concatenate([np.split(held[name], 3)[i] for i in order]) for name in names}
        yield assume(fault, "query, key, value", ", ".join(("query", "key", "value")[i] for i in order),
                     parameters=dict(packed))  # fmt: skip


def _head_order(fault: Fault) -> Iterable[Hypothesis]:
    """The features of a head stand every heads-th instead of side by side, in the projections and behind them."""
    held, heads = fault.a.layer.parameters, fault.a.layer.settings["heads"]
    size = held["out_proj.weight"].shape[0]
    for rows in ((-1, heads), (heads, -1)):
        order = np.arange(size).reshape(rows).T.ravel()
        into = {
            name: np.concatenate([part[order] for part in np.split(held[name], 3)])
            for name in ("in_proj_weight", "in_proj_bias")
            if name in held
        }
        back = {"out_proj.weight": held["out_proj.weight"][:, order]}
        for then, changed in (("interleaved", into | back), ("interleaved before the heads", into),
                              ("interleaved after the heads", back)):  # fmt: skip
            yield assume(fault, "side by side", then, parameters=dict(changed))


def _exchanged(fault: Fault) -> Iterable[Hypothesis]:
    query, key, value, *mask = fault.a.inputs
    if key.shape == value.shape:
        yield assume(fault, "query, key, value", "query, value, key", inputs=(query, value, key, *mask))


def _transposed(fault: Fault) -> Iterable[Hypothesis]:
    held = fault.a.layer.parameters
    into = np.concatenate([part.T for part in np.split(held["in_proj_weight"], 3)])
    out = held["out_proj.weight"].T
    for then, changed in (("out_proj", {"out_proj.weight": out}), ("in_proj", {"in_proj_weight": into}),
                          ("both", {"out_proj.weight": out, "in_proj_weight": into})):  # fmt: skip
        yield assume(fault, "none", then, parameters=dict(changed))


def _divisors(fault: Fault) -> Iterable[int]:
    size = fault.a.inputs[0].shape[-1]
    return (heads for heads in range(1, size + 1) if size % heads == 0)


LOAD = ("in_proj_weight and out_proj.weight, {}", "set_weights([query, key, value, output]), {}")

CAUSES = (
    Cause("attention.mask_polarity", ATTENTION,
          "True means 'may attend' on one side (Keras), 'may not' on the other (PyTorch)", _polarity, "mask: {}",
          "attn_mask=~mask where True is 'may attend'; {}", "attention_mask=mask where True is 'may attend'; {}"),
    Cause("attention.mask_ignored", ATTENTION, "one side does not use the mask", _ignored, "mask: {}",
          "attn_mask=...: {}", "attention_mask=...: {}"),
    Cause("attention.causal", ATTENTION, "the causal masks differ", _causal, "causal mask: {}",
          "attn_mask=nn.Transformer.generate_square_subsequent_mask(T): {}", "use_causal_mask=True: {}"),
    Cause("attention.scale", ATTENTION, "the scores are scaled by other factors", setting("scale", None, _scales),
          "scale {}", "F.scaled_dot_product_attention(..., scale={})", "keras.ops.dot_product_attention(scale={})"),
    Cause("attention.softmax_axis", ATTENTION, "the softmax runs over the queries",
          setting("softmax_over", "keys", ("queries", "keys")), "softmax over the {}", "softmax(dim=...) over the {}",
          "softmax(axis=...) over the {}"),
    Cause("attention.heads", ATTENTION, "the numbers of heads differ", setting("heads", None, _divisors), "{} heads",
          keyword("num_heads"), keyword("num_heads")),
    Cause("attention.key_value", ATTENTION, "key and value are exchanged: Keras takes (query, value, key)", _exchanged,
          "arguments {}", "attention(query, key, value): {}", "attention(query, value, key): {}"),
    Cause("attention.packed_order", ATTENTION, "the packed projections stand in another order", _packed,
          "projections {}", *LOAD),
    Cause("attention.head_order", ATTENTION, "the features are split into heads in another order", _head_order,
          "a head's features {}", *LOAD),
    Cause("attention.transposed", ATTENTION, "projections are not transposed as they should be", _transposed,
          "transposed: {}", *LOAD),
    Cause("attention.bias_missing", ATTENTION, "a bias of the projections is missing",
          without("out_proj.bias", "in_proj_bias"), "{}", keyword("bias", lambda v: not v.startswith("no ")),
          keyword("use_bias", lambda v: not v.startswith("no "))),
    Cause("attention.dropout", ATTENTION, "the weights are dropped at other rates",
          setting("rate", 0.0, (0.0,)), "dropout {}", keyword("dropout"), keyword("dropout")),
)  # fmt: skip
