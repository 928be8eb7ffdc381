"""What people read for each status: one word, one tone, one icon. Colour is never alone.

Owns no rule: which statuses exist and what follows which is ``app.domain``'s.
"""

from __future__ import annotations

from dataclasses import dataclass

from app.domain.drift import DriftStatus, Severity
from app.domain.operations import AutoApply, OperationStatus, OperationType, StepName, StepStatus
from app.domain.permissions import Right, Role, ServiceRight
from app.domain.stacks import StackStatus
from app.domain.webhooks import DeliveryStatus, EventType, WebhookFormat
from app.services.api_tokens import TokenStatus
from app.services.stack_locks import WriterVerdict


@dataclass(frozen=True)
class Word:
    """How a status looks. ``tone``: good, busy, attention, bad or quiet."""

    text: str
    tone: str
    icon: str


STACK: dict[str, Word] = {
    StackStatus.CREATING: Word("Creating", "busy", "spinner"),
    StackStatus.READY: Word("Ready", "good", "check"),
    StackStatus.UPDATING: Word("Updating", "busy", "spinner"),
    StackStatus.DELETING: Word("Deleting", "busy", "spinner"),
    StackStatus.DELETED: Word("Deleted", "quiet", "minus"),
    StackStatus.FAILED: Word("Failed", "bad", "cross"),
    StackStatus.NEEDS_ATTENTION: Word("Needs attention", "attention", "alert"),
}

DRIFT: dict[str, Word] = {
    DriftStatus.IN_SYNC: Word("In sync", "good", "check"),
    DriftStatus.DRIFTED: Word("Drifted", "attention", "drift"),
    DriftStatus.UNKNOWN: Word("Unknown", "bad", "question"),
    DriftStatus.NOT_CHECKED: Word("Not checked", "quiet", "minus"),
}

OPERATION: dict[str, Word] = {
    OperationStatus.PENDING: Word("Queued", "quiet", "clock"),
    OperationStatus.PLANNING: Word("Planning", "busy", "spinner"),
    OperationStatus.PLANNED: Word("Planned", "attention", "hand"),
    OperationStatus.APPLYING: Word("Applying", "busy", "spinner"),
    OperationStatus.CANCELING: Word("Canceling", "attention", "spinner"),
    OperationStatus.APPLIED: Word("Applied", "good", "check"),
    OperationStatus.PLANNED_AND_FINISHED: Word("Finished", "good", "check"),
    OperationStatus.DISCARDED: Word("Discarded", "quiet", "minus"),
    OperationStatus.CANCELED: Word("Canceled", "quiet", "minus"),
    OperationStatus.ERRORED: Word("Errored", "bad", "cross"),
    OperationStatus.INTERRUPTED: Word("Interrupted", "bad", "alert"),
}

STEP: dict[str, Word] = {
    "waiting": Word("Not started", "quiet", "dot"),
    StepStatus.RUNNING: Word("Running", "busy", "spinner"),
    StepStatus.DONE: Word("Done", "good", "check"),
    StepStatus.FAILED: Word("Failed", "bad", "cross"),
    StepStatus.SKIPPED: Word("Skipped", "quiet", "minus"),
    "approval": Word("Waits for a person", "attention", "hand"),
}

SEVERITY: dict[str, Word] = {
    Severity.HIGH: Word("High", "bad", "alert"),
    Severity.MEDIUM: Word("Medium", "attention", "alert"),
    Severity.LOW: Word("Low", "quiet", "minus"),
}

STATE: dict[str, Word] = {
    "created": Word("Recorded", "good", "plus"),
    "updated": Word("Changed", "attention", "edit"),
    "deleted": Word("No longer recorded", "bad", "minus"),
}

WRITER: dict[str, Word] = {
    WriterVerdict.FREE: Word("Nobody", "quiet", "minus"),
    WriterVerdict.LIVE: Word("At work", "busy", "spinner"),
    WriterVerdict.ORPHANED: Word("Left behind", "attention", "alert"),
    WriterVerdict.UNKNOWN: Word("Unknown", "bad", "question"),
}

HEALTH: dict[str, Word] = {"ok": Word("OK", "good", "check"), "bad": Word("Down", "bad", "cross")}

RESOURCE: dict[str, Word] = {
    "ok": Word("In order", "good", "check"),
    "tainted": Word("Tainted, the next apply replaces it", "attention", "alert"),
    "deposed": Word("Deposed, the next apply removes it", "attention", "minus"),
    "planned": Word("Not there yet", "quiet", "clock"),
}

LEVEL: dict[str, Word] = {
    "warn": Word("Warning", "attention", "alert"),
    "error": Word("Error", "bad", "cross"),
}

ACTION: dict[str, Word] = {
    "delete": Word("Destroy", "bad", "minus"),
    "replace": Word("Replace", "bad", "replace"),
    "forget": Word("Forget", "attention", "minus"),
    "update": Word("Change", "attention", "edit"),
    "create": Word("Create", "good", "plus"),
    "import": Word("Import", "good", "plus"),
    "read": Word("Read", "quiet", "dot"),
    "deleted": Word("Deleted", "bad", "minus"),
    "updated": Word("Changed", "attention", "edit"),
    "created": Word("Appeared", "attention", "plus"),
}

PLAN_VERB: dict[str, str] = {
    "delete": "Destroys",
    "replace": "Replaces",
    "forget": "Forgets, and leaves in the cloud,",
    "update": "Changes",
    "create": "Creates",
    "import": "Takes over",
}

# https://developer.hashicorp.com/terraform/internals/json-format, action_reason.
PLAN_REASON: dict[str, str] = {
    "replace_because_tainted": "replaced because it was left half made",
    "replace_because_cannot_update": "replaced because it cannot change in place",
    "replace_by_request": "replaced because somebody asked for it",
    "replace_by_triggers": "replaced because something that it watches changes",
    "delete_because_no_resource_config": "no longer in the configuration",
    "delete_because_no_module": "its module is no longer in the configuration",
    "delete_because_wrong_repetition": "count or for_each was added or removed",
    "delete_because_count_index": "beyond the count",
    "delete_because_each_key": "its key is no longer wanted",
    "delete_because_no_move_target": "where it was to move is no longer in the configuration",
    "read_because_config_unknown": "read once its arguments are known",
    "read_because_dependency_pending": "read after what it depends on has changed",
}

OPERATION_TYPE: dict[str, str] = {
    OperationType.APPLY: "Apply",
    OperationType.PLAN: "Plan",
    OperationType.DESTROY: "Destroy",
    OperationType.DRIFT_CHECK: "Drift check",
    OperationType.ROLLBACK: "Roll back",
    OperationType.RECONCILE: "Reconcile",
    OperationType.ACCEPT_DRIFT: "Accept drift",
    OperationType.MOVE_STATE: "Move state",
}

STEP_NAME: dict[str, str] = {
    StepName.PREPARE: "Prepare",
    StepName.INIT: "Initialise",
    StepName.PLAN: "Plan",
    StepName.CHECK: "Check the plan",
    "approval": "Approval",
    StepName.APPLY: "Apply",
    StepName.SAVE: "Save the state",
    StepName.READ: "Ask the provider",
}

WAIT: dict[str, str] = {
    "approval": "Waits for a person",
    "window": "Waits for a change window",
    "maintenance": "Waits for the end of maintenance",
    "lock": "The stack is locked",
    "reference": "Waits for another stack",
    "operation": "Waits its turn",
    "unsaved_state": "Waits for a state to be saved",
    "worker": "Waits for a worker",
    "memory": "Waits for room on the host",
    "project_limit": "Waits for room in the project",
    "drift_limit": "Waits for other drift checks",
    "volume": "The state volume has a problem",
    "state_bucket": "The state bucket has a problem",
}

AUTO_APPLY: dict[str, str] = {
    AutoApply.ALWAYS: "Always: plans are applied at once",
    AutoApply.UNLESS_DESTROY: "Unless something would be destroyed or replaced",
    AutoApply.ADDITIONS_ONLY: "Only when everything is new",
    AutoApply.NEVER: "Never: a person approves each plan",
}

TOKEN: dict[str, Word] = {
    TokenStatus.ACTIVE: Word("Active", "good", "check"),
    TokenStatus.EXPIRED: Word("Expired", "quiet", "clock"),
    TokenStatus.REVOKED: Word("Revoked", "quiet", "minus"),
}

ROLE: dict[str, Word] = {
    Role.VIEWER: Word("Viewer", "quiet", "dot"),
    Role.OPERATOR: Word("Operator", "quiet", "operations"),
    Role.ADMIN: Word("Admin", "quiet", "key"),
}

PERSON: dict[str, Word] = {
    "active": Word("Active", "good", "check"),
    "disabled": Word("Disabled", "quiet", "minus"),
}

WEBHOOK: dict[str, Word] = {
    "enabled": Word("Enabled", "good", "check"),
    "disabled": Word("Disabled", "attention", "minus"),
}

DELIVERY: dict[str, Word] = {
    DeliveryStatus.PENDING: Word("Waits", "busy", "clock"),
    DeliveryStatus.DELIVERED: Word("Delivered", "good", "check"),
    DeliveryStatus.DEAD: Word("Given up", "bad", "cross"),
}

CHECK: dict[str, Word] = {
    "passed": Word("Accepted", "good", "check"),
    "failed": Word("Refused", "bad", "cross"),
    "unknown": Word("Cannot be asked", "quiet", "question"),
    "not_checked": Word("Not checked", "quiet", "minus"),
}

CONTROL: dict[str, Word] = {
    "open": Word("Open: changes are applied", "good", "check"),
    "maintenance": Word("Maintenance: nothing is applied", "attention", "hand"),
    "window": Word("Closed: no change window is open", "attention", "clock"),
}

WORKER: dict[str, Word] = {
    "started": Word("Starting", "busy", "clock"),
    "idle": Word("Idle", "good", "check"),
    "busy": Word("At work", "busy", "spinner"),
    "suspended": Word("Suspended", "attention", "hand"),
    "silent": Word("Silent", "bad", "cross"),
}

LEASE: dict[str, Word] = {
    "held": Word("Held", "good", "check"),
    "lapsed": Word("Lapsed: is looked into", "bad", "alert"),
}

CHAIN: dict[str, Word] = {
    "whole": Word("Chain verified", "good", "check"),
    "broken": Word("Chain broken", "bad", "cross"),
    "unchecked": Word("Chain not verified yet", "quiet", "minus"),
}

EVENT: dict[str, str] = {
    EventType.OPERATION_ENDED: "An operation has ended",
    EventType.APPROVAL_WANTED: "A plan waits for a person",
    EventType.DRIFT_FOUND: "A stack was changed outside",
    EventType.DRIFT_CHANGED: "A drifted stack has changed again",
    EventType.DRIFT_GONE: "A stack is again as Landform left it",
    EventType.DRIFT_UNKNOWN: "A stack could not be checked for too long",
    EventType.NEEDS_ATTENTION: "A person must look at a stack",
    EventType.STACK_EXPIRING: "The life time of a stack is nearly over",
}

WEBHOOK_FORMAT: dict[str, str] = {
    WebhookFormat.STANDARD: "Standard: JSON with all facts, signed",
    WebhookFormat.SLACK: "Slack: one line of text",
}

ROLE_MEANING: dict[str, str] = {
    Role.VIEWER: "Viewer: sees everything in the project, changes nothing",
    Role.OPERATOR: "Operator: makes, changes and destroys stacks, approves plans",
    Role.ADMIN: "Admin: also members, rules, secrets, states and the audit trail",
}

SCOPE: dict[str, str] = {
    Right.PROJECT_READ: "See projects and their members",
    Right.STACK_READ: "See stacks, operations and drift",
    Right.STACK_WRITE: "Make, change and destroy stacks",
    Right.OPERATION_CONTROL: "Approve, discard and cancel operations",
    Right.SECRET_READ: "Read sensitive outputs",
    Right.STATE_READ: "Download states",
    Right.STATE_WRITE: "Upload states",
    Right.LOCK_FORCE: "Remove the lock of somebody else",
    Right.WINDOW_OVERRIDE: "Apply outside of change windows",
    Right.PROJECT_WRITE: "Change the rules of projects",
    Right.MEMBER_WRITE: "Give and take roles",
    Right.WEBHOOK_MANAGE: "Manage webhooks of projects",
    Right.AUDIT_READ: "Read the audit trail of projects",
    ServiceRight.USER_MANAGE: "Manage users",
    ServiceRight.PROJECT_MANAGE: "Make and delete projects",
    ServiceRight.ACCOUNT_MANAGE: "Manage cloud accounts",
    ServiceRight.WEBHOOK_MANAGE_ALL: "Manage webhooks of all projects",
    ServiceRight.MAINTENANCE_MANAGE: "Switch maintenance of this Landform",
    ServiceRight.AUDIT_READ_ALL: "Read the whole audit trail",
}

FAMILIES: dict[str, dict[str, Word]] = {
    "stack": STACK,
    "drift": DRIFT,
    "operation": OPERATION,
    "step": STEP,
    "severity": SEVERITY,
    "state": STATE,
    "writer": WRITER,
    "health": HEALTH,
    "resource": RESOURCE,
    "level": LEVEL,
    "action": ACTION,
    "token": TOKEN,
    "role": ROLE,
    "person": PERSON,
    "webhook": WEBHOOK,
    "delivery": DELIVERY,
    "check": CHECK,
    "control": CONTROL,
    "worker": WORKER,
    "lease": LEASE,
    "chain": CHAIN,
}


def word_for(family: str, status: str) -> Word:
    """Return how ``status`` looks; one that is not known here is shown as it is."""
    return FAMILIES[family].get(status) or Word(status.replace("_", " "), "quiet", "dot")
