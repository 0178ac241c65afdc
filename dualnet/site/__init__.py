"""The web site: ``make site`` builds it from the catalogue, the table of names, the docstrings and ``pages/``."""
