"""The command ``landform``: Landform's API for people and scripts, without code of the server."""
