"""Hash and check passwords with argon2id, a bounded number at once.

One hash takes about 0.13 s and 64 MiB, so a burst of sign-ins must not take the machine.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from app.domain.password_rules import MAX_BYTES
from app.errors import TooManyRequestsError

AT_ONCE = 2
WAIT_SECONDS = 5.0

_hasher = PasswordHasher()
_slots = threading.BoundedSemaphore(AT_ONCE)


def hash_password(password: str) -> str:
    """Return the argon2id hash of ``password`` in its standard text form.

    Raises:
        TooManyRequestsError: too many hashes are under way.
    """
    with _slot():
        return _hasher.hash(password)


def is_outdated(password_hash: str) -> bool:
    """Tell whether the hash was made with other costs than a new one would be."""
    return _hasher.check_needs_rehash(password_hash)


def verify_password(password: str, password_hash: str | None) -> bool:
    """Tell whether ``password`` fits; takes as long for a user who does not exist.

    Raises:
        TooManyRequestsError: too many checks are under way.
    """
    if len(password.encode()) > MAX_BYTES:
        return False
    with _slot():
        try:
            _hasher.verify(password_hash or _decoy(), password)
            return password_hash is not None
        except (VerificationError, InvalidHashError):
            return False


@contextmanager
def _slot() -> Iterator[None]:
    if not _slots.acquire(timeout=WAIT_SECONDS):
        raise TooManyRequestsError("Too many people are signing in at this moment.")
    try:
        yield
    finally:
        _slots.release()


def _decoy() -> str:
    """Return a valid hash of the usual costs that no password has: timing does not name users."""
    costs = f"m={_hasher.memory_cost},t={_hasher.time_cost},p={_hasher.parallelism}"
    digest = "MDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDA"
    return f"$argon2id$v=19${costs}$c29tZXNhbHRzb21lc2FsdA${digest}"
