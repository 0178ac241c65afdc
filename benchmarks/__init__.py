"""How fast the two sides train and import, measured against the ordinary way to do it; see README.md."""
