"""Stacks, their resources, their state and who writes to it."""

from __future__ import annotations

from app.console.shell.labels.label import Label
from app.domain.operations import AutoApply
from app.domain.stacks import StackStatus
from app.services.stacks.locks import WriterVerdict

AWAITING_APPROVAL, QUEUED = "awaiting_approval", "queued"
"""What people see of a stack whose operation has not begun to change it."""

STACK: dict[str, Label] = {
    StackStatus.CREATING: Label("Creating", "busy", "spinner"),
    StackStatus.READY: Label("Ready", "good", "check"),
    StackStatus.UPDATING: Label("Updating", "busy", "spinner"),
    StackStatus.DELETING: Label("Deleting", "busy", "spinner"),
    StackStatus.DELETED: Label("Deleted", "quiet", "minus"),
    AWAITING_APPROVAL: Label("Awaiting approval", "attention", "hand"),
    QUEUED: Label("Queued", "quiet", "clock"),
    StackStatus.FAILED: Label("Failed", "bad", "cross"),
    StackStatus.NEEDS_ATTENTION: Label("Needs attention", "attention", "alert"),
}

RESOURCE: dict[str, Label] = {
    "ok": Label("OK", "good", "check"),
    "tainted": Label("Tainted: replaced by the next apply", "attention", "alert"),
    "deposed": Label("Deposed: removed by the next apply", "attention", "minus"),
    "planned": Label("Planned", "quiet", "clock"),
}

STATE: dict[str, Label] = {
    "created": Label("Added", "good", "plus"),
    "updated": Label("Changed", "attention", "edit"),
    "deleted": Label("Removed", "bad", "minus"),
}

WRITER: dict[str, Label] = {
    WriterVerdict.FREE: Label("None", "quiet", "minus"),
    WriterVerdict.LIVE: Label("Active", "busy", "spinner"),
    WriterVerdict.ORPHANED: Label("Orphaned", "attention", "alert"),
    WriterVerdict.UNKNOWN: Label("Unknown", "bad", "question"),
}

AUTO_APPLY: dict[str, str] = {
    AutoApply.ALWAYS: "Always: apply every plan automatically",
    AutoApply.UNLESS_DESTROY: "Unless resources are destroyed, replaced, imported or forgotten",
    AutoApply.ADDITIONS_ONLY: "Only if the plan only creates resources",
    AutoApply.NEVER: "Never: every plan requires approval",
}

CHECK_PERIOD: dict[str, str] = {
    "300": "Every 5 minutes",
    "3600": "Every hour",
    "21600": "Every 6 hours",
    "86400": "Every day",
}

ACT: dict[str, Label] = {
    "stack.create": Label("Created", "good", "plus"),
    "stack.change": Label("Changed", "attention", "edit"),
    "stack.upgrade": Label("Upgraded", "attention", "edit"),
    "stack.lock": Label("Locked", "attention", "lock"),
    "stack.unlock": Label("Unlocked", "quiet", "lock"),
    "stack.unlock_force": Label("Unlocked by force", "attention", "lock"),
}
