"""Tensors, linear algebra and automatic differentiation: what the concepts are, told without a framework."""
