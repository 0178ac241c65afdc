"""Tensors, linear algebra and automatic differentiation, in TensorFlow."""
