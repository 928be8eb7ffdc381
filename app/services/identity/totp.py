"""Codes of an authenticator app (TOTP, RFC 6238), and codes for the day on which it is lost."""

from __future__ import annotations

import base64
import hashlib
import secrets

from cryptography.hazmat.primitives import constant_time
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP

STEP_SECONDS, DIGITS = 30, 6
SECRET_BYTES = 20
"""The length of a SHA-1 value, as RFC 4226 recommends."""
STEPS_AROUND = 1
"""How many steps a code may be early or late, for clocks and fingers that are slow."""
RECOVERY_CODES, RECOVERY_BYTES, RECOVERY_GROUP = 10, 10, 4
ISSUER = "Landform"


def new_secret() -> bytes:
    """Return a new secret."""
    return secrets.token_bytes(SECRET_BYTES)


def written(secret: bytes) -> str:
    """Return a secret as people type it: base32."""
    return base64.b32encode(secret).decode()


def address_of(secret: bytes, user_name: str) -> str:
    """Return the ``otpauth://`` address that an authenticator app reads from a QR code."""
    return _totp(secret).get_provisioning_uri(user_name, ISSUER)


def code_at(secret: bytes, moment: float) -> str:
    """Return the code of a moment, in seconds since 1970."""
    return _totp(secret).generate(int(moment)).decode()


def step_of_code(secret: bytes, code: str, moment: float, after: int) -> int | None:
    """Return the time step of a code that is good at ``moment``, or nothing.

    Args:
        secret: whose codes are good.
        code: what was typed.
        moment: now, in seconds since 1970.
        after: the step of the last code that was taken; that one and older ones are not good.
    """
    present = int(moment) // STEP_SECONDS
    found = None
    for step in range(present - STEPS_AROUND, present + STEPS_AROUND + 1):
        expected = _totp(secret).generate(step * STEP_SECONDS)
        if constant_time.bytes_eq(expected, code.encode()) and step > after:
            found = step
    return found


def is_totp(code: str) -> bool:
    """Tell whether a text is written as codes of an app are."""
    return len(code) == DIGITS and code.isascii() and code.isdigit()


def new_recovery_codes() -> list[str]:
    """Return new recovery codes, 80 bits of chance each, so that a plain hash of one is enough."""
    return [_recovery_code() for _ in range(RECOVERY_CODES)]


def recovery_digest(code: str) -> str:
    """Return what is kept of a recovery code, however it was typed."""
    plain = "".join(letter for letter in code.upper() if letter.isalnum())
    return hashlib.sha256(b"landform recovery code " + plain.encode()).hexdigest()


def _recovery_code() -> str:
    text = base64.b32encode(secrets.token_bytes(RECOVERY_BYTES)).decode().lower()
    groups = [text[at : at + RECOVERY_GROUP] for at in range(0, len(text), RECOVERY_GROUP)]
    return "-".join(groups)


def _totp(secret: bytes) -> TOTP:
    return TOTP(secret, DIGITS, SHA1(), STEP_SECONDS)  # noqa: S303  # nosec B303
