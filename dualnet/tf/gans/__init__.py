"""Generative adversarial networks, in TensorFlow."""
