"""Which labels there are, and what a status or a filter of a list is called.

Owns no rule: which statuses exist and what follows which is ``app.domain``'s.
"""

from __future__ import annotations

from app.console.shell.labels.access import PERSON, ROLE, TOKEN
from app.console.shell.labels.drift import DRIFT, FINDING, SEVERITY
from app.console.shell.labels.inbox import DECISION
from app.console.shell.labels.installation import (
    CHAIN,
    CHECK,
    CONTROL,
    HEALTH,
    HOST,
    LEASE,
    WORKER,
)
from app.console.shell.labels.label import Label, plain
from app.console.shell.labels.operations import ACTION, LEVEL, OPERATION, STEP
from app.console.shell.labels.policies import VERDICT
from app.console.shell.labels.stacks import ACT, RESOURCE, STACK, STATE, WRITER
from app.console.shell.labels.webhooks import DELIVERY, WEBHOOK
from app.domain.operation_registry import operation_facts

FILTER: dict[str, str] = {
    "q": "Search",
    "owner": "Created by",
    "verdict": "Drift status",
    "days": "Period",
    "object_type": "Target type",
    "object_id": "Target ID",
}

FAMILIES: dict[str, dict[str, Label]] = {
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
    "finding": FINDING,
    "token": TOKEN,
    "role": ROLE,
    "person": PERSON,
    "webhook": WEBHOOK,
    "delivery": DELIVERY,
    "check": CHECK,
    "control": CONTROL,
    "worker": WORKER,
    "lease": LEASE,
    "host": HOST,
    "chain": CHAIN,
    "decision": DECISION,
    "verdict": VERDICT,
    "act": ACT,
}


def filter_title(name: str) -> str:
    """Return what a filter of a list is called."""
    return FILTER.get(name, plain(name))


def filter_text(name: str, value: str) -> str:
    """Return what the ``value`` of the filter ``name`` is called."""
    if name == "type":
        facts = operation_facts().get(value)
        return facts.label if facts else value
    families = {"status": (STACK, OPERATION), "drift": (DRIFT,), "verdict": (DRIFT,)}
    found = (family[value].text for family in families.get(name, ()) if value in family)
    return next(found, value)


def label_for(family: str, status: str) -> Label:
    """Return how ``status`` looks; one that is not known here is written plainly."""
    return FAMILIES[family].get(status) or Label(plain(status), "quiet", "dot")
