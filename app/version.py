"""The version of Landform: what the REST contract names, and what hosts tell each other."""

VERSION = "1.0.0"
