"""Linear models, in TensorFlow."""
