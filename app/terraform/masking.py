"""Finds known secrets by their value and hides them; pure.

Terraform marks values as sensitive, but a provider's computed copy of one carries no mark: the
``output`` of a ``terraform_data`` shows in plain text what its ``input`` hides. So whatever is
known to be secret is also looked for by value.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from typing import Any

# Shorter texts are found by chance in many a harmless word.
MIN_SECRET_LENGTH = 4
SENSITIVE = "(sensitive value)"


def spell_secrets(secrets: Collection[str]) -> tuple[str, ...]:
    """Return each secret as it is and as JSON escapes it, longest first."""
    found = {item for item in secrets if len(item) >= MIN_SECRET_LENGTH}
    found |= {
        json.dumps(item, ensure_ascii=plain)[1:-1] for item in found for plain in (True, False)
    }
    return tuple(sorted(found, key=len, reverse=True))


def redact(spelled: Collection[str], text: str) -> str:
    """Replace each of ``spelled`` (from ``spell_secrets``) in ``text``."""
    for secret in spelled:
        text = text.replace(secret, SENSITIVE)
    return text


def scrub(value: Any, secrets: Collection[str]) -> Any:
    """Return a copy of a JSON value in which every text that holds a secret is masked."""
    if isinstance(value, str):
        return SENSITIVE if any(secret in value for secret in secrets) else value
    if isinstance(value, dict):
        return {scrub(key, secrets): scrub(part, secrets) for key, part in value.items()}
    if isinstance(value, list):
        return [scrub(part, secrets) for part in value]
    return value


def texts_in(value: Any) -> Iterator[str]:
    """Yield every text inside a JSON value that is long enough to be looked for."""
    if isinstance(value, str):
        if len(value) >= MIN_SECRET_LENGTH:
            yield value
    elif isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from texts_in(part)


def marked_texts(value: Any, marks: Any) -> Iterator[str]:
    """Yield the texts in ``value`` under a ``true`` in the shadow structure ``marks``."""
    if marks is True:
        yield from texts_in(value)
    elif isinstance(value, dict) and isinstance(marks, dict):
        for key, mark in marks.items():
            yield from marked_texts(value.get(key), mark)
    elif isinstance(value, list) and isinstance(marks, list):
        for part, mark in zip(value, marks, strict=False):
            yield from marked_texts(part, mark)
