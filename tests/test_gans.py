"""What is special about the GANs: sizes as in their sources, noise where none is given, and what is seen of them."""

import numpy as np
import pytest

import dualnet
from dualnet.data import load
from dualnet.interface import ConfigError
from dualnet.training.exhibits import probe

SIZES = {  # of generator and discriminator, as the sources have them
    ("gan_gaussian", "linear_g_mlp_d"): (6, 37),
    ("gan_fc_mnist", "g75_128_d128"): (110_864, 100_609),
    ("gan_conv_mnist", "plain"): (344_208, 4_025),
    ("dcgan", "dcgan_64"): (3_576_704, 2_765_696),
}
ROWS = {"gan_gaussian": (3, 2), "gan_fc_mnist": (3, 784), "gan_conv_mnist": (3, 1, 28, 28), "dcgan": (3, 1, 32, 32)}


@pytest.mark.parametrize(("id", "variant"), SIZES)
def test_players_have_the_parameters_of_the_source(id, variant, backend):
    parameters = backend.state(dualnet.build(id, backend.name, variant=variant)).parameters
    found = {
        player: sum(array.size for name, array in parameters.items() if name.startswith(player))
        for player in ("generator", "discriminator")
    }
    assert tuple(found.values()) == SIZES[id, variant]


@pytest.mark.parametrize("id", ROWS)
def test_noise_is_drawn_where_none_is_given(id, backend):
    model, axes = dualnet.build(id, backend.name), "NCHW" if len(ROWS[id]) == 4 else "NF"
    rows = backend.tensor(np.full(ROWS[id], 0.5, np.float32), axes)
    first, again = (backend.array(backend.forward(model, [rows])[1], axes) for _ in range(2))
    assert first.shape == ROWS[id]
    assert np.isfinite(first).all() and not np.array_equal(first, again)


@pytest.mark.parametrize("size", [4, 28, 48])
def test_a_dcgan_refuses_images_that_cannot_be_halved(size, backend):
    with pytest.raises(ConfigError, match=f"image_size {size}: expected a power of two"):
        dualnet.build("dcgan", backend.name, image_size=size)


@pytest.mark.parametrize(("id", "variant"), SIZES)
def test_rows_are_what_the_model_takes(id, variant):
    concept = dualnet.concept(id)
    settings = concept.settings(variant)
    data = load(concept.variant(variant).recipe.data, image_size=settings.get("image_size", 28))
    rows = concept.rows(data, settings)
    rows.check(concept.inputs(settings), concept.targets(settings))
    assert set(rows.train_targets) == set(rows.test_targets) == {1}
    if id != "gan_gaussian":
        assert (rows.train_inputs.min(), rows.train_inputs.max()) == (-1.0, 1.0)


@pytest.mark.parametrize("id", ROWS)
def test_looks_at_a_model_use_the_same_noise(id, backend):
    concept, model = dualnet.concept(id), dualnet.build(id, backend.name)
    ask = probe(backend, model, concept, concept.settings())
    first, again = (concept.watch(ask, concept.settings()) for _ in range(2))
    for name, array in first.arrays.items():
        np.testing.assert_array_equal(array, again.arrays[name])
        assert array.shape == ((300, 2) if name == "points" else (1, 10, 1, *(2 * [32 if id == "dcgan" else 28])))
