"""Gender by face: a VGG and five ResNets for the portraits of CelebA, on one set of settings."""

from dualnet.concepts.modern_convnets import resnet, vgg
from dualnet.interface import (
    Concept,
    Config,
    Difference,
    Initializer,
    Optimizer,
    Recipe,
    Spec,
    Stage,
    Variant,
    choose,
)

__all__ = ["CONCEPT", "NETWORKS", "WEIGHT_STD"]

WEIGHT_STD = 0.05
"""Standard deviation of the VGG's weights at the start."""
NETWORKS = {"vgg": vgg.CONCEPT, "basic": resnet.CONCEPT, "bottleneck": resnet.CONCEPT}
"""The concept of each network: the VGG, or a ResNet by its blocks."""


def _own(config: Config) -> tuple[Concept, Config]:
    """The network's own concept, and its settings there."""
    declared = choose(NETWORKS, config["network"], "network")
    if declared is vgg.CONCEPT:
        own = {"convolutions": config["layers"], "hidden": config["hidden"]}
    else:
        own = {"block": config["network"], "layers": config["layers"], "pool": "padded"}
    shared = {name: config[name] for name in ("in_channels", "image_size", "channels", "num_classes")}
    return declared, {**declared.config, **shared, **own}


def _stages(config: Config) -> dict[str, Stage]:
    declared, settings = _own(config)
    return dict(declared.stages(settings))


def _initializers(config: Config) -> dict[str, Initializer]:
    declared, settings = _own(config)
    own = {"weight": Initializer("normal", WEIGHT_STD)} if config["network"] == "vgg" else {}
    return {**declared.initializers(settings), **own}


def _inputs(config: Config) -> dict[str, Spec]:
    return {"images": Spec("NCHW", (config["in_channels"], config["image_size"], config["image_size"]), values="unit")}


def _recipe(batch_size: int, epochs: int) -> Recipe:
    # On several graphics cards a batch was shared out among them; a batch here is one card's share.
    return Recipe(data="folder", optimizer=Optimizer("adam", 1e-3), batch_size=batch_size, epochs=epochs)


def _resnet(
    network: str, layers: tuple[int, ...], small: tuple[int, ...], batch_size: int, about: str, claim: str
) -> Variant:
    return Variant(
        builder="gender_classifier",
        config={"network": network, "layers": layers, "channels": (64, 128, 256, 512)},
        recipe=_recipe(batch_size, 10),
        published=_recipe(batch_size, 10),
        small={"image_size": 26, "layers": small, "channels": (5, 7)},
        about=about,
        claim=claim,
    )


CONCEPT = Concept(
    module=__name__,
    title="CelebA gender classification: VGG and ResNets of 18 to 152 layers",
    kind="model",
    summary="Networks for ImageNet take portraits of 128x128 pixels: the last maps of 4x4 need another head.",
    sources=(
        "Liu, Luo, Wang, Tang (2015), Deep learning face attributes in the wild (the data, and its attribute Male)",
        "Raschka, deeplearning-models, cnn/cnn-vgg16-celeba and cnn/cnn-resnet18-celeba-dataparallel to -resnet152-",
        "Simonyan, Zisserman (2015), table 1, configuration E; He, Zhang, Ren, Sun (2015), table 1",
    ),
    config={
        "network": "vgg",
        "in_channels": 3,
        "image_size": 128,
        "layers": (2, 2, 4, 4, 4),
        "channels": (64, 128, 256, 512, 512),
        "hidden": (4096, 4096),
        "num_classes": 2,
    },
    variants={
        "vgg16": Variant(
            builder="gender_classifier",
            recipe=_recipe(64, 3),
            published=_recipe(64, 3),
            loss_scale=10.0,
            weight_scale=0.7,
            small={"image_size": 21, "layers": (1, 2), "channels": (5, 7), "hidden": (13, 11)},
            about="16 convolutions, so a VGG-19 by the paper's count; 70,372,418 parameters",
            claim="CelebA: 90.72 %, which no version of the source has: there it is 95.48 % (Adam 0.001, 3 epochs), "
            "94.96 % on several cards (batches of 64); 90.51 % is of smiles, on centres of 160 pixels",
        ),
        "resnet18": _resnet(
            "basic", (2, 2, 2, 2), (1, 1), 256, "11,180,610 parameters", "CelebA: 97.38 % (Adam 0.001, 10 epochs)"
        ),
        "resnet34": _resnet(
            "basic", (3, 4, 6, 3), (2, 1), 256, "21,288,770 parameters", "CelebA: 97.56 % (Adam 0.001, 10 epochs)"
        ),
        "resnet50": _resnet(
            "bottleneck", (3, 4, 6, 3), (1, 1), 256, "23,524,418 parameters", "CelebA: 97.40 % (Adam 0.001, 10 epochs)"
        ),
        "resnet101": _resnet(
            "bottleneck", (3, 4, 23, 3), (2, 1), 128, "42,516,546 parameters", "CelebA: 97.52 % (Adam 0.001, 10 epochs)"
        ),
        "resnet152": _resnet(
            "bottleneck",
            (3, 4, 36, 3),
            (1, 2),
            128,
            "the source's, with 4 blocks in the second stage where the paper has 8: 140 layers; 57,039,938 parameters",
            "CelebA: no figure, the run ended in epoch 7 of 10",
        ),
    },
    inputs=_inputs,
    targets=lambda config: Spec("N", classes=config["num_classes"]),
    outputs={"logits": "NK"},
    stages=_stages,
    initializers=_initializers,
    buffers=lambda config: config["network"] != "vgg",
    differences=(
        Difference(
            "D051",
            "initial kernels of dense and convolution layers",
            tf="a law for each layer, given when it is made",
            torch="uniform, drawn anew in place once the model is made",
            ours="the VGG's are normal with deviation 0.05; the ResNets' are those of `resnet`",
        ),
    ),
)
