"""Autoencoders: their sizes, their rows, noise as an input, and what there is to see of them."""

import sys

import numpy as np
import pytest

import dualnet
from dualnet import cli
from dualnet.concepts.autoencoders import _common as common
from dualnet.interface import ConfigError, DataError, Dataset, Spec, State
from parity.recording import draw_state

RNG = np.random.default_rng(0)
SIZES = {
    ("ae_basic", "leaky_relu"): 50_992,
    ("ae_deconv", "pool_deconv_crop"): 665,
    ("ae_deconv_nopool", "strided_deconv_crop"): 665,
    ("ae_nearest_neighbor", "mnist"): 665,
    ("vae", "fc_500_15"): 808_314,
    ("conv_vae", "conv_15"): 45_887,
    ("cvae", "label_in_reconstruction"): 853_364,
    ("cvae", "no_label_in_reconstruction"): 848_354,
    ("conv_cvae", "label_in_reconstruction"): 86_927,
    ("conv_cvae", "no_label_in_reconstruction"): 81_157,
}
NOISY = ("vae", "conv_vae", "cvae", "conv_cvae")


def count(backend, model):
    return sum(array.size for array in backend.state(model).parameters.values())


@pytest.mark.parametrize(("id", "variant"), SIZES, ids=["-".join(key) for key in SIZES])
def test_the_source_s_number_of_parameters(id, variant, backend):
    assert count(backend, dualnet.build(id, backend.name, variant=variant)) == SIZES[id, variant]


@pytest.mark.slow
def test_the_large_autoencoder_has_the_source_s_number_of_parameters(backend):
    model = dualnet.build("ae_nearest_neighbor_celeba", backend.name, variant="latent1000")
    assert count(backend, model) == 21_971_243


@pytest.mark.parametrize("size", [0, 12, 36])
def test_an_image_that_cannot_be_halved_so_often_is_refused(size, backend):
    with pytest.raises(ConfigError, match=f"image_size {size}: expected a multiple of 8"):
        dualnet.build("ae_nearest_neighbor_celeba", backend.name, image_size=size)


# --- noise -----------------------------------------------------------------------------------------------------


def given(id, backend, *, noise):
    """Native inputs of five rows, with noise or without."""
    declared = dualnet.concept(id)
    specs = declared.inputs(declared.settings())
    rng = np.random.default_rng(7)
    arrays = {
        name: rng.integers(0, spec.classes, 5)
        if spec.classes
        else rng.uniform(size=(5, *spec.shape)).astype(np.float32)
        for name, spec in specs.items()
        if noise is not None or spec.values != "noise"
    }
    if noise is not None:
        arrays["noise"] = np.full_like(arrays["noise"], noise)
    return [backend.tensor(array, specs[name].axes) for name, array in arrays.items()]


def outputs(id, backend, model, inputs):
    values = backend.forward(model, inputs)
    return dict(zip(dualnet.concept(id).outputs, map(backend.array, values), strict=True))


@pytest.mark.parametrize("id", NOISY)
def test_noise_moves_the_latent_vector_by_the_standard_deviation(id, backend):
    model = dualnet.build(id, backend.name)
    at_mean, above = (outputs(id, backend, model, given(id, backend, noise=noise)) for noise in (0.0, 2.0))
    np.testing.assert_array_equal(at_mean["latent"], at_mean["mean"])
    expected = above["mean"] + 2 * np.exp(above["log_variance"] / 2)
    np.testing.assert_allclose(above["latent"], expected, rtol=1e-5, atol=1e-6)
    assert np.abs(at_mean["logits"] - above["logits"]).max() > 1e-3


@pytest.mark.parametrize("id", NOISY)
def test_noise_that_is_not_given_is_drawn_anew_at_every_call(id, backend):
    model = dualnet.build(id, backend.name)
    first, second = (outputs(id, backend, model, given(id, backend, noise=None)) for _ in range(2))
    np.testing.assert_array_equal(first["mean"], second["mean"])
    drawn = [(o["latent"] - o["mean"]) / np.exp(o["log_variance"] / 2) for o in (first, second)]
    assert not np.isclose(*drawn).any()
    assert 0.5 < np.std(drawn) < 1.5


# --- rows ------------------------------------------------------------------------------------------------------

IMAGES = RNG.uniform(0.1, 0.9, (7, 1, 28, 28)).astype(np.float32)
LABELS = np.array([3, 0, 9, 1, 4, 1, 5])
SEVEN = Dataset("seven", "here", IMAGES, LABELS, IMAGES[:3], LABELS[:3])


def rows(id, variant=None, dataset=SEVEN):
    declared = dualnet.concept(id)
    settings = declared.settings(variant)
    found = declared.rows(dataset, settings)
    found.check(declared.inputs(settings), declared.targets(settings))
    assert found.train_targets.shape[1:] == declared.targets(settings).shape
    return found


@pytest.mark.parametrize("id", ["ae_deconv", "ae_deconv_nopool", "ae_nearest_neighbor", "conv_vae"])
def test_images_aim_at_themselves(id):
    np.testing.assert_array_equal(rows(id).train_inputs, IMAGES)
    np.testing.assert_array_equal(rows(id).train_targets, IMAGES)


@pytest.mark.parametrize("id", ["ae_basic", "vae"])
def test_pixels_aim_at_themselves(id):
    np.testing.assert_array_equal(rows(id).test_inputs, IMAGES[:3].reshape(3, 784))
    np.testing.assert_array_equal(rows(id).test_targets, IMAGES[:3].reshape(3, 784))


@pytest.mark.parametrize("id", ["cvae", "conv_cvae"])
def test_labels_are_an_input_and_no_aim(id):
    found = rows(id, "no_label_in_reconstruction")
    images, labels = found.train_inputs
    np.testing.assert_array_equal(labels, LABELS)
    np.testing.assert_array_equal(found.train_targets, images)
    np.testing.assert_array_equal(found.train_targets.ravel(), IMAGES.ravel())


def test_a_one_hot_label_follows_the_pixels_to_reconstruct():
    targets = rows("cvae", "label_in_reconstruction").train_targets
    np.testing.assert_array_equal(targets[:, :784], IMAGES.reshape(7, 784))
    np.testing.assert_array_equal(targets[:, 784:], np.eye(10)[LABELS])


def test_a_plane_for_every_class_follows_the_image_to_reconstruct():
    targets = rows("conv_cvae", "label_in_reconstruction").train_targets
    np.testing.assert_array_equal(targets[:, :1], IMAGES)
    planes = targets[:, 1:]
    assert (planes == planes[:, :, :1, :1]).all()
    np.testing.assert_array_equal(planes[:, :, 5, 7], np.eye(10)[LABELS])


@pytest.mark.parametrize("labels", [LABELS + 1, LABELS.astype(np.float32)], ids=["too many classes", "no labels"])
def test_labels_that_cannot_be_reconstructed_are_refused(labels):
    with pytest.raises(DataError, match="expected labels 0 to 9"):
        rows("cvae", dataset=Dataset("odd", "here", IMAGES, labels, IMAGES, labels))


# --- third opinions --------------------------------------------------------------------------------------------


def test_the_divergence_is_the_integral_it_stands_for():
    mean, log_variance = 0.7, -0.9
    x = np.linspace(-12, 12, 200_001)
    density = np.exp(-((x - mean) ** 2) / (2 * np.exp(log_variance))) / np.sqrt(2 * np.pi * np.exp(log_variance))
    standard = np.exp(-(x**2) / 2) / np.sqrt(2 * np.pi)
    integral = np.trapezoid(density * np.log(density / standard, where=density > 0, out=np.zeros_like(x)), x)
    found = common.kl_divergence(np.array([mean]), np.array([log_variance]))
    assert found == pytest.approx(integral, rel=1e-8)


# --- to see ----------------------------------------------------------------------------------------------------


def pretend(*arrays, part="", axes=""):
    """A model that reconstructs its input, codes of three numbers, and decodes them to grey."""
    count = len(arrays[0])
    grey = np.zeros((count, 784), np.float32)
    code = np.arange(3 * count, dtype=np.float32).reshape(count, 3) ** 1.5
    return {"reconstruction": grey if part else arrays[0], "code": code, "mean": code}


@pytest.mark.parametrize("id", ["ae_basic", "vae", "cvae"])
def test_reconstructions_stand_below_their_images(id):
    declared = dualnet.concept(id)
    shown = declared.exhibits(pretend, SEVEN, declared.settings(config={"latent": 3} if id != "ae_basic" else {}))
    grid = shown[0].arrays["images"]
    np.testing.assert_array_equal(grid[0], IMAGES[:3])
    np.testing.assert_array_equal(grid[1], IMAGES[:3])
    for exhibit in shown[1:-1]:
        assert exhibit.kind == "images"
        np.testing.assert_array_equal(exhibit.arrays["images"], np.full_like(exhibit.arrays["images"], 0.5))
    assert shown[-1].kind == "points"
    assert shown[-1].arrays["points"].shape == (3, 2)
    np.testing.assert_array_equal(shown[-1].arrays["labels"], LABELS[:3])


def test_principal_axes_do_not_depend_on_a_sign():
    codes = RNG.normal(size=(23, 5)) * np.array([1, 7, 2, 11, 3])
    first = common._scatter("codes", codes, np.arange(23)).arrays["points"]
    again = common._scatter("codes", codes[:, ::-1], np.arange(23)).arrays["points"]
    np.testing.assert_allclose(first, again, rtol=1e-9)
    assert first.var(axis=0)[0] > first.var(axis=0)[1]


def test_a_row_leads_from_one_class_to_the_next():
    codes = np.array([[0.0, 1.0], [5.0, 3.0], [9.0, 9.0]])
    between = common._between(codes, np.array([1, 0, 1]))
    np.testing.assert_allclose(between[[0, 9]], [[5.0, 3.0], [0.0, 1.0]])
    np.testing.assert_allclose(between[[10, 19]], [[0.0, 1.0], [5.0, 3.0]])


@pytest.mark.slow
@pytest.mark.parametrize("id", ["ae_nearest_neighbor_celeba", "conv_cvae", "siamese_mlp", "coral"])
def test_a_training_leaves_a_picture_of_what_the_model_shows(id, tmp_path, monkeypatch):
    monkeypatch.setattr(
        sys, "argv", ["dualnet", "train", id, "--backend", "torch", "--epochs", "1", "--out", str(tmp_path)]
    )
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 0
    assert (tmp_path / "exhibits.png").stat().st_size > 10_000


# --- the seam --------------------------------------------------------------------------------------------------

BOTH = {"images": Spec("NCHW", (1, 28, 28)), "noise": Spec("NF", (3,), values="noise"), "labels": Spec("N", classes=10)}
TWO = Dataset("two", "here", (IMAGES, LABELS), LABELS, (IMAGES, LABELS), LABELS)


def test_several_inputs_are_checked_noise_aside():
    TWO.check(BOTH, Spec("N", classes=10))
    with pytest.raises(DataError, match="'two' has 2 inputs, the model takes 1: images"):
        TWO.check({"images": BOTH["images"], "noise": BOTH["noise"]}, Spec("N", classes=10))
    with pytest.raises(DataError, match=r"rows of shape \(\), the model takes \(4,\) \(F\)"):
        TWO.check({**BOTH, "labels": Spec("NF", (4,))}, Spec("N", classes=10))


def test_a_comparison_scales_the_weights_of_the_layers_that_are_named():
    shapes = State({name: np.zeros((3, 5)) for name in ("mean.weight", "meaning.weight", "head.mean.weight")}, {})
    plain, scaled = draw_state(shapes, 0).parameters, draw_state(shapes, 0, {"mean": 0.25}).parameters
    for name, factor in (("mean.weight", 0.25), ("meaning.weight", 1.0), ("head.mean.weight", 0.25)):
        np.testing.assert_array_equal(scaled[name], factor * plain[name])
