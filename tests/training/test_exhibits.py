"""Exhibits: what a trained model shows travels from each side to one picture."""

from pathlib import Path

import numpy as np
import pytest

import dualnet
from dualnet.interface import Exhibit
from dualnet.training import exhibits
from dualnet.training.exhibits import draw_exhibits, load_exhibits, probe, save_exhibits

RNG = np.random.default_rng(0)
SHOWN = (
    Exhibit("colours", "images", {"images": RNG.uniform(size=(2, 5, 3, 7, 11))}),
    Exhibit("grey", "images", {"images": RNG.uniform(-1, 2, size=(1, 3, 1, 7, 7))}),
    Exhibit("a/b: points", "points", {"points": RNG.normal(size=(13, 2)), "labels": RNG.integers(0, 3, 13)}),
    Exhibit("distances", "histogram", {"same": RNG.uniform(size=7), "different": RNG.uniform(size=11)}),
    Exhibit("errors", "bars", {"MAE": RNG.uniform(size=5), "RMSE": RNG.uniform(size=5)}),
    Exhibit("curves", "lines", {"x": np.arange(1, 8), "a": RNG.uniform(1, 9, 7)}, x="step", y="loss", scale="log"),
    Exhibit(
        "plane",
        "regions",
        {
            "x": np.arange(5.0),
            "y": np.arange(3.0),
            "labels": RNG.integers(0, 2, (3, 5)),
            "points": RNG.uniform(0, 2, (7, 2)),
            "point_labels": RNG.integers(0, 2, 7),
        },
    ),
    Exhibit("made of", "graph", {name: RNG.normal(size=2) for name in ("x", "W", "b", "z <- x W", "y <- z b")}),
)


def test_exhibits_survive_a_file(tmp_path: Path):
    save_exhibits(SHOWN, tmp_path / "shown.npz")
    found = load_exhibits(tmp_path / "shown.npz")
    told = [[(*e._replace(arrays={}), *e.arrays) for e in each] for each in (SHOWN, found)]
    assert told[0] == told[1]
    for before, after in zip(SHOWN, found, strict=True):
        for name, array in before.arrays.items():
            np.testing.assert_array_equal(after.arrays[name], array)


def test_nothing_to_see_survives_a_file(tmp_path: Path):
    save_exhibits((), tmp_path / "none.npz")
    assert load_exhibits(tmp_path / "none.npz") == ()


def test_one_picture_shows_both_sides(tmp_path: Path):
    from matplotlib.image import imread

    draw_exhibits(tmp_path / "both.png", "title", {"tf": SHOWN, "torch": SHOWN})
    draw_exhibits(tmp_path / "one.png", "title", {"torch": SHOWN})
    both, one = imread(tmp_path / "both.png"), imread(tmp_path / "one.png")
    assert both.shape[1] == 2 * one.shape[1]
    left, right = both[80:, : both.shape[1] // 2], both[80:, both.shape[1] // 2 :]
    assert left.std() > 0.1 and right.std() > 0.1


def test_a_probe_asks_for_a_part_of_the_rows_at_a_time(monkeypatch, backend):
    declared, asked = dualnet.concept("coral"), []
    model = dualnet.build("coral", backend.name)
    forward = backend.forward
    monkeypatch.setattr(backend, "forward", lambda model, given: asked.append(len(given[0])) or forward(model, given))
    monkeypatch.setattr(exhibits, "ASKED", 5)
    rows = np.random.default_rng(5).normal(size=(13, 10)).astype(np.float32)
    found = probe(backend, model, declared, declared.settings())(rows)
    assert asked == [5, 5, 3]
    expected = backend.array(forward(model, [backend.tensor(rows)])[2])
    np.testing.assert_allclose(found["logits"], expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("id", ["ae_nearest_neighbor", "conv_vae"])
def test_a_probe_speaks_canonical_arrays_whichever_side(id, both):
    declared = dualnet.concept(id)
    settings = declared.settings()
    rng = np.random.default_rng(5)
    given = [rng.uniform(size=(3, *spec.shape)).astype(np.float32) for spec in declared.inputs(settings).values()]
    latent = "code" if id == "ae_nearest_neighbor" else "latent"
    axes = declared.outputs[latent]
    state, found, decoded = None, [], []
    for name, backend in both.items():
        model = dualnet.build(id, name)
        state = state or backend.state(model)
        backend.load(model, state)
        ask = probe(backend, model, declared, settings)
        found.append(ask(*given))
        decoded.append(ask(found[0][latent], part="decoder", axes=axes)["reconstruction"])
    assert [*found[0]] == [*declared.outputs]
    for output in declared.outputs:
        np.testing.assert_allclose(found[0][output], found[1][output], rtol=0, atol=1e-5)
    np.testing.assert_allclose(decoded[0], decoded[1], rtol=0, atol=1e-5)
    np.testing.assert_allclose(decoded[0], found[0]["logits"], rtol=0, atol=1e-5)
