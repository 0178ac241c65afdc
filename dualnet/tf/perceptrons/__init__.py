"""Multilayer perceptrons, in TensorFlow."""
