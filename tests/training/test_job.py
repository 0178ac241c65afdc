"""What the command line asks for reaches the worker, and what the worker is asked for is done."""

import json

import numpy as np
import pytest
from PIL import Image

from dualnet import cli
from dualnet.interface import Augmentation
from dualnet.training import worker
from dualnet.training.job import Job


@pytest.fixture
def asked(monkeypatch):
    """The job that a command line makes, as a worker reads it, in place of running it."""

    def asked(*arguments):
        jobs = []
        monkeypatch.setattr(cli, "run_jobs", lambda given, *_, **__: jobs.extend(given) or ({}, True))
        cli.app(["train", "lenet", "--backend", "torch", *arguments], standalone_mode=False)
        (job,) = jobs
        return Job(**json.loads(job.to_json()))

    return asked


WISHES = {
    "nothing": ([], None),
    "a crop": (["--crop-padding", "4"], Augmentation(padding=4)),
    "flips": (["--flip"], Augmentation(flip=True)),
    "both": (["--crop-padding", "4", "--flip"], Augmentation(padding=4, flip=True)),
    "nothing at all": (["--crop-padding", "0", "--no-flip"], None),
}


@pytest.mark.parametrize("wish", WISHES)
def test_the_caller_wishes_an_augmentation(asked, wish):
    arguments, expected = WISHES[wish]
    assert asked(*arguments).recipe.augmentation == expected


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [([], Augmentation(padding=4, flip=True)), (["--no-flip"], Augmentation(padding=4)),
     (["--crop-padding", "2"], Augmentation(padding=2, flip=True)), (["--crop-padding", "0", "--no-flip"], None)],
    ids=str,
)  # fmt: skip
def test_the_recipe_names_an_augmentation(asked, monkeypatch, arguments, expected):
    recipe = cli.catalogue.concept("lenet").variant(None).recipe
    monkeypatch.setitem(vars(recipe), "augmentation", Augmentation(padding=4, flip=True))
    assert asked(*arguments).recipe.augmentation == expected


def test_the_columns_of_a_table_are_chosen(asked):
    job = asked("--data", "folder", "--data-dir", "here", "--file-column", "path", "--label-column", "age")
    assert (job.data, job.data_dir, job.file_column, job.label_column) == ("folder", "here", "path", "age")


def test_the_most_steps_are_chosen(asked):
    assert (asked().steps, asked("--steps", "3").steps) == (None, 3)


def test_a_worker_trains_on_augmented_images_of_a_folder(tmp_path, backend):
    lines = ["age,path"]
    for i, pixels in enumerate(np.random.default_rng(5).integers(0, 256, (11, 28, 28, 3), np.uint8)):
        Image.fromarray(pixels).save(tmp_path / f"{i}.png")
        lines.append(f"{i % 4},{i}.png")
    (tmp_path / "people.csv").write_text("\n".join(lines))
    losses = []
    for augmentation in (None, {"padding": 2, "flip": True}):
        events = {}
        job = Job(
            backend=backend.name, concept="lenet", variant="relu_max", config={"in_channels": 3, "num_classes": 4},
            data="folder", data_dir=str(tmp_path), file_column="path", label_column="age", batch_size=4,
            optimizer={"name": "sgd", "learning_rate": 0.1, "momentum": 0.0, "betas": [0.9, 0.999], "epsilon": 1e-8},
            augmentation=augmentation,
        )  # fmt: skip
        worker.run(job, lambda event, events=events, **values: events.update({event: values}), wait=lambda: None)
        assert (events["ready"]["train_rows"], events["ready"]["test_rows"]) == (9, 2)
        losses.append(events["done"]["history"]["losses"])
    assert len(losses[0]) == len(losses[1]) == 3
    assert losses[0] != losses[1]
