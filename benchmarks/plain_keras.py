"""The ordinary way to train in Keras: `compile` and `fit` on NumPy arrays; some models bring a `train_step`."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import Input, layers

import dualnet
from dualnet.concepts.autoencoders.conv_vae import (
    CROPS,
    DECODER_KERNELS,
    DECODER_STRIDES,
    IMAGE_SIZE,
    KERNELS,
    SIZES,
    STRIDES,
)
from dualnet.interface import Array, Config, Optimizer

__all__ = ["NETWORKS", "OWN_STEPS", "fit", "model"]


def lenet(settings: Config) -> list[Any]:
    activation, (first, second) = settings["activation"], settings["channels"]
    pooling = {"avg": layers.AveragePooling2D, "max": layers.MaxPooling2D}[settings["pooling"]]
    return [
        Input((settings["image_size"], settings["image_size"], settings["in_channels"])),
        layers.Conv2D(first, 5, padding=settings["padding"][0], activation=activation),
        pooling(2),
        layers.Conv2D(second, 5, padding=settings["padding"][1], activation=activation),
        pooling(2),
        layers.Flatten(),
        *(layers.Dense(units, activation) for units in settings["hidden"]),
        layers.Dense(settings["num_classes"]),
    ]


def multilayer_perceptron(settings: Config) -> list[Any]:
    return [
        Input((settings["image_size"], settings["image_size"], settings["in_channels"])),
        layers.Flatten(),
        layers.Dense(settings["hidden"], "relu"),
        layers.Dense(settings["num_classes"]),
    ]


NETWORKS: Mapping[str, Callable[[Config], list[Any]]] = {
    "lenet": lenet,
    "multilayer_perceptron": multilayer_perceptron,
}


class DCGAN(keras.Model):
    """Two networks and a `train_step` that trains them in turn, as in Keras' own guide."""

    def __init__(self, settings: Config, rule: Optimizer) -> None:
        super().__init__()
        size, channels = settings["image_size"], settings["channels"]
        maps = [channels * 2**i for i in range(size.bit_length() - 3)]
        start: dict[str, Any] = {"kernel_initializer": keras.initializers.RandomNormal(stddev=0.02), "use_bias": False}
        generator: list[Any] = [Input((1, 1, settings["latent"]))]
        for i, filters in enumerate(reversed(maps)):
            stride, padding = (2, "same") if i else (1, "valid")
            generator += [layers.Conv2DTranspose(filters, 4, stride, padding, **start), layers.BatchNormalization()]
            generator += [layers.ReLU()]
        generator += [layers.Conv2DTranspose(settings["in_channels"], 4, 2, "same", activation="tanh", **start)]
        discriminator: list[Any] = [Input((size, size, settings["in_channels"]))]
        for filters in maps:
            discriminator += [layers.Conv2D(filters, 4, 2, "same", **start), layers.BatchNormalization()]
            discriminator += [layers.LeakyReLU(settings["negative_slope"])]
        discriminator += [layers.Conv2D(1, 4, **start), layers.Flatten()]
        self.latent = settings["latent"]
        self.generator, self.discriminator = keras.Sequential(generator), keras.Sequential(discriminator)
        self.generator_optimizer, self.discriminator_optimizer = optimizer(rule), optimizer(rule)
        self.cross_entropy = keras.losses.BinaryCrossentropy(from_logits=True)

    def train_step(self, data: Any) -> dict[str, Any]:
        """The discriminator first, then the generator."""
        real, generator, discriminator = data[0], self.generator, self.discriminator
        noise = tf.random.normal((tf.shape(real)[0], 1, 1, self.latent))
        with tf.GradientTape() as tape:
            on_real = discriminator(real, training=True)
            on_fake = discriminator(generator(noise, training=True), training=True)
            loss = self.cross_entropy(tf.ones_like(on_real), on_real)
            loss = (loss + self.cross_entropy(tf.zeros_like(on_fake), on_fake)) / 2
        gradients = tape.gradient(loss, discriminator.trainable_variables)
        self.discriminator_optimizer.apply(gradients, discriminator.trainable_variables)
        with tf.GradientTape() as tape:
            on_fake = discriminator(generator(noise, training=True), training=True)
            generator_loss = self.cross_entropy(tf.ones_like(on_fake), on_fake)
        gradients = tape.gradient(generator_loss, generator.trainable_variables)
        self.generator_optimizer.apply(gradients, generator.trainable_variables)
        return {"discriminator": loss, "generator": generator_loss}


class VAE(keras.Model):
    """Two networks and a `train_step` for the sum of two losses, as in Keras' own guide."""

    def __init__(self, settings: Config, rule: Optimizer) -> None:
        super().__init__()
        channels, slope = settings["channels"], settings["negative_slope"]
        encoder: list[Any] = [Input((IMAGE_SIZE, IMAGE_SIZE, settings["in_channels"]))]
        for filters, kernel, stride in zip(channels, KERNELS, STRIDES, strict=True):
            encoder += [layers.Conv2D(filters, kernel, stride), layers.LeakyReLU(slope)]
        decoder: list[Any] = [
            Input((settings["latent"],)), layers.Dense(channels[-1] * SIZES[-1] ** 2),
            layers.Reshape((SIZES[-1], SIZES[-1], channels[-1])),
        ]  # fmt: skip
        maps = (*channels[1::-1], settings["in_channels"])
        for filters, kernel, stride, crop in zip(maps, DECODER_KERNELS, DECODER_STRIDES, CROPS, strict=True):
            decoder += [layers.Conv2DTranspose(filters, kernel, stride), layers.Cropping2D(crop)]
            decoder += [layers.LeakyReLU(slope)]
        self.encoder = keras.Sequential([*encoder, layers.Flatten()])
        self.mean, self.log_variance = layers.Dense(settings["latent"]), layers.Dense(settings["latent"])
        self.decoder = keras.Sequential(decoder)
        self.rule = optimizer(rule)
        self.encoder.build((None, IMAGE_SIZE, IMAGE_SIZE, settings["in_channels"]))
        for head in (self.mean, self.log_variance):
            head.build(self.encoder.output_shape)

    def train_step(self, data: Any) -> dict[str, Any]:
        """Divergence and reconstruction, summed."""
        images = data[0]
        with tf.GradientTape() as tape:
            features = self.encoder(images, training=True)
            mean, log_variance = self.mean(features), self.log_variance(features)
            latent = mean + tf.random.normal(tf.shape(mean)) * tf.exp(log_variance / 2)
            logits = self.decoder(latent, training=True)
            loss = 0.5 * tf.reduce_sum(tf.square(mean) + tf.exp(log_variance) - log_variance - 1)
            loss += tf.reduce_sum(tf.nn.sigmoid_cross_entropy_with_logits(images, logits))
        self.rule.apply(tape.gradient(loss, self.trainable_variables), self.trainable_variables)
        return {"loss": loss}


OWN_STEPS: Mapping[str, Callable[[Config, Optimizer], keras.Model]] = {"dcgan": DCGAN, "conv_vae": VAE}
"""Models that bring their own `train_step`."""


def model(way: str, concept: str, variant: str, settings: Config, public: str) -> keras.Model:
    """A network as it is written by hand; of a public one, that of keras.applications, or the concept's own layers."""
    if concept in OWN_STEPS:
        return OWN_STEPS[concept](settings, dualnet.concept(concept).variant(variant).recipe.optimizer)
    if way == "applications":
        size, channels = settings["image_size"], settings["in_channels"]
        return getattr(keras.applications, public)(
            weights=None,
            input_shape=(size, size, channels),
            classes=settings["num_classes"],
            classifier_activation=None,
        )
    return (
        dualnet.build(concept, "tf", variant=variant, **settings)
        if public
        else keras.Sequential(NETWORKS[concept](settings))
    )


def fit(
    network: keras.Model, rule: Optimizer, x: Array, y: Array, orders: Iterable[Array], batch_size: int
) -> Iterator[float]:
    """Seconds of each epoch, by a clock that runs between its first and its last step.

    The rows are put in order and the data pipeline is made before the clock starts.
    """
    if type(network) in OWN_STEPS.values():
        network.compile()
    else:
        network.compile(optimizer(rule), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    x, clock = np.ascontiguousarray(x.transpose(0, 2, 3, 1)), Clock()  # N H W C
    for order in orders:
        network.fit(x[order], y[order], batch_size, verbose=0, shuffle=False, callbacks=[clock])
        yield clock.seconds


def optimizer(rule: Optimizer) -> keras.optimizers.Optimizer:
    if rule.name == "sgd":
        return keras.optimizers.SGD(rule.learning_rate, rule.momentum)
    return keras.optimizers.Adam(rule.learning_rate, *rule.betas, epsilon=rule.epsilon)


class Clock(keras.callbacks.Callback):
    """Times an epoch."""

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Start."""
        self.started = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Stop."""
        self.seconds = time.perf_counter() - self.started
