"""The sources' own recipes: they say what the claim beside them says, and build the model whose size it names."""

import re

import pytest

import dualnet
from dualnet.data import DATASETS

PUBLISHED = [
    (concept.id, name) for concept in dualnet.concepts() for name, variant in concept.variants.items()
    if variant.published
]  # fmt: skip
PARAMETERS = {
    ("alexnet", "torchvision"): 57_044_810,
    ("lenet", "tanh_max"): 61_706,
    ("vgg", "vgg16"): 33_638_218,
    ("vgg", "vgg19"): 38_947_914,
    ("nin", "cifar"): 966_986,
    ("cnn_mnist", "rasbt_8_16"): 9_098,
    ("cnn_he_init", "rasbt_4_8"): 4_266,
    ("residual_block", "projection_1x1"): 17_986,
    ("mlp_mnist", "basic"): 136_074,
    ("mlp_mnist", "batchnorm"): 136_458,
    ("mlp_manual_backprop", "sigmoid_mse"): 39_760,
    ("mlp_manual_backprop", "sigmoid_softmax_ce"): 101_770,
}


def of(pair):
    variant = dualnet.concept(pair[0]).variant(pair[1])
    return variant.published, variant.claim


@pytest.mark.parametrize("pair", PUBLISHED, ids="-".join)
def test_it_is_the_claims(pair):
    recipe, claim = of(pair)
    assert recipe.data in DATASETS
    first = claim.split(";")[0]
    for pattern, value in (
        (rf"\b{recipe.optimizer.name}\b (\S+?)[,)]", recipe.optimizer.learning_rate),
        (r"batches of (\d+)", recipe.batch_size),
        (r"(\d+) epochs", recipe.epochs),
    ):
        found = re.search(pattern, first, re.IGNORECASE)
        assert found is None or float(found[1]) == value, pattern


@pytest.mark.parametrize("pair", PUBLISHED, ids="-".join)
def test_its_settings_are_the_models(pair):
    recipe, _ = of(pair)
    dualnet.concept(pair[0]).settings(pair[1], recipe.config)  # ConfigError if there is no such setting


@pytest.mark.parametrize("pair", PARAMETERS, ids="-".join)
def test_its_size_is_the_sources(pair):
    recipe, _ = of(pair)
    model = dualnet.build(pair[0], "torch", variant=pair[1], **recipe.config)
    assert sum(parameter.numel() for parameter in model.parameters()) == PARAMETERS[pair]
