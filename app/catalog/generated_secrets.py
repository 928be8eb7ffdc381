"""Secrets that Landform makes when a client leaves them out (``x-generate``).

Owns which characters they have: letters and digits only, which every cloud, URL and shell takes.
"""

from __future__ import annotations

import secrets
import string

ALPHABET = string.ascii_letters + string.digits
_NEEDED = (string.ascii_lowercase, string.ascii_uppercase, string.digits)


def make_secret(length: int) -> str:
    """Return ``length`` random letters and digits, with a small, a capital and a digit among them.

    Args:
        length: how many characters, at least 3.
    """
    while True:
        text = "".join(secrets.choice(ALPHABET) for _ in range(length))
        if all(set(text) & set(characters) for characters in _NEEDED):
            return text
