"""Why resizing, dropout, flattening and joining differ."""

from collections.abc import Iterable

import numpy as np

from parity.causes.cause import Cause, Hypothesis, assume, keyword, setting
from parity.causes.convolution import around
from parity.layer import Fault

__all__ = ["CAUSES"]

UPSAMPLE, DROPOUT = ("upsample",), ("dropout",)


def _mode(fault: Fault) -> Iterable[Hypothesis]:
    words = {True: "train", False: "eval"}
    mine, theirs = fault.a.train, fault.b.train
    yield assume(fault, words[mine], words[not mine], specific=mine != theirs, train=not mine)


def _kept(fault: Fault) -> Iterable[Hypothesis]:
    rate, theirs = fault.a.layer.settings["rate"], fault.b.layer.settings.get("rate")
    specific = theirs is not None and abs(theirs - (1 - rate)) < 1e-12
    yield assume(fault, rate, 1 - rate, specific=specific, settings={"rate": 1 - rate})


def _shape(fault: Fault) -> Iterable[Hypothesis]:
    """Whole channels are dropped by the noise of their first element."""
    mine = fault.a.layer.settings.get("shape", "element")
    if mine == "element" and len(fault.a.inputs) > 1 and fault.a.inputs[0].ndim > 2:
        x, noise = fault.a.inputs
        per_channel = noise.reshape(*noise.shape[:2], -1)[:, :, 0]
        specific = fault.b.layer.settings.get("shape") == "channel"
        yield assume(fault, "element", "channel", specific=specific, settings={"shape": "channel"},
                     inputs=(x, per_channel))  # fmt: skip
    elif mine == "channel" and len(fault.b.inputs) > 1:
        yield assume(fault, "channel", "element", specific=fault.b.layer.settings.get("shape") == "element",
                     settings={"shape": "element"}, inputs=fault.b.inputs)  # fmt: skip


def _mirrored(fault: Fault) -> Iterable[Hypothesis]:
    mine, theirs = (
        around(side.layer.settings.get("padding", 0), side.inputs[0].ndim - 2) for side in (fault.a, fault.b)
    )
    changed = {
        "after before before": tuple((after, before) for before, after in mine),
        "last dimension first": mine[::-1],
    }
    for new in dict.fromkeys((*changed.values(), theirs)):
        if new != mine:
            yield assume(fault, mine, new, specific=new == theirs, settings={"padding": new})


def _order(fault: Fault) -> Iterable[Hypothesis]:
    if len(fault.a.inputs) > 1:
        yield assume(fault, "as given", "reversed", inputs=fault.a.inputs[::-1])


def _branch_missing(fault: Fault) -> Iterable[Hypothesis]:
    inputs = fault.a.inputs
    if len(inputs) == 2:
        for kept, name in ((0, "second"), (1, "first")):
            yield assume(fault, "both", f"without the {name}", kind="identity", inputs=(inputs[kept],))


def _axes(fault: Fault) -> Iterable[int]:
    return (-1, *range(fault.a.inputs[0].ndim))


def _rates(fault: Fault) -> Iterable[float]:
    return np.arange(0.05, 1, 0.05).round(2)


CAUSES = (
    Cause("resize.align_corners", UPSAMPLE, "one side aligns the corners of input and output",
          setting("align_corners", False, (True, False)), "align_corners {}", keyword("align_corners"),
          "Keras resizes with align_corners=False: {}"),
    Cause("resize.half_pixel", UPSAMPLE,
          "pixels stand for their centres on one side, for their corners on the other",
          setting("half_pixel", None, (True, False)), "half-pixel centres {}",
          "mode='nearest-exact' has half-pixel centres, 'nearest' has not: {}",
          "tf.image.resize has half-pixel centres: {}"),
    Cause("resize.cubic", UPSAMPLE, "the cubic kernel has coefficient -0.75 in PyTorch, -0.5 in TensorFlow",
          setting("cubic", None, (-0.5, -0.75)), "coefficient {}", "antialias=True takes -0.5: {}",
          "keras.ops.image.resize takes -0.5: {}"),
    Cause("resize.antialias", UPSAMPLE, "one side smooths before it shrinks",
          setting("antialias", False, (True, False)), "antialias {}", "F.interpolate(..., antialias={})",
          "keras.layers.Resizing(..., antialias={})"),
    Cause("resize.mode", UPSAMPLE, "the interpolations differ",
          setting("mode", "nearest", ("nearest", "bilinear", "bicubic")), "mode {}", keyword("mode"),
          keyword("interpolation")),
    Cause("dropout.mode", DROPOUT, "one side drops, the other is in eval mode", _mode, "mode {}",
          "module.train() or module.eval(): {}", "layer(x, training=...): {}"),
    Cause("dropout.rate_kept", DROPOUT, "one side's rate is the share that is kept", _kept, "share dropped {}",
          keyword("p"), keyword("rate")),
    Cause("dropout.scale", DROPOUT, "the scaling by the kept share happens at another time, or not at all",
          setting("scale", "train", ("train", "test", None)), "scaled in {} mode",
          "nn.Dropout scales in train mode: {}",
          "keras.layers.Dropout scales in train mode: {}"),
    Cause("dropout.shape", DROPOUT, "one side drops elements, the other whole channels", _shape, "drops each {}",
          "nn.Dropout2d drops channels: {}", "keras.layers.SpatialDropout2D drops channels: {}"),
    Cause("dropout.rate", DROPOUT, "the rates differ", setting("rate", None, _rates), "rate {}",
          keyword("p"), keyword("rate")),
    Cause("flatten.order", ("flatten",), "channels come first on one side, last on the other",
          setting("order", "CHW", ("HWC", "CHW")), "order {}", "x.permute(0, 2, 3, 1).flatten(1) for HWC: {}",
          "keras.layers.Permute((3, 1, 2)) before Flatten for CHW: {}"),
    Cause("zero_pad.amount", ("zero_pad",), "the zeros stand elsewhere", _mirrored, "padding {}",
          "nn.ZeroPad2d((left, right, top, bottom)) for {}", "ZeroPadding2D(((top, bottom), (left, right))) = {}"),
    Cause("join.order", ("concat",), "the branches are joined in another order", _order, "branches {}",
          "torch.cat([...]): branches {}", "Concatenate()([...]): branches {}"),
    Cause("join.axis", ("concat",), "the branches are joined along another axis", setting("axis", 1, _axes), "axis {}",
          keyword("dim"), keyword("axis")),
    Cause("join.branch_missing", ("add", "multiply"), "one side leaves a branch out", _branch_missing, "{}",
          "join {}", "join {}"),
)  # fmt: skip
