"""Drift: verdicts, and how findings differ."""

from __future__ import annotations

from app.console.shell.labels.label import Label
from app.domain.drift import DriftStatus, Severity

DRIFT: dict[str, Label] = {
    DriftStatus.IN_SYNC: Label("In sync", "good", "check"),
    DriftStatus.DRIFTED: Label("Drifted", "attention", "drift"),
    DriftStatus.UNKNOWN: Label("Unknown", "bad", "question"),
    DriftStatus.NOT_CHECKED: Label("Not checked", "quiet", "minus"),
}

SEVERITY: dict[str, Label] = {
    Severity.HIGH: Label("High", "bad", "alert"),
    Severity.MEDIUM: Label("Medium", "attention", "alert"),
    Severity.LOW: Label("Low", "quiet", "minus"),
}

FINDING: dict[str, Label] = {
    "deleted": Label("Deleted outside Landform", "bad", "minus"),
    "updated": Label("Changed outside Landform", "attention", "edit"),
    "created": Label("Unmanaged resource", "attention", "plus"),
}
