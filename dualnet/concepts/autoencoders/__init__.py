"""Autoencoders, plain and variational: what the concepts are, told without a framework."""
