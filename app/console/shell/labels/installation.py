"""What Landform stands on: health, workers, cloud accounts, change windows, the audit trail."""

from __future__ import annotations

from app.console.shell.labels.label import Label

HEALTH: dict[str, Label] = {
    "ok": Label("OK", "good", "check"),
    "bad": Label("Down", "bad", "cross"),
}

WORKER: dict[str, Label] = {
    "started": Label("Starting", "busy", "clock"),
    "idle": Label("Idle", "good", "check"),
    "busy": Label("Busy", "busy", "spinner"),
    "suspended": Label("Suspended", "attention", "hand"),
    "silent": Label("Not responding", "bad", "cross"),
}

HOST: dict[str, Label] = {
    "alive": Label("Running", "good", "check"),
    "draining": Label("Draining", "attention", "hand"),
    "silent": Label("No heartbeat", "bad", "alert"),
    "stopped": Label("Stopped", "quiet", "dot"),
    "gone": Label("Gone", "quiet", "cross"),
}

LEASE: dict[str, Label] = {
    "held": Label("Active", "good", "check"),
    "lapsed": Label("Expired: recovery in progress", "bad", "alert"),
}

CHECK: dict[str, Label] = {
    "passed": Label("Valid", "good", "check"),
    "failed": Label("Invalid", "bad", "cross"),
    "unknown": Label("Not supported", "quiet", "question"),
    "not_checked": Label("Not checked", "quiet", "minus"),
}

CONTROL: dict[str, Label] = {
    "open": Label("Changes allowed", "good", "check"),
    "maintenance": Label("Maintenance: changes blocked", "attention", "hand"),
    "window": Label("Outside change windows: changes blocked", "attention", "clock"),
}

CHAIN: dict[str, Label] = {
    "whole": Label("Chain verified", "good", "check"),
    "broken": Label("Chain broken", "bad", "cross"),
    "unchecked": Label("Chain not verified yet", "quiet", "minus"),
}
