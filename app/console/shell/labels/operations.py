"""Operations: statuses, steps, what they wait for, and what their plans do."""

from __future__ import annotations

from app.console.shell.labels.label import Label
from app.domain.interruptions import Resolution
from app.domain.operations import OperationStatus, StepName, StepStatus

OPERATION: dict[str, Label] = {
    OperationStatus.PENDING: Label("Queued", "quiet", "clock"),
    OperationStatus.PLANNING: Label("Planning", "busy", "spinner"),
    OperationStatus.PLANNED: Label("Planned", "attention", "hand"),
    OperationStatus.APPLYING: Label("Applying", "busy", "spinner"),
    OperationStatus.CANCELING: Label("Canceling", "attention", "spinner"),
    OperationStatus.APPLIED: Label("Applied", "good", "check"),
    OperationStatus.PLANNED_AND_FINISHED: Label("Finished", "good", "check"),
    OperationStatus.DISCARDED: Label("Discarded", "quiet", "minus"),
    OperationStatus.CANCELED: Label("Canceled", "quiet", "minus"),
    OperationStatus.ERRORED: Label("Errored", "bad", "cross"),
    OperationStatus.INTERRUPTED: Label("Interrupted", "bad", "alert"),
}

STEP: dict[str, Label] = {
    "waiting": Label("Not started", "quiet", "dot"),
    StepStatus.RUNNING: Label("Running", "busy", "spinner"),
    StepStatus.DONE: Label("Done", "good", "check"),
    StepStatus.FAILED: Label("Failed", "bad", "cross"),
    StepStatus.SKIPPED: Label("Skipped", "quiet", "minus"),
    "approval": Label("Awaiting approval", "attention", "hand"),
}

STEP_NAME: dict[str, str] = {
    StepName.PREPARE: "Prepare",
    StepName.INIT: "Initialize",
    StepName.PLAN: "Plan",
    StepName.CHECK: "Check plan",
    "approval": "Approval",
    StepName.APPLY: "Apply",
    StepName.SAVE: "Save state",
    StepName.READ: "Provider check",
}

WAIT: dict[str, str] = {
    "approval": "Awaiting approval",
    "window": "Waiting for a change window",
    "maintenance": "Blocked by maintenance",
    "lock": "The stack is locked",
    "reference": "Waiting for another stack",
    "operation": "Waiting for an earlier operation",
    "unsaved_state": "Waiting for a state to be saved",
    "orphans": "Waiting for an interrupted operation to be resolved",
    "worker": "Waiting for a worker",
    "memory": "Waiting for memory",
    "project_limit": "Project limit reached",
    "drift_limit": "Drift check limit reached",
    "volume": "The state volume has a problem",
    "work_folder": "The working directory has a problem",
    "queue": "Redis is unavailable",
    "state_bucket": "The state bucket has a problem",
}

LEVEL: dict[str, Label] = {
    "warn": Label("Warning", "attention", "alert"),
    "error": Label("Error", "bad", "cross"),
}

ACTION: dict[str, Label] = {
    "delete": Label("Destroy", "bad", "minus"),
    "replace": Label("Replace", "bad", "replace"),
    "forget": Label("Forget", "attention", "minus"),
    "update": Label("Change", "attention", "edit"),
    "create": Label("Create", "good", "plus"),
    "import": Label("Import", "good", "plus"),
    "move": Label("Move", "quiet", "replace"),
    "read": Label("Read", "quiet", "dot"),
    "deleted": Label("Deleted", "bad", "minus"),
    "updated": Label("Changed", "attention", "edit"),
    "created": Label("Created", "attention", "plus"),
}

PLAN_VERB: dict[str, str] = {
    "delete": "Destroys",
    "replace": "Replaces",
    "forget": "Removes from the state, and keeps in the cloud,",
    "update": "Changes",
    "create": "Creates",
    "import": "Imports",
    "move": "Moves in the state, without changing the cloud,",
}

# https://developer.hashicorp.com/terraform/internals/json-format, action_reason.
PLAN_REASON: dict[str, str] = {
    "replace_because_tainted": "replaced because it is tainted",
    "replace_because_cannot_update": "replaced because it cannot be updated in place",
    "replace_by_request": "replaced by request",
    "replace_by_triggers": "replaced by replace_triggered_by",
    "delete_because_no_resource_config": "no longer in the configuration",
    "delete_because_no_module": "its module is no longer in the configuration",
    "delete_because_wrong_repetition": "count or for_each was added or removed",
    "delete_because_count_index": "its index is beyond count",
    "delete_because_each_key": "its for_each key was removed",
    "delete_because_no_move_target": "the target of its move is not in the configuration",
    "read_because_config_unknown": "read during apply, when its arguments are known",
    "read_because_dependency_pending": "read during apply, after its dependencies change",
}

RESOLUTION: dict[str, str] = {
    Resolution.ADOPT: "adopted",
    Resolution.RETRY: "retried",
    Resolution.DESTROY: "destroyed",
    Resolution.ACCEPT: "accepted",
}
