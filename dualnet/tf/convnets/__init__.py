"""Convolutional networks, the classics, in TensorFlow."""
