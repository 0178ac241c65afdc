"""Linear models, in PyTorch."""
