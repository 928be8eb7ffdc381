"""What production refuses although it would work: guessable keys, open proxies, a Redis of its own.

Each refusal is one sentence that names the variable and says what to set instead.
"""

from __future__ import annotations

import base64
import binascii
import string
from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network

from app.errors import ConfigurationError

MIN_KEY_BYTES = 32
MIN_PASSWORD = 12
MIN_DISTINCT_CHARACTERS = 8
MIN_DISTINCT_BYTES = 16
"""32 random bytes have 30 different ones; fewer than this happens never."""

MAX_UNIT = 16
"""A key that repeats a part of so many characters has the strength of the part."""

# Words of the keys that stand in examples. No hexadecimal key holds one, and a random one in base64
# does not in a lifetime.
EXAMPLES = (
    *("changeme", "change-me", "change_me", "changeit", "replace", "example", "insecure"),
    *("password", "secret", "default", "landform", "production", "development"),
)
RUNS = (string.digits * 2, "0123456789abcdef" * 2, string.ascii_lowercase, "qwertyuiopasdfghjkl")
MIN_RUN = 10
# Networks as large as these hold machines of other people.
MIN_PREFIX = {4: 8, 6: 16}


def is_weak_key(secret: str) -> bool:
    """Tell whether a key that signs is short, repetitive, a run of the keyboard or an example."""
    lowered = secret.lower()
    is_short = len(secret.encode()) < MIN_KEY_BYTES or len(set(secret)) < MIN_DISTINCT_CHARACTERS
    is_example = any(word in lowered for word in EXAMPLES)
    is_repeated = any(_repeats(secret, unit) for unit in range(1, MAX_UNIT + 1))
    has_run = any(
        run[start : start + MIN_RUN] in lowered
        for run in RUNS
        for start in range(len(run) - MIN_RUN + 1)
    )
    return is_short or is_example or is_repeated or has_run


def is_weak_encryption_key(encoded: str) -> bool:
    """Tell whether a key that encrypts is no product of chance: a text, or a few bytes repeated."""
    try:
        key = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        return False  # the key ring says better what is wrong with it
    is_text = all(chr(byte) in string.printable for byte in key)
    return is_text or len(set(key)) < MIN_DISTINCT_BYTES


def is_weak_password(password: str) -> bool:
    """Tell whether the password of the first administrator is short, repetitive or an example.

    Stricter than the rule for people: a machine sets it, and nobody has to remember it.
    """
    lowered = password.lower()
    is_short = len(password) < MIN_PASSWORD or len(set(password)) < MIN_DISTINCT_CHARACTERS
    return is_short or any(word in lowered for word in ("admin", "welcome", *EXAMPLES))


def refuse_careless(
    *,
    encryption_keys: str,
    admin_password: str,
    redis_url: str,
    proxies: Iterable[IPv4Network | IPv6Network],
) -> None:
    """Refuse what no production may have.

    Raises:
        ConfigurationError: names the first variable and what to set it to.
    """
    entries = (entry.strip().partition(":") for entry in encryption_keys.split(","))
    weak = [name for name, _, key in entries if is_weak_encryption_key(key)]
    if weak:
        raise ConfigurationError(
            f"LANDFORM_ENCRYPTION_KEYS: the key {weak[0]!r} is no random one; put a new one in "
            "front (`k2:` and the output of `openssl rand -base64 32`), start with "
            "LANDFORM_ENV=demo once, and run `landform admin keys rotate`."
        )
    if admin_password and is_weak_password(admin_password):
        raise ConfigurationError(
            "LANDFORM_ADMIN_PASSWORD can be guessed: unset it, and one is made at the first start."
        )
    if not redis_url:
        raise ConfigurationError(
            "LANDFORM_REDIS_URL is missing: set it to a Redis 7 or newer with a password, such as "
            "`rediss://:password@redis.internal:6379/0`; only a demo starts one itself."
        )
    for network in proxies:
        if network.prefixlen < MIN_PREFIX[network.version]:
            raise ConfigurationError(
                f"LANDFORM_TRUSTED_PROXIES: {network} holds clients, too, and each could claim any "
                "address; list the addresses of your proxies."
            )


def _repeats(text: str, unit: int) -> bool:
    return len(text) > unit and text == (text[:unit] * (len(text) // unit + 1))[: len(text)]
