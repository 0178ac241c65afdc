"""Models and data that several tests share; importing it brings both frameworks."""

import numpy as np

import dualnet

dualnet.load("torch")
dualnet.load("tf")

import keras  # noqa: E402 - our packages first: they put the frameworks' imports in order
import tensorflow as tf  # noqa: E402
import torch  # noqa: E402
from keras import layers as L  # noqa: E402
from torch import nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402

__all__ = [
    "IMAGE", "IMAGES", "SEQUENCE", "SIGNAL",
    "F", "L", "keras", "keras_net", "nn", "sequential", "tf", "torch", "torch_net",
]  # fmt: skip

RNG = np.random.default_rng(5)
IMAGES = RNG.normal(size=(6, 3, 16, 12))
SEQUENCE, IMAGE, SIGNAL = RNG.normal(size=(3, 7, 5)), RNG.normal(size=(2, 4, 9, 8)), RNG.normal(size=(2, 4, 11))


def torch_net(eps=1e-3, momentum=0.01, second=None, glue=lambda x: x, activation=None):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv1 = nn.Conv2d(3, 7, 3, padding=1)
            self.norm = nn.BatchNorm2d(7, eps=eps, momentum=momentum)
            self.pool = nn.MaxPool2d(2)
            self.conv2 = second or nn.Conv2d(7, 5, 3, stride=2, padding=1)
            self.dense1 = nn.Linear(60, 11)
            self.act = activation or nn.ReLU()
            self.dense2 = nn.Linear(11, 4)

        def forward(self, x):
            x = self.pool(F.relu(self.norm(self.conv1(x))))
            x = glue(F.relu(self.conv2(x)))
            return self.dense2(self.act(self.dense1(torch.flatten(x, 1))))

    torch.manual_seed(0)
    return Net()


def keras_net(**changes):
    settings = {"epsilon": 1e-3, "strides": 2, "activation": "relu", **changes}
    keras.utils.set_random_seed(0)
    return keras.Sequential([
        keras.Input((16, 12, 3)),
        L.Conv2D(7, 3, padding="same"),
        L.BatchNormalization(epsilon=settings["epsilon"]),
        L.ReLU(),
        L.MaxPooling2D(2),
        L.ZeroPadding2D(1),
        L.Conv2D(5, 3, strides=settings["strides"], activation="relu"),
        L.Flatten(),
        L.Dense(11, activation=settings["activation"]),
        L.Dense(4),
    ])  # fmt: skip


def sequential(shape, *layers):
    return keras.Sequential([keras.Input(shape), *layers])
