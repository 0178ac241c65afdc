"""Generative adversarial networks: what the concepts are, told without a framework."""
