"""A multilayer perceptron reads handwritten digits: plain, with dropout, with batch normalization."""

from dualnet.interface import Concept, Config, Difference, Initializer, Optimizer, Recipe, Spec, Stage, Variant

__all__ = ["CONCEPT", "DEVIATION", "EPSILON", "MOMENTUM"]

DEVIATION = 0.1
"""Standard deviation of all initial weights."""
EPSILON = 1e-5
"""Of batch normalization: added to the variance."""
MOMENTUM = 0.1
"""Of batch normalization: the share of the running statistics that comes from the newest batch."""


def _inputs(config: Config) -> dict[str, Spec]:
    return {"images": Spec("NCHW", (config["in_channels"], config["image_size"], config["image_size"]))}


_RECIPE = Recipe(data="digits", optimizer=Optimizer("sgd", 0.1), batch_size=64, epochs=20)
_PUBLISHED = Recipe(data="mnist", optimizer=Optimizer("sgd", 0.1), batch_size=64, epochs=10)
# Three channels: with one, no order of flattening is wrong.
_SMALL: Config = {"in_channels": 3, "image_size": 7, "hidden": (23, 31)}

CONCEPT = Concept(
    module=__name__,
    title="Multilayer perceptron for digits: plain, dropout, batch normalization",
    kind="model",
    summary="Two hidden layers with ReLU; dropout or batch normalization changes what they learn, not what they are.",
    sources=(
        "Raschka, deeplearning-models, mlp/mlp-basic, mlp/mlp-dropout and mlp/mlp-batchnorm",
        "Srivastava et al. (2014), Dropout, section 4",
        "Ioffe, Szegedy (2015), Batch normalization, algorithm 1 and section 3.2 (no bias, ahead of the activation)",
    ),
    config={
        "in_channels": 1,
        "image_size": 28,
        "hidden": (128, 256),
        "num_classes": 10,
        "dropout": 0.0,
        "batch_norm": False,
    },
    variants={
        "basic": Variant(
            builder="DigitMLP",
            recipe=_RECIPE,
            published=_PUBLISHED,
            about="784-128-256-10, 136,074 parameters",
            claim="MNIST: 97.54 % (SGD 0.1, batches of 64, 10 epochs); 97.5 % in TensorFlow 1, from a normal start cut "
            "off at two standard deviations, of 55,000 training images",
            small=_SMALL,
        ),
        "dropout": Variant(
            builder="DigitMLP",
            config={"dropout": 0.5},
            recipe=_RECIPE,
            published=_PUBLISHED,
            about="half of the hidden numbers dropped behind each ReLU; 136,074 parameters",
            claim="MNIST: 96.71 % (10 epochs); 97.4 % in TensorFlow 1 from tensors, after 20 epochs; its version of "
            "layers, 96.1 % after 15 epochs, is no such network: the second dropout takes the first hidden layer "
            "again, so that the second one leads nowhere",
            small=_SMALL,
        ),
        "batchnorm": Variant(
            builder="DigitMLP",
            config={"batch_norm": True},
            recipe=_RECIPE,
            published=_PUBLISHED,
            about="batch normalization ahead of each ReLU, and no bias there; 136,458 parameters",
            claim="MNIST: 97.82 % (10 epochs), with biases that batch normalization takes off again; 97.7 % in "
            "TensorFlow 1, without them",
            small=_SMALL,
        ),
    },
    inputs=_inputs,
    targets=lambda config: Spec("N", classes=config["num_classes"]),
    outputs={"logits": "NK"},
    stages=lambda config: {
        "hidden1": Stage("NF", (config["hidden"][0],)),
        "hidden2": Stage("NF", (config["hidden"][1],)),
        "output": Stage("NK", (config["num_classes"],)),
    },
    initializers=lambda config: {
        "weight": Initializer("normal", DEVIATION),
        "norm.weight": Initializer("constant", 1.0),
        "bias": Initializer("constant", 0.0),
    },
    differences=(
        Difference(
            "D019",
            "Flatten of an image",
            tf="flattens (H, W, C)",
            torch="flattens (C, H, W)",
            ours="(C, H, W): the TensorFlow side transposes first, so that the weights mean the same",
        ),
        Difference(
            "D030",
            "epsilon of batch normalization",
            tf="1e-3 by default",
            torch="1e-5 by default",
            ours="1e-5, set on both sides",
        ),
        Difference(
            "D031",
            "momentum of batch normalization",
            tf="weight of the old statistics, 0.99",
            torch="weight of the new statistics, 0.1",
            ours="0.1 for the new ones: 0.9 in Keras' sense",
        ),
        Difference(
            "D033",
            "running variance of batch normalization",
            tf="biased, divided by n",
            torch="unbiased, divided by n - 1",
            ours="unbiased; both normalise with the biased one",
        ),
        Difference(
            "D051",
            "initial kernels of dense layers",
            tf="Glorot uniform",
            torch="uniform, bounded by 1/sqrt(fan_in)",
            ours="normal with standard deviation 0.1, set on both sides",
        ),
        Difference("D052", "initial biases", tf="zeros", torch="uniform", ours="zeros, set on both sides"),
    ),
)
