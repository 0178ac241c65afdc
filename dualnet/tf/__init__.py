"""The TensorFlow side: every concept as native ``keras.Model`` and functions over ``tf.Tensor``."""

from dualnet import prepare

prepare("tf")
