"""Autoencoders, plain and variational, in TensorFlow."""
