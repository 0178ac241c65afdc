"""Dropout: in training, hidden numbers are set to 0 at random, so that no unit can rely on another one."""

from typing import Any

import numpy as np

from dualnet.interface import (
    Array,
    Case,
    Concept,
    Config,
    ConfigError,
    Demo,
    Difference,
    Initializer,
    Optimizer,
    Recipe,
    Spec,
    Stage,
    Variant,
)

__all__ = ["CONCEPT", "check_rate"]


def check_rate(rate: float) -> None:
    """ConfigError unless the rate is a probability."""
    if not 0.0 <= rate <= 1.0:
        raise ConfigError(f"dropout rate {rate!r}: expected a number from 0 to 1")


# Distinct prime sizes, no zeros, no symmetry.
_RNG = np.random.default_rng(37)
_X = _RNG.normal(size=(5, 7))
_DRAWS = _RNG.uniform(size=(5, 7))
_NOT_FINITE = np.array([np.nan, np.inf, -np.inf, np.nan, np.inf, 1.3])


def _dropout(x: Array, mask: Array, rate: float, training: bool) -> Any:
    if not training:
        return x
    kept = np.zeros_like(x)
    if rate < 1:
        kept[mask] = x[mask] / (1 - rate)
    return kept


def _given(x: Array, mask: Array, rate: float, training: bool = True) -> dict[str, Any]:
    return {"x": x, "mask": mask, "rate": rate, "training": training}


_RECIPE = Recipe(data="digits", optimizer=Optimizer("sgd", 0.1), batch_size=64, epochs=20)
# Three channels: with one, no order of flattening is wrong.
_SMALL: Config = {"in_channels": 3, "image_size": 7, "hidden": (31, 23)}

CONCEPT = Concept(
    module=__name__,
    title="Dropout: from scratch and built in",
    kind="model",
    summary="Training drops hidden numbers at random and scales up the others; evaluation keeps them all as they are.",
    sources=(
        "Srivastava, Hinton, Krizhevsky, Sutskever, Salakhutdinov (2014), Dropout, section 4",
        "Zhang, Lipton, Li, Smola, Dive into Deep Learning, section 5.6",
    ),
    config={"in_channels": 1, "image_size": 28, "hidden": (256, 256), "num_classes": 10, "rate": 0.5, "scratch": False},
    variants={
        "builtin": Variant(
            builder="DropoutMLP",
            recipe=_RECIPE,
            about="the framework's layer behind both hidden layers, half of the numbers dropped; 269,322 parameters",
            claim="Fashion-MNIST: 86.06 % with dropout, 83.73 % with weight decay, 84.31 % with both (a public course)",
            small=_SMALL,
        ),
        "scratch": Variant(
            builder="DropoutMLP",
            config={"scratch": True},
            recipe=_RECIPE,
            about="the same with a dropout of its own, from tensors and a mask",
            small=_SMALL,
        ),
        **{
            f"p{rate}": Variant(builder="DropoutMLP", config={"rate": rate}, recipe=_RECIPE, about=about, small=_SMALL)
            for rate, about in ((0.1, "one number of ten is dropped"), (0.9, "nine numbers of ten are dropped"))
        },
    },
    inputs=lambda config: {"images": Spec("NCHW", (config["in_channels"], config["image_size"], config["image_size"]))},
    targets=lambda config: Spec("N", classes=config["num_classes"]),
    outputs={"logits": "NK"},
    stages=lambda config: {
        "hidden1": Stage("NF", (config["hidden"][0],)),
        "hidden2": Stage("NF", (config["hidden"][1],)),
        "output": Stage("NK", (config["num_classes"],)),
    },
    initializers=lambda config: {"weight": Initializer("xavier_uniform"), "bias": Initializer("constant", 0.0)},
    differences=(
        Difference(
            "D019",
            "Flatten of an image",
            tf="flattens (H, W, C)",
            torch="flattens (C, H, W)",
            ours="(C, H, W): the TensorFlow side transposes first, so that the weights mean the same",
        ),
        Difference(
            "D051",
            "initial kernels of dense layers",
            tf="Glorot uniform",
            torch="uniform, bounded by 1/sqrt(fan_in)",
            ours="Glorot (Xavier) uniform, set on both sides",
        ),
        Difference("D052", "initial biases", tf="zeros", torch="uniform", ours="zeros, set on both sides"),
        Difference(
            "D273",
            "masks of one seed",
            tf="from TensorFlow's generator",
            torch="from PyTorch's generator: others",
            ours="given as arrays, or drawn by both from one stream of NumPy",
        ),
        Difference(
            "D275",
            "dropout unless told otherwise",
            tf="off: a call without training=True is evaluation",
            torch="on: a new module is in training",
            ours="an argument",
        ),
        Difference(
            "X-dropped-not-finite",
            "NaN or infinity where it is dropped",
            tf="0",
            torch="NaN: multiplied by 0",
            ours="0: what is dropped is gone",
            demo=Demo(
                tf="""
                    dropped = tf.nn.dropout(tf.fill((100,), np.nan), rate=0.5)
                    tf.reduce_any(dropped == 0)
                """,
                torch="""
                    dropped = torch.nn.functional.dropout(torch.full((100,), np.nan), p=0.5)
                    (dropped == 0).any()
                """,
            ),
        ),
    ),
    cases=(
        *(
            Case("dropout", _given(_X, rate <= _DRAWS, rate), _dropout, wrt=("x",), label=f"p{rate}")
            for rate in (0.1, 0.5, 0.9)
        ),
        Case("dropout", _given(_X, _DRAWS >= 0.0, 0.0), _dropout, wrt=("x",), label="p0-identity"),
        Case("dropout", _given(_X, _DRAWS >= 1.0, 1.0), _dropout, wrt=("x",), label="p1-zeros"),
        Case("dropout", _given(_X, _DRAWS >= 0.0, 1.0), _dropout, wrt=("x",), label="p1-whatever_the_mask"),
        *(
            Case(
                "dropout", _given(_X, rate <= _DRAWS, rate, training=False), _dropout, wrt=("x",), label=f"p{rate}-eval"
            )
            for rate in (0.5, 1.0)
        ),
        Case(
            "dropout",
            _given(_NOT_FINITE, np.array([False, False, False, True, True, True]), 0.5),
            _dropout,
            wrt=("x",),
            label="not_finite",
            smooth=False,
            gradients={"x": np.array([0.0, 0.0, 0.0, 2.0, 2.0, 2.0])},
        ),
        Case("dropout", _given(_X[:0], _DRAWS[:0] >= 0.5, 0.5), _dropout, wrt=("x",), label="no_row"),
        *(
            Case("dropout", _given(_X, _DRAWS >= 0.5, rate), raises=ConfigError, label=label)
            for label, rate in (("rate_above_1", 1.1), ("rate_below_0", -0.1), ("no_rate", float("nan")))
        ),
        Case("dropout", _given(_X, _DRAWS[0] >= 0.5, 0.5), raises=ValueError, label="mask_of_another_shape"),
    ),
)
