"""Layers and blocks: a network is a block of blocks, put together by a container or by code of one's own."""

import numpy as np

from dualnet.interface import Array, Concept, Demo, Difference, Initializer, Optimizer, Recipe, Spec, Stage, Variant

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
            tf="Python's while raises in the graph of a Keras network, where AutoGraph rewrites none: tf.while_loop",
            torch="Python's while",
            ours="the same turns",
            demo=Demo(
                tf="""
                    class Halved(keras.layers.Layer):
                        def call(self, x):
                            while tf.reduce_sum(tf.abs(x)) > 1:
                                x = x / 2
                            return x

                    keras.Sequential([Halved()]).predict(np.array([[6.0]]), verbose=0)
                """,
                torch="""
                    class Halved(torch.nn.Module):
                        def forward(self, x):
                            while x.abs().sum() > 1:
                                x = x / 2
                            return x

                    torch.nn.Sequential(Halved())(torch.tensor([[6.0]]))
                """,
            ),
        ),
        Difference(
            "D227",
            "float64 input of a list of layers",
            tf="rounded to float32, unless its keras.Input says otherwise",
            torch="stays float64",
            ours="stays as precise as the layers are",
            demo=Demo(
                tf="""
                    keras.config.set_floatx("float32")  # as Keras starts
                    inputs = keras.Input((1,))
                    keras.config.set_floatx("float64")
                    network = keras.Sequential([inputs, keras.layers.ReLU(dtype="float64")])
                    network(tf.constant([[1 + 1e-9]], tf.float64)) - 1
                """,
                torch="""
                    network = torch.nn.Sequential(torch.nn.ReLU())
                    network(torch.tensor([[1 + 1e-9]])) - 1
                """,
            ),
        ),
        Difference(
            "X-block-buffer",
            "an array that no gradient changes",
            tf="a weight with trainable=False",
            torch="a buffer",
            ours="saved with the model on both sides",
            demo=Demo(
                tf="""
                    layer = keras.layers.Layer()
                    layer.offset = layer.add_weight(shape=(3,), trainable=False, name="offset")
                    [weight.name for weight in layer.weights]
                """,
                torch="""
                    layer = torch.nn.Module()
                    layer.register_buffer("offset", torch.zeros(3))
                    [name for name, _ in layer.named_parameters()]
                """,
            ),
        ),
        Difference(
            "X-sequential-names",
            "names in a list of layers",
            tf="each layer has its own",
            torch="numbers, unless an OrderedDict has names",
            ours="names",
            demo=Demo(
                tf="""
                    network = keras.Sequential([keras.layers.Dense(3, name="hidden"), keras.layers.ReLU(name="bent")])
                    [layer.name for layer in network.layers]
                """,
                torch="""
                    network = torch.nn.Sequential(torch.nn.Linear(7, 3), torch.nn.ReLU())
                    [name for name, _ in network.named_children()]
                """,
            ),
        ),
    ),
)
