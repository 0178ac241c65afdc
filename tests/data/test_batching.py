"""Both sides see the same rows in the same order."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dualnet.data import order

ROWS, BATCH = 23, 5
IMAGES = np.random.default_rng(3).normal(size=(ROWS, 2, 7, 3)).astype(np.float32)  # N C H W
LABELS = np.arange(100, 100 + ROWS)


@settings(derandomize=True, deadline=None)
@given(rows=st.integers(0, 300), seed=st.integers(0, 2**40), epoch=st.integers(0, 1000))
def test_an_order_has_every_row_once(rows, seed, epoch):
    found = order(rows, seed, epoch)
    assert found.dtype == np.int64
    np.testing.assert_array_equal(np.sort(found), np.arange(rows))


def test_rows_are_really_shuffled():
    found = order(1437, seed=0, epoch=0)
    assert (found == np.arange(1437)).mean() < 0.01
    assert abs(np.corrcoef(found, np.arange(1437))[0, 1]) < 0.1


def test_the_same_seed_and_epoch_give_the_same_order():
    np.testing.assert_array_equal(order(ROWS, seed=11, epoch=4), order(ROWS, seed=11, epoch=4))


def test_the_order_is_fixed_over_versions():
    assert order(11, seed=5, epoch=2).tolist() == [4, 2, 5, 6, 0, 3, 9, 8, 10, 1, 7]


def test_epochs_differ():
    assert len({tuple(order(ROWS, seed=11, epoch=epoch)) for epoch in range(20)}) == 20


def test_seeds_differ():
    assert len({tuple(order(ROWS, seed=seed, epoch=0)) for seed in range(20)}) == 20


def test_seed_and_epoch_are_not_interchangeable():
    assert order(ROWS, seed=1, epoch=2).tolist() != order(ROWS, seed=2, epoch=1).tolist()


def native_batches(backend, rows, batch_size):
    images, labels = backend.tensor(IMAGES, "NCHW"), backend.tensor(LABELS, "N")
    for (batch,), targets in backend.batches([images], labels, rows, batch_size):
        yield backend.array(batch, "NCHW"), backend.array(targets)


@pytest.mark.parametrize("batch_size", [1, BATCH, ROWS, ROWS + 1])
def test_native_batches_are_the_rows_in_order(backend, batch_size):
    rows = order(ROWS, seed=2, epoch=1)
    found = list(native_batches(backend, rows, batch_size))
    assert [len(labels) for _, labels in found] == [
        min(batch_size, ROWS - start) for start in range(0, ROWS, batch_size)
    ]
    np.testing.assert_array_equal(np.concatenate([images for images, _ in found]), IMAGES[rows], strict=True)
    np.testing.assert_array_equal(np.concatenate([labels for _, labels in found]), LABELS[rows], strict=True)


def test_the_last_batch_is_partial_and_not_dropped(backend):
    sizes = [len(labels) for _, labels in native_batches(backend, order(ROWS, 0, 0), BATCH)]
    assert sizes == [5, 5, 5, 5, 3]


def test_both_backends_have_the_same_batches(both):
    rows = order(ROWS, seed=6, epoch=3)
    for ours, theirs in zip(*(native_batches(both[name], rows, BATCH) for name in ("tf", "torch")), strict=True):
        for a, b in zip(ours, theirs, strict=True):
            np.testing.assert_array_equal(a, b, strict=True)


def test_batches_may_repeat_and_leave_out_rows(backend):
    rows = np.array([4, 4, 0, 22])
    found = list(native_batches(backend, rows, 3))
    np.testing.assert_array_equal(np.concatenate([labels for _, labels in found]), LABELS[rows], strict=True)


def test_several_inputs_stay_together(backend):
    inputs = [backend.tensor(IMAGES, "NCHW"), backend.tensor(LABELS * 3, "N")]
    for (images, tripled), labels in backend.batches(inputs, backend.tensor(LABELS, "N"), order(ROWS, 1, 1), BATCH):
        labels = backend.array(labels)
        np.testing.assert_array_equal(backend.array(tripled), labels * 3)
        np.testing.assert_array_equal(backend.array(images, "NCHW"), IMAGES[labels - 100])


def test_batching_leaves_the_data_alone(backend):
    images, labels = backend.tensor(IMAGES, "NCHW"), backend.tensor(LABELS, "N")
    list(backend.batches([images], labels, order(ROWS, 1, 1), BATCH))
    np.testing.assert_array_equal(backend.array(images, "NCHW"), IMAGES)
    np.testing.assert_array_equal(backend.array(labels), LABELS)
