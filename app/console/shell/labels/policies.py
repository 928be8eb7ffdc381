"""Policies: what follows where a rule does not hold."""

from __future__ import annotations

from app.console.shell.labels.label import Label
from app.domain.policies import Verdict

VERDICT: dict[str, Label] = {
    Verdict.ALLOW: Label("Noted", "quiet", "dot"),
    Verdict.WARN: Label("Warning", "attention", "alert"),
    Verdict.NEEDS_APPROVAL: Label("Needs approval", "attention", "hand"),
    Verdict.DENY: Label("Denied", "bad", "cross"),
}
