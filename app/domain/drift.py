"""Drift verdicts: what a check means for a stack. Pure rules."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from enum import StrEnum


class DriftStatus(StrEnum):
    """What is known about changes made outside Landform."""

    IN_SYNC = "in_sync"
    DRIFTED = "drifted"
    UNKNOWN = "unknown"
    NOT_CHECKED = "not_checked"


class ChangeKind(StrEnum):
    """How reality differs from the recorded state."""

    UPDATED = "updated"
    DELETED = "deleted"
    CREATED = "created"


class Severity(StrEnum):
    """How much a change matters."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


SECURITY_WORDS = ("public", "acl", "policy", "ingress", "egress", "encrypt", "password", "key")


def severity_of(kind: ChangeKind, paths: list[str], *, forces_replacement: bool) -> Severity:
    """Rate a change: losses and security first, labels last.

    Args:
        kind: what happened to the resource.
        paths: names of the attributes that differ.
        forces_replacement: whether mending it would replace the resource.
    """
    if kind is ChangeKind.DELETED or forces_replacement:
        return Severity.HIGH
    if any(word in path.lower() for path in paths for word in SECURITY_WORDS):
        return Severity.HIGH
    if paths and all(path.split(".")[0].split("[")[0] in ("tags", "labels") for path in paths):
        return Severity.LOW
    return Severity.MEDIUM


def next_check_at(now: datetime, interval_seconds: int, stack_id: str) -> datetime:
    """Return when a stack is checked next, spread so that a fleet does not march in step.

    The offset of up to a tenth of the interval depends on the stack only, so the period stays even.
    """
    spread = interval_seconds // 10
    digest = int.from_bytes(hashlib.sha256(stack_id.encode()).digest()[:4], "big")
    return now + timedelta(seconds=interval_seconds - (digest % spread if spread else 0))
