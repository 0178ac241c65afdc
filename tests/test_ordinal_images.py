"""Ordinal networks that see images: their published sizes, their rows, ranks from a folder of images."""

import math

import numpy as np
import pytest
from PIL import Image

import dualnet
from dualnet.concepts.metric_and_ordinal import beckham_ordinal, coral, niu_ordinal
from dualnet.data import load
from dualnet.interface import ConfigError
from dualnet.training import worker
from dualnet.training.exhibits import load_exhibits
from dualnet.training.job import Job

FACES = {
    "coral": ("resnet34", coral.PUBLISHED, 21_286_741),
    "beckham_ordinal": ("resnet34", beckham_ordinal.PUBLISHED, 21_329_772),
    "niu_ordinal": ("alexnet", niu_ordinal.PUBLISHED, 57_175_914),
}
IMAGES = [(id, "resnet34") for id in FACES] + [("niu_ordinal", "alexnet")]


@pytest.mark.parametrize("id", FACES)
def test_a_network_for_faces_has_as_many_parameters_as_published(id):
    import torch

    variant, config, published = FACES[id]
    with torch.device("meta"):  # sizes without memory
        model = dualnet.build(id, "torch", variant=variant, **config)
    assert sum(parameter.numel() for parameter in model.parameters()) == published


@pytest.mark.slow
@pytest.mark.parametrize("id", FACES)
def test_a_network_for_faces_is_the_same_on_the_other_side(id, both):
    variant, config, published = FACES[id]
    model = dualnet.build(id, "tf", variant=variant, **config)
    assert sum(math.prod(weight.shape) for weight in model.trainable_weights) == published


@pytest.mark.parametrize("id", FACES)
def test_a_resnet_without_its_output_layer_has_the_features_of_one_with_it(id, both):
    """The same weights: what the ordinal head sees is what the classifier's dense layer sees."""
    small = dualnet.concept(id).variant("resnet34").small
    images = np.random.default_rng(3).uniform(size=(3, 3, 26, 26)).astype(np.float32)
    shared = {name: small[name] for name in ("in_channels", "image_size", "layers", "channels", "pool")}
    for name, backend in both.items():
        whole = dualnet.build("resnet", name, variant="resnet34", num_classes=20, **shared)
        bare = dualnet.build("resnet", name, variant="resnet34", num_classes=0, **shared)
        state = backend.state(whole)
        weight, bias = (state.parameters.pop(f"fc.{last}") for last in ("weight", "bias"))
        backend.load(bare, state)
        given = [backend.tensor(images, "NCHW")]
        logits, features = (backend.array(backend.forward(model, given)[0]) for model in (whole, bare))
        np.testing.assert_allclose(features @ weight.T + bias, logits, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("id", "variant"), IMAGES, ids=str)
def test_digits_are_images_whose_label_is_their_rank(id, variant):
    declared = dualnet.concept(id)
    settings = declared.settings(variant)
    found = declared.rows(load("digits", image_size=settings["image_size"]), settings)
    found.check(declared.inputs(settings), declared.targets(settings))
    assert found.test_inputs.shape == (360, 1, settings["image_size"], settings["image_size"])


@pytest.mark.parametrize("id", FACES)
def test_an_unknown_backbone_is_refused(id, backend):
    with pytest.raises(ConfigError, match="backbone 'vgg' is unknown: choose one of mlp, resnet"):
        dualnet.build(id, backend.name, backbone="vgg")


@pytest.mark.parametrize(
    ("id", "variant"),
    [
        ("coral", "resnet34"),
        ("niu_ordinal", "alexnet"),
        pytest.param("niu_ordinal", "resnet34", marks=pytest.mark.slow),
        pytest.param("beckham_ordinal", "resnet34", marks=pytest.mark.slow),
    ],
    ids=str,
)
def test_ranks_of_a_folder_of_images_are_learnt_alike(id, variant, tmp_path, both):
    """The brighter, the higher the rank: colour images and a table, as a user has them."""
    rng, lines = np.random.default_rng(7), ["file,age"]
    for i in range(60):
        pixels = 60 * (i % 4) + rng.integers(0, 60, (31, 37, 3))
        Image.fromarray(pixels.astype(np.uint8)).save(tmp_path / f"{i:02}.png")
        lines.append(f"{i:02}.png,{i % 4}")
    (tmp_path / "ages.csv").write_text("\n".join(lines))
    small = {"channels": [4, 5, 6, 7, 8], "hidden": [9]} if variant == "alexnet" else {
        "layers": [1, 1], "channels": [4, 5], "pool": "padded",
    }  # fmt: skip
    size = 67 if variant == "alexnet" else 26
    losses = []
    for side in both:
        events = {}
        job = Job(
            backend=side, concept=id, variant=variant, data="folder", data_dir=str(tmp_path), batch_size=12,
            config={"in_channels": 3, "num_classes": 4, "image_size": size, **small}, epochs=3, shared_noise=True,
            optimizer={"name": "adam", "learning_rate": 0.01, "momentum": 0.0, "betas": [0.9, 0.999], "epsilon": 1e-4},
            exhibits=str(tmp_path / f"{side}.npz"),
        )  # fmt: skip
        worker.run(job, lambda event, events=events, **values: events.update({event: values}), wait=lambda: None)
        assert (events["ready"]["train_rows"], events["ready"]["test_rows"]) == (48, 12)
        first, _, last = (epoch["loss"] for epoch in events["done"]["history"]["epochs"])
        assert last < 0.98 * first
        assert [exhibit.kind for exhibit in load_exhibits(tmp_path / f"{side}.npz")] == ["bars", "bars"]
        losses.append(events["done"]["history"]["losses"])
    np.testing.assert_allclose(*losses, rtol=1e-3)
