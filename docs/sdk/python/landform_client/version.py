"""The version of this package, which pyproject.toml reads."""

VERSION = "1.0.0"
