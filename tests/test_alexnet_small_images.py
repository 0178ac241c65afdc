"""AlexNet on images of 64 pixels, of which one pixel is left: adaptive pooling can only repeat it."""

import numpy as np

import dualnet

SETTINGS = {"image_size": 64, "pooled_size": 6, "channels": (4, 5, 6, 7, 3), "hidden": (11,), "num_classes": 0}


def test_a_single_pixel_is_repeated_alike_on_both_sides(both):
    images = np.random.default_rng(3).uniform(size=(3, 1, 64, 64)).astype(np.float32)
    torch_side, tf_side = both["torch"], both["tf"]
    ours, theirs = (dualnet.build("alexnet", name, variant="torchvision", **SETTINGS) for name in ("torch", "tf"))
    tf_side.load(theirs, torch_side.state(ours))
    assert torch_side.state(ours).parameters["classifier.1.weight"].shape == (11, 3 * 6 * 6)
    a = torch_side.array(torch_side.forward(ours, [torch_side.tensor(images, "NCHW")])[0])
    b = tf_side.array(tf_side.forward(theirs, [tf_side.tensor(images, "NCHW")])[0])
    assert a.shape == (3, 11) and a.std() > 1e-3
    np.testing.assert_allclose(b, a, rtol=1e-4, atol=1e-6)
