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


class CheckedBy(StrEnum):
    """Who looked: Terraform, or its provider alone where nothing else could have changed."""

    TERRAFORM = "terraform"
    PROVIDER = "provider"


class TagSearch(StrEnum):
    """Whether a check could look for resources that carry the stack's tag and are in no state."""

    DONE = "done"
    NOT_OFFERED = "not_offered"
    FAILED = "failed"


class FindingEnd(StrEnum):
    """How a finding ended: by an apply, by a person's acceptance, or in the cloud without us."""

    MENDED = "mended"
    ACCEPTED = "accepted"
    UNDONE = "undone"


class Mending(StrEnum):
    """What an apply would do about a drifted resource; with ``none`` only accepting it ends it."""

    CREATE = "create"
    UPDATE = "update"
    REPLACE = "replace"
    DELETE = "delete"
    NONE = "none"


def next_check_at(now: datetime, interval_seconds: int, stack_id: str) -> datetime:
    """Return when a stack is checked next, spread so that a fleet does not march in step.

    The offset of up to a tenth of the interval depends on the stack only, so the period stays even.
    """
    spread = interval_seconds // 10
    digest = int.from_bytes(hashlib.sha256(stack_id.encode()).digest()[:4], "big")
    return now + timedelta(seconds=interval_seconds - (digest % spread if spread else 0))
