"""Layers of one's own: one without parameters, which centres, and a dense one with a weight and a bias."""

from dualnet.interface import Concept, Demo, Difference, Initializer, Optimizer, Recipe, Spec, Stage, Variant

__all__ = ["CONCEPT"]

_RECIPE = Recipe(data="digits", optimizer=Optimizer("sgd", 0.1), batch_size=64, epochs=10)

CONCEPT = Concept(
    module=__name__,
    title="Custom layers with and without parameters",
    kind="model",
    summary="A layer of one's own stands wherever one of the framework may: it is trained, listed and saved alike.",
    sources=("Zhang, Lipton, Li, Smola, Dive into Deep Learning, section 6.5",),
    config={"image_size": 8, "hidden": 32, "num_classes": 10},
    variants={
        "my_dense": Variant(
            builder="MyDenseMLP",
            recipe=_RECIPE,
            about="both layers are ours, with a weight and a bias each; 64-32-10, 2,410 parameters",
        ),
        "centered": Variant(
            builder="CenteredMLP",
            recipe=_RECIPE,
            about="between two dense layers, one of ours takes the mean off; 64-32-10, 2,410 parameters",
        ),
    },
    inputs=lambda config: {"images": Spec("NCHW", (1, config["image_size"], config["image_size"]))},
    targets=lambda config: Spec("N", classes=config["num_classes"]),
    outputs={"logits": "NK"},
    stages=lambda config: {
        "hidden": Stage("NF", (config["hidden"],)),
        "output": Stage("NK", (config["num_classes"],)),
    },
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
            "X-layer-build",
            "when a layer creates its parameters",
            tf="in build, at the first call, from the shape of the input",
            torch="in __init__, which must be told the size of the input",
            ours="as each side is used to",
            demo=Demo(
                tf="""
                    layer = keras.layers.Dense(3)
                    before = len(layer.weights)
                    layer(x)
                    before, len(layer.weights)
                """,
                torch="""
                    layer = torch.nn.Linear(7, 3)
                    before = len(list(layer.parameters()))
                    layer(x)
                    before, len(list(layer.parameters()))
                """,
            ),
        ),
        Difference(
            "X-layer-config",
            "what a saved model must know of a layer of one's own",
            tf="its registered name and the arguments of __init__, from get_config",
            torch="nothing: the state has arrays alone",
            ours="as each side is used to",
            demo=Demo(
                tf="""
                    import tempfile
                    path = tempfile.mkdtemp() + "/network.keras"

                    class Centered(keras.layers.Layer):
                        def call(self, x):
                            return x - tf.reduce_mean(x)

                    keras.Sequential([keras.Input((7,)), Centered()]).save(path)
                    keras.saving.load_model(path)(x)
                """,
                torch="""
                    import tempfile
                    path = tempfile.mkdtemp() + "/network.pt"

                    class Centered(torch.nn.Module):
                        def forward(self, x):
                            return x - x.mean()

                    network = torch.nn.Sequential(Centered())
                    torch.save(network.state_dict(), path)
                    network.load_state_dict(torch.load(path))
                    network(x)
                """,
            ),
        ),
    ),
)
