"""Reads Terraform's shadow structures, where ``true`` marks a sensitive part of a value; pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from app.domain.redaction import secret_texts


def marked_texts(value: Any, marks: Any) -> Iterator[str]:
    """Yield what is secret in ``value`` under a ``true`` in the shadow structure ``marks``."""
    if marks is True:
        yield from secret_texts(value)
    elif isinstance(value, dict) and isinstance(marks, dict):
        for key, mark in marks.items():
            yield from marked_texts(value.get(key), mark)
    elif isinstance(value, list) and isinstance(marks, list):
        for part, mark in zip(value, marks, strict=False):
            yield from marked_texts(part, mark)
