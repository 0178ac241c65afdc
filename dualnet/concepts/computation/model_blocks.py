"""Layers and blocks: a network is a block of blocks, put together by a container or by code of one's own."""

import numpy as np

from dualnet.interface import Array, Concept, Difference, Initializer, Optimizer, Recipe, Spec, Stage, Variant

__all__ = ["CONCEPT", "frozen_weight"]


def frozen_weight(features: int) -> Array:
    """Random numbers (features, features) of variance 1/features, the same on both sides, that no training changes."""
    return np.random.default_rng(features).normal(0.0, features**-0.5, (features, features)).astype(np.float32)


_RECIPE = Recipe(data="digits", optimizer=Optimizer("sgd", 0.1), batch_size=64, epochs=10)

CONCEPT = Concept(
    module=__name__,
    title="Layers and blocks: Sequential, nested blocks, control flow of one's own",
    kind="model",
    summary="A block has parameters and maps an input to an output; blocks are made of blocks, by a list or by code.",
    sources=("Zhang, Lipton, Li, Smola, Dive into Deep Learning, section 6.1",),
    config={"image_size": 8, "hidden": 32, "num_classes": 10},
    variants={
        "sequential": Variant(
            builder="sequential", recipe=_RECIPE, about="one list of layers; 64-32-10, 2,410 parameters"
        ),
        "nested": Variant(
            builder="nested",
            recipe=_RECIPE,
            about="a list of two blocks, each a list of layers, and of a layer; 64-32-32-10, 3,466 parameters",
        ),
        "nested_mlp": Variant(
            builder="NestedMLP",
            recipe=_RECIPE,
            about="a class that calls a list of layers, then a layer; 64-32-32-10, 3,466 parameters",
        ),
        "fixed_hidden": Variant(
            builder="FixedHiddenMLP",
            recipe=_RECIPE,
            about="a frozen random weight, a layer used twice, a while loop; 3,466 parameters that learn, 1,024 do not",
        ),
    },
    inputs=lambda config: {"images": Spec("NCHW", (1, config["image_size"], config["image_size"]))},
    targets=lambda config: Spec("N", classes=config["num_classes"]),
    outputs={"logits": "NK"},
    stages=lambda config: {"output": Stage("NK", (config["num_classes"],))},
    initializers=lambda config: {"weight": Initializer("xavier_uniform"), "bias": Initializer("constant", 0.0)},
    differences=(
        Difference(
            "D051",
            "initial kernels of dense layers",
            tf="Glorot uniform",
            torch="uniform, bounded by 1/sqrt(fan_in)",
            ours="Glorot uniform, set on both sides",
        ),
        Difference("D052", "initial biases", tf="zeros", torch="uniform", ours="zeros, set on both sides"),
        Difference(
            "D223",
            "a loop as long as the data say",
            tf="Python's while is traced once in a graph: tf.while_loop",
            torch="Python's while",
            ours="the same turns",
        ),
        Difference(
            "D227",
            "float64 input of a list of layers",
            tf="rounded to float32, unless its keras.Input says otherwise",
            torch="stays float64",
            ours="stays as precise as the layers are",
        ),
        Difference(
            "X-block-buffer",
            "an array that no gradient changes",
            tf="a weight with trainable=False",
            torch="a buffer",
            ours="saved with the model on both sides",
        ),
        Difference(
            "X-sequential-names",
            "names in a list of layers",
            tf="each layer has its own",
            torch="numbers, unless an OrderedDict has names",
            ours="names",
        ),
    ),
)
