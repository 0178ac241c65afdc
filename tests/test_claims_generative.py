"""What the sources report of autoencoders, GANs, siamese and ordinal networks, and where that is wrong."""

import re

import pytest

import dualnet

CHAPTERS = ("autoencoders", "gans", "metric_and_ordinal")
MODELS = [concept for concept in dualnet.concepts() if concept.chapter in CHAPTERS]
VARIANTS = [(concept.id, name) for concept in MODELS for name in concept.variants]
NO_FIGURE = {"gan_gaussian", "dcgan"}
"""Of these the sources show pictures alone."""
FIGURES = {
    ("ae_basic", "leaky_relu"): ("0.0935",),
    ("ae_basic", "relu"): ("0.107",),
    ("ae_deconv", "pool_deconv_crop"): ("0.0959", "0.084"),
    ("ae_deconv_nopool", "strided_deconv_crop"): ("0.1026",),
    ("ae_nearest_neighbor", "mnist"): ("0.0818", "0.083"),
    ("ae_nearest_neighbor", "quickdraw"): ("0.0180",),
    ("vae", "fc_500_15"): ("13,097", "13,273"),
    ("conv_vae", "conv_15"): ("13,924",),
    ("cvae", "label_in_reconstruction"): ("12,191",),
    ("cvae", "no_label_in_reconstruction"): ("12,619",),
    ("conv_cvae", "label_in_reconstruction"): ("22,729", "767,977"),
    ("conv_cvae", "no_label_in_reconstruction"): ("13,998",),
    ("gan_fc_mnist", "g75_128_d128"): ("0.655", "0.907", "1.038", "1.577"),
    ("gan_conv_mnist", "plain"): ("0.708", "0.729", "1.372", "0.735"),
    ("gan_conv_mnist", "label_smoothing"): ("0.675", "0.808", "1.355", "0.833"),
    ("siamese_mlp", "single_unit"): ("0.250",),
    ("coral", "resnet34"): ("3.38", "4.71"),
    ("niu_ordinal", "alexnet"): ("3.91", "5.40"),
    ("beckham_ordinal", "resnet34"): ("3.40", "4.61"),
}
WRONG = {
    ("ae_basic", "leaky_relu"): "the first layer is drawn twice",
    ("ae_nearest_neighbor", "quickdraw"): "the text says cross entropy",
    ("gan_fc_mnist", "g75_128_d128"): "dropout is never active",
    ("siamese_mlp", "single_unit"): "the labels are never used",
    ("niu_ordinal", "alexnet"): "the notebook builds an AlexNet",
}


def claim(pair):
    return dualnet.concept(pair[0]).variant(pair[1]).claim


@pytest.mark.parametrize("pair", FIGURES, ids="-".join)
def test_the_figures_of_the_source_are_told(pair):
    assert [figure for figure in FIGURES[pair] if not re.search(rf"\b{figure}\b", claim(pair))] == []


@pytest.mark.parametrize("pair", WRONG, ids="-".join)
def test_a_wrong_figure_is_corrected(pair):
    assert WRONG[pair] in claim(pair)


@pytest.mark.parametrize("pair", VARIANTS, ids="-".join)
def test_a_claim_begins_with_its_data(pair):
    assert re.match(r"(AFAD-Lite|CelebA|MNIST|Quickdraw)[\w ,-]*: ", claim(pair) or "MNIST: ")


def test_every_network_that_was_measured_has_a_claim():
    silent = {concept.id for concept in MODELS if not any(v.claim for v in concept.variants.values())}
    assert silent == NO_FIGURE
