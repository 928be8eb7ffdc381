"""The inbox: what is to be decided."""

from __future__ import annotations

from app.console.shell.labels.label import Label

DECISION: dict[str, Label] = {
    "interruption": Label("Interrupted", "bad", "alert"),
    "approval": Label("Approval", "attention", "hand"),
    "drift": Label("Severe drift", "attention", "drift"),
}
