"""What the chapter claims of gradient flow, on both sides."""

import numpy as np
import pytest

import dualnet


@pytest.mark.parametrize(("shortcut", "vanishes"), [(False, True), (True, False)], ids=["plain", "residual"])
def test_the_gradient_of_a_thousand_layers_vanishes_without_shortcuts_only(shortcut, vanishes, backend):
    rng = np.random.default_rng(3)
    x, weights = backend.tensor(rng.normal(size=(5, 7))), backend.tensor(rng.normal(0.0, 0.01, (1000, 7, 7)))
    norms = backend.array(dualnet.twin("residual_gradient_flow", backend.name).gradient_norms(x, weights, shortcut))
    assert (norms[0] < 1e-100) == vanishes
    assert np.isfinite(norms).all()
