"""Distances and ranks that are learnt: what the concepts are, told without a framework."""
