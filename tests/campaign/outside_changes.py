"""Changes made in the cloud between any two operations, and whether one came to count as agreed.

Three kinds: a tag that the modules leave alone, so that no apply puts it back; an attribute that
the configuration says, which the next whole apply does put back; a resource that is gone. The
cloud's own inventory says what is changed, and nobody accepts anything here. So after every check
for drift whatever is still otherwise than it was applied has an open finding; what has none was
absorbed.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import datetime
from random import Random
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.clock import utc_now
from app.domain.operations import OperationStatus, OperationType
from app.domain.stacks import StackStatus
from app.models import DriftFinding, DriftReport, Operation, Stack
from tests.campaign.findings import Promise, Tally
from tests.campaign.invariants import StackChecks, address_of
from tests.campaign.trial import Ground

SHARE = 0.5
MARK = "changed-outside-"
TAG = "landform:operation"
EXPIRY = "expire_after_days"
AGREED_EXPIRY = 30
KINDS = {"tag": 55, "attribute": 25, "deletion": 20}
TYPES = {
    "tag": ("network", "subnet", "machine", "bucket"),
    "attribute": ("bucket",),
    "deletion": ("bucket",),
}


class OutsideChanges:
    """Meddles with the resources of one slot's stacks, and asks what became of it."""

    def __init__(self, trial: Ground, tally: Tally, random: Random) -> None:
        self._trial = trial
        self._tally = tally
        self._random = random
        self._numbers = itertools.count(1)
        self._made: dict[str, datetime] = {}
        """When each resource was changed or deleted, by its id."""
        self._deleted: dict[str, tuple[str, str]] = {}
        """Stack and address of what was deleted, by its id."""

    def make(self, checks: StackChecks, *, is_idle: bool) -> None:
        """Change a recorded resource in the cloud, at about every second chance.

        Args:
            checks: of the stack.
            is_idle: whether nothing of the stack runs, so that something may be deleted without
                taking it from under an operation that has planned to change it.
        """
        if self._random.random() > SHARE:
            return
        kinds = {name: share for name, share in KINDS.items() if is_idle or name != "deletion"}
        self.change(checks, self._random.choices(list(kinds), list(kinds.values()))[0])

    def change(self, checks: StackChecks, kind: str) -> None:
        """Change some recorded resource in one of the three ways, if one is left to change."""
        known = checks.recorded_ids()
        candidates = [
            item
            for item in checks.inventory()
            if item["id"] in known and item["type"] in TYPES[kind] and not _is_marked(item)
        ]
        if candidates:
            self._change(checks.stack_id, kind, self._random.choice(candidates))

    def _change(self, stack_id: str, kind: str, item: dict[str, Any]) -> None:
        path, number = f"/resources/{item['id']}", next(self._numbers)
        if kind == "deletion":
            is_done = self._trial.cloud.attempt("DELETE", path)
            if is_done:
                self._deleted[item["id"]] = (stack_id, address_of(item))
        elif kind == "attribute":
            wanted: dict[str, Any] = {"attributes": {EXPIRY: AGREED_EXPIRY + number}}
            is_done = self._trial.cloud.attempt("PATCH", path, json=wanted)
        else:
            wanted = {"tags": {**item["tags"], TAG: f"{MARK}{number}"}}
            is_done = self._trial.cloud.attempt("PATCH", path, json=wanted)
        if is_done:  # it may have been destroyed meanwhile
            self._made[item["id"]] = utc_now()
            self._tally.outcome(f"changed outside: {kind}")

    def check(self, checks: StackChecks) -> None:
        """Look for changes that count as agreed, when a check for drift was the last operation."""
        operations = self._trial.operations(checks.stack_id)
        self._forget_mended(operations)
        last = operations[-1]
        is_checked = last.status == OperationStatus.PLANNED_AND_FINISHED
        if last.type != OperationType.DRIFT_CHECK or not is_checked or last.started_at is None:
            return
        if self._trial.has_wrong_times(last):
            return  # nobody can tell which change was before it
        changed = set(self._changed(checks, last.started_at))
        if not changed or self._trial.stack(checks.stack_id).status == StackStatus.DELETED:
            return  # of a stack that is gone everything is as it should be
        open_now = self._open_findings(checks.stack_id, last)
        for address in sorted(changed - open_now):
            detail = f"{checks.stack_id}: {address} was changed outside, {last.id} saw nothing"
            self._tally.problem(Promise.ABSORBED, detail)
        self._tally.outcome("changes still seen")

    def _changed(self, checks: StackChecks, before: datetime) -> Iterator[str]:
        """Yield the address of what was changed outside before a moment and still is."""
        inventory, known = checks.inventory(), checks.recorded_ids()
        for item in inventory:
            made_at = self._made.get(item["id"])
            if _is_marked(item) and item["id"] in known and (made_at is None or made_at < before):
                yield address_of(item)
        present = {address_of(item) for item in inventory}
        stack = self._trial.stack(checks.stack_id)
        for identifier, (stack_id, address) in self._deleted.items():
            is_past = stack_id == checks.stack_id and self._made[identifier] < before
            if is_past and address not in present and _is_wanted(stack, address):
                yield address

    def _forget_mended(self, operations: list[Operation]) -> None:
        """Forget what was deleted before a whole apply: that made it again, or it is not wanted."""
        ends = [
            item.ended_at
            for item in operations
            if item.status == OperationStatus.APPLIED and item.ended_at is not None
        ]
        if not ends:
            return
        stack_id, newest = operations[-1].stack_id, max(ends)
        self._deleted = {
            identifier: (of, address)
            for identifier, (of, address) in self._deleted.items()
            if identifier in self._made and (of != stack_id or self._made[identifier] > newest)
        }

    def _open_findings(self, stack_id: str, check: Operation) -> set[str | None]:
        def ask(session: Session) -> set[str | None]:
            report = select(DriftReport.id).where(DriftReport.operation_id == check.id)
            if session.scalar(report) is None:
                return set()
            query = select(DriftFinding.address).where(
                DriftFinding.stack_id == stack_id, DriftFinding.gone_since.is_(None)
            )
            return set(session.scalars(query))

        return self._trial.look(ask)


def _is_marked(item: dict[str, Any]) -> bool:
    is_tagged = str(item["tags"].get(TAG, "")).startswith(MARK)
    return is_tagged or item["attributes"].get(EXPIRY, AGREED_EXPIRY) != AGREED_EXPIRY


def _is_wanted(stack: Stack, address: str) -> bool:
    """Tell whether the configuration still wants a bucket of the blueprint ``site``."""
    number = int(address.partition('["')[2].partition('"')[0])
    return number <= int(stack.parameters["buckets"])
