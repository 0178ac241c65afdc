"""What the sources report of perceptrons and convolutional networks, where that is wrong, and how each is trained."""

import re

import pytest

import dualnet
from dualnet.interface import Augmentation

MODELS = [
    concept
    for concept in dualnet.concepts()
    if concept.chapter in ("convnets", "modern_convnets") and concept.kind == "model"
]
VARIANTS = [(concept.id, name) for concept in MODELS for name in concept.variants]
NO_FIGURE = {"inception_block"}
"""Parts of networks, of which nobody reports anything."""
FIGURES = {
    ("lenet", "sigmoid_avg"): ("80.3", "81.0", "79.2"),
    ("lenet", "tanh_max"): ("98.93", "67.30"),
    ("lenet", "batch_norm"): ("88.6", "76.2", "83.5", "84.9"),
    ("cnn_mnist", "rasbt_8_16"): ("97.97", "98.0"),
    ("cnn_he_init", "rasbt_4_8"): ("97.67",),
    ("all_convolutional_net", "rasbt_mnist"): ("96.42",),
    ("alexnet", "torchvision"): ("66.63", "73.68", "72.11"),
    ("alexnet", "d2l"): ("87.8", "88.3"),
    ("vgg", "vgg11"): ("91.7", "92.0"),
    ("vgg", "vgg16"): ("75.43", "76.31", "77.2"),
    ("vgg", "vgg19"): ("74.56",),
    ("nin", "d2l"): ("68.9",),
    ("nin", "cifar"): ("70.67", "80.20"),
    ("googlenet", "d2l"): ("88.2", "87.7"),
    ("residual_block", "identity"): ("92.20",),
    ("residual_block", "projection_1x1"): ("97.91",),
    ("resnet", "resnet18"): ("99.06",),
    ("resnet", "resnet34"): ("99.04", "70.67"),
    ("resnet", "resnet50"): ("98.39",),
    ("resnet", "resnet101"): ("75.15",),
    ("resnet", "resnet18_d2l"): ("91.5", "89.2"),
    ("densenet", "densenet121"): ("98.95", "74.97"),
    ("densenet", "densenet_d2l"): ("79.6", "89.3"),
    ("celeba_gender_classifiers", "vgg16"): ("90.72", "95.48", "90.51", "94.96"),
    ("celeba_gender_classifiers", "resnet18"): ("97.38",),
    ("celeba_gender_classifiers", "resnet34"): ("97.56",),
    ("celeba_gender_classifiers", "resnet50"): ("97.40",),
    ("celeba_gender_classifiers", "resnet101"): ("97.52",),
    ("celeba_gender_classifiers", "resnet152"): (),
    ("dropout", "builtin"): ("86.06", "84.31", "83.73"),
    ("mlp_mnist", "basic"): ("97.54", "97.5"),
    ("mlp_mnist", "dropout"): ("96.71", "97.4", "96.1"),
    ("mlp_mnist", "batchnorm"): ("97.82", "97.7"),
    ("mlp_manual_backprop", "sigmoid_mse"): ("94.49",),
    ("mlp_manual_backprop", "sigmoid_softmax_ce"): ("94.5",),
    ("mlp_manual_backprop", "tf_gradients"): ("94.5",),
}
WRONG = {
    ("lenet", "sigmoid_avg"): "the notebook itself prints 81.0 %",
    ("cnn_mnist", "rasbt_8_16"): "dropout is never applied",
    ("nin", "cifar"): "70.67 %, which is a ResNet-34's",
    ("vgg", "vgg16"): "convolution 13 leads nowhere",
    ("residual_block", "identity"): "97.91 % is of projection_1x1 alone",
    ("celeba_gender_classifiers", "vgg16"): "which no version of the source has",
    ("celeba_gender_classifiers", "resnet152"): "ended in epoch 7 of 10",
    ("mlp_mnist", "dropout"): "the second one leads nowhere",
    ("mlp_manual_backprop", "sigmoid_mse"): "of ten times that cost",
    ("mlp_manual_backprop", "sigmoid_softmax_ce"): "another network, trained five times as long",
}
CROPS = {("alexnet", "torchvision"): 4, ("alexnet", "two_towers"): 7, ("resnet", "resnet34_cifar"): 4}


def variant(pair):
    return dualnet.concept(pair[0]).variant(pair[1])


def name(pair):
    return "-".join(pair)


@pytest.mark.parametrize("pair", FIGURES, ids=name)
def test_the_figures_of_the_source_are_told(pair):
    claim = variant(pair).claim
    assert [figure for figure in FIGURES[pair] if f"{figure} %" not in claim] == []


@pytest.mark.parametrize("pair", WRONG, ids=name)
def test_a_wrong_figure_is_corrected(pair):
    assert WRONG[pair] in variant(pair).claim


@pytest.mark.parametrize("pair", VARIANTS, ids=name)
def test_a_claim_begins_with_its_data(pair):
    assert re.match(r"(CelebA|CIFAR-10|Fashion-MNIST|ImageNet|MNIST)[\w ,-]*: ", variant(pair).claim or "MNIST: ")


def test_every_network_that_was_measured_has_a_claim():
    silent = {concept.id for concept in MODELS if not any(v.claim for v in concept.variants.values())}
    assert silent == NO_FIGURE


@pytest.mark.parametrize("pair", VARIANTS, ids=name)
def test_images_are_cropped_where_the_source_does_so(pair):
    crop = CROPS.get(pair)
    assert variant(pair).recipe.augmentation == (Augmentation(padding=crop) if crop else None)
