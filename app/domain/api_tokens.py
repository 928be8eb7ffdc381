"""The form of an API token: a prefix that scanners of leaked secrets find, chance, a checksum.

``lft_`` + 32 random letters and digits (190 bits) + their CRC-32 in 6 letters and digits, as GitHub
introduced it: a mistyped or invented token is told from a real one without asking the database.
"""

from __future__ import annotations

import secrets
import string
import zlib

PREFIX = "lft_"
ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase
RANDOM_LENGTH = 32
CHECK_LENGTH = 6
HINT_LENGTH = 4


def mint() -> str:
    """Return a new secret."""
    body = "".join(secrets.choice(ALPHABET) for _ in range(RANDOM_LENGTH))
    return PREFIX + body + _check(body)


def is_meant(text: str) -> bool:
    """Tell whether ``text`` wants to be an API token, whole or not."""
    return text.startswith(PREFIX)


def is_whole(text: str) -> bool:
    """Tell whether ``text`` has the form and the checksum of an API token."""
    if not is_meant(text) or len(text) != len(PREFIX) + RANDOM_LENGTH + CHECK_LENGTH:
        return False
    body, check = text[len(PREFIX) : -CHECK_LENGTH], text[-CHECK_LENGTH:]
    return all(letter in ALPHABET for letter in body) and check == _check(body)


def hint_of(text: str) -> str:
    """Return the end of a token, by which its owner knows it; it is part of the checksum."""
    return text[-HINT_LENGTH:]


def _check(body: str) -> str:
    number, digits = zlib.crc32(body.encode()), ""
    for _ in range(CHECK_LENGTH):
        number, digit = divmod(number, len(ALPHABET))
        digits = ALPHABET[digit] + digits
    return digits
