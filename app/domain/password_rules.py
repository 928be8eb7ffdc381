"""Which passwords a person may choose (NIST SP 800-63B: length and guessability, no recipes).

Pure rules; hashing is in ``app.services.identity.password_hashing``.
"""

from __future__ import annotations

MIN_LENGTH = 8
MAX_BYTES = 1024
MIN_DISTINCT = 5
MIN_NAME_LENGTH = 4
# What guessing begins with, as far as the other rules let it pass.
COMMON = frozenset(
    {
        *("password", "password1", "passw0rd", "p@ssw0rd", "p@ssword", "changeme", "changeit"),
        *("12345678", "123456789", "1234567890", "qwertyui", "qwerty123", "qwertyuiop"),
        *("1q2w3e4r", "1qaz2wsx", "abcd1234", "abcdefgh", "welcome1", "letmein1", "trustno1"),
        *("iloveyou", "sunshine", "princess", "football", "baseball", "superman"),
        *("administrator", "landform", "terraform"),
    }
)


def fault_of(password: str, user_name: str) -> str | None:
    """Return what is wrong with a new password, in a sentence, or nothing.

    Args:
        password: what the person wants.
        user_name: whose it is going to be.
    """
    lowered = password.casefold()
    if len(password) < MIN_LENGTH:
        return f"Must have at least {MIN_LENGTH} characters."
    if len(password.encode()) > MAX_BYTES:
        return f"Must have at most {MAX_BYTES} bytes."
    if len(set(password)) < MIN_DISTINCT or lowered in COMMON:
        return "Is among the first that anybody would guess."
    if len(user_name) >= MIN_NAME_LENGTH and user_name.casefold() in lowered:
        return "Must not contain the user name."
    return None
