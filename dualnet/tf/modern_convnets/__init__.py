"""Convolutional networks, from AlexNet on, in TensorFlow."""
