"""Augmentation: what it does to pixels, what decides it, and that both sides and resumed trainings see the same."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import dualnet
from dualnet.data.augmentation import augment, augmented_rows
from dualnet.interface import Augmentation, ConfigError, Dataset, Optimizer, Recipe, Spec, initial_state
from dualnet.training.loop import train

rng = np.random.default_rng(17)
IMAGES = rng.uniform(0.1, 1.0, (23, 3, 7, 5)).astype(np.float32)
USUAL = Augmentation(padding=2, flip=True)
SPECS = {"images": Spec("NCHW", (3, 7, 5))}


def once(augmentation=USUAL, images=IMAGES, seed=3, name="images", epoch=1):
    return augment(images, augmentation, seed=seed, name=name, epoch=epoch)


def crops(image, padding):
    """Every crop of a padded image, and whether it is mirrored."""
    height, width = image.shape[1:]
    padded = np.pad(image, [(0, 0), (padding, padding), (padding, padding)])
    for top in range(2 * padding + 1):
        for left in range(2 * padding + 1):
            crop = padded[:, top : top + height, left : left + width]
            yield (top, left, False), crop
            yield (top, left, True), crop[:, :, ::-1]


def chosen(augmentation, images, **keywords):
    found = once(augmentation, images, **keywords)
    return [
        next(which for which, crop in crops(image, augmentation.padding) if np.array_equal(crop, result))
        for image, result in zip(images, found, strict=True)
    ]


def test_every_image_is_one_of_its_crops_and_all_of_them_come():
    images = np.concatenate([IMAGES] * 20)
    assert {*chosen(Augmentation(padding=1, flip=True), images)} == {which for which, _ in crops(IMAGES[0], 1)}


def test_flips_and_crops_are_equally_likely():
    images = np.broadcast_to(np.arange(1, 10, dtype=np.float32).reshape(1, 3, 3), (2000, 1, 3, 3))
    flipped = (once(Augmentation(flip=True), images)[:, 0, 0, 0] == 3).mean()
    assert flipped == pytest.approx(0.5, abs=0.05)
    found = np.array([which[:2] for which in chosen(Augmentation(padding=1), images)])  # top, left
    shares = np.array([[(column == shift).mean() for shift in range(3)] for column in found.T])
    np.testing.assert_allclose(shares, 1 / 3, rtol=0, atol=0.05)  # nearly five standard deviations


def test_without_flips_nothing_is_mirrored():
    assert not any(mirrored for _, _, mirrored in chosen(Augmentation(padding=2), IMAGES))


@pytest.mark.parametrize("augmentation", [Augmentation(), None], ids=["of nothing", "none"])
def test_no_augmentation_changes_nothing(augmentation):
    found = augmented_rows(IMAGES, SPECS, augmentation, seed=3, epoch=1)
    np.testing.assert_array_equal(found, IMAGES, strict=True)


def test_the_images_are_left_alone():
    before = IMAGES.copy()
    assert once().dtype == IMAGES.dtype
    np.testing.assert_array_equal(IMAGES, before, strict=True)


@pytest.mark.parametrize("other", [{"seed": 4}, {"epoch": 2}, {"name": "others"}], ids=str)
def test_seed_epoch_and_input_decide(other):
    np.testing.assert_array_equal(once(), once(), strict=True)
    assert not np.array_equal(once(), once(**other))


@settings(derandomize=True, deadline=None)
@given(count=st.integers(1, len(IMAGES)), epoch=st.integers(0, 1000))
def test_an_image_is_varied_alike_however_many_come_after_it(count, epoch):
    np.testing.assert_array_equal(once(images=IMAGES[:count], epoch=epoch), once(epoch=epoch)[:count], strict=True)


def test_the_numbers_are_fixed_over_versions():
    assert chosen(USUAL, IMAGES[:5]) == [(2, 0, False), (1, 1, False), (1, 0, True), (3, 3, False), (0, 3, True)]


def test_only_images_are_varied_and_each_input_by_itself():
    rows = (IMAGES, np.arange(23), IMAGES)
    specs = {
        "left": SPECS["images"],
        "z": Spec("NF", (2,), values="noise"),
        "label": Spec("N"),
        "right": SPECS["images"],
    }
    left, labels, right = augmented_rows(rows, specs, USUAL, seed=3, epoch=0)
    np.testing.assert_array_equal(labels, np.arange(23))
    np.testing.assert_array_equal(left, once(name="left", epoch=0))
    np.testing.assert_array_equal(right, once(name="right", epoch=0))
    assert not np.array_equal(left, right)


def test_a_negative_padding_is_refused():
    with pytest.raises(ConfigError, match="padding -1: expected a whole number of at least 0"):
        Augmentation(padding=-1)


# --- in training -----------------------------------------------------------------------------------------------

LABELS = np.arange(23) % 10
DATA = Dataset("small", "here", IMAGES, LABELS, IMAGES[:3], LABELS[:3])
RECIPE = Recipe(data="small", optimizer=Optimizer("sgd", 0.1), batch_size=5, epochs=3, augmentation=USUAL)


class Watch:
    """A real backend, but for its trainer, which keeps the batches that it is given."""

    def __init__(self, backend):
        self.backend, self.seen = backend, []

    def __getattr__(self, name):
        return getattr(self.backend, name)

    def trainer(self, *_):
        return SimpleNamespace(steps=self.steps, predict=lambda inputs: [self.backend.tensor(np.ones((3, 10)), "NK")])

    def steps(self, inputs, targets, order, batch_size):
        batches = list(self.backend.batches(inputs, targets, order, batch_size))
        self.seen += [(self.backend.array(x, "NCHW"), self.backend.array(y)) for (x,), y in batches]
        return self.backend.tensor(np.ones(len(batches)), "N")


def batches(backend, recipe=RECIPE, **keywords):
    watch = Watch(backend)
    train(watch, None, None, DATA, recipe, SPECS, Spec("N", classes=10), metric="accuracy", seed=3, **keywords)
    return watch.seen


def test_both_sides_see_the_same_pixels(both):
    ours, theirs = (batches(both[name]) for name in ("tf", "torch"))
    assert len(ours) == 15
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(a[0], b[0], strict=True)
        np.testing.assert_array_equal(a[1], b[1], strict=True)


def by_label(seen):
    images, labels = (np.concatenate(parts) for parts in zip(*seen, strict=True))
    return sorted((int(label), image.tobytes()) for label, image in zip(labels, images, strict=True))


def test_training_sees_the_augmented_images_and_their_labels_anew_in_every_epoch(backend):
    seen = batches(backend)
    for epoch in range(3):
        expected = [(once(epoch=epoch), LABELS)]
        assert by_label(seen[5 * epoch : 5 * epoch + 5]) == by_label(expected)


def test_training_without_augmentation_sees_the_images(backend):
    seen = batches(backend, replace(RECIPE, augmentation=None))
    assert by_label(seen[:5]) == by_label(seen[5:10]) == by_label([(IMAGES, LABELS)])


def test_epochs_do_not_depend_on_how_many_follow(backend):
    for a, b in zip(batches(backend), batches(backend, replace(RECIPE, epochs=2)), strict=False):
        np.testing.assert_array_equal(a[0], b[0], strict=True)


def test_both_sides_train_alike_on_augmented_images(both):
    declared, losses = dualnet.concept("lenet"), []
    config = {"in_channels": 3, "image_size": 16}
    images = rng.uniform(0, 1, (23, 3, 16, 16)).astype(np.float32)
    dataset = Dataset("small", "here", images, LABELS, images, LABELS)
    specs = declared.inputs(declared.settings("relu_max", config))
    for name, backend in both.items():
        functions = dualnet.catalogue.twin("lenet", name)
        model = declared.build(functions, "relu_max", config)
        laws = declared.initializers(declared.settings("relu_max", config))
        backend.load(model, initial_state(backend.state(model), laws, seed=1))
        loss = declared.loss(functions, backend, "relu_max")
        found = train(backend, model, loss, dataset, RECIPE, specs, Spec("N", classes=10), metric="accuracy", seed=3)
        losses.append(found.losses)
    np.testing.assert_allclose(*losses, rtol=1e-4)


REFUSED = {
    "no images": ({"features": Spec("NF", (3,))}, Spec("N", classes=10), "augmentation is of images .* takes features"),
    "images as targets": (SPECS, Spec("NCHW", (3, 7, 5)), "this model's targets are images, too"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_augmented_is_refused(case):
    specs, targets, message = REFUSED[case]
    with pytest.raises(ConfigError, match=message):
        train(None, None, None, DATA, RECIPE, specs, targets, metric="accuracy")
