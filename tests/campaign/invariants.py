"""The promises of ``docs/architecture.md``, checked for one stack at rest.

The cloud is asked itself: its inventory by the tag of the stack is what exists.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Select, select

from app.domain.operations import FINAL, OperationStatus
from app.domain.stacks import StackStatus
from app.domain.state_file import StateFile
from app.errors import LandformError
from app.models import AuditEvent, Operation, StateVersion
from app.services.drift.reports import is_scheduled
from tests.campaign.findings import Promise, Tally
from tests.campaign.trial import Ground

PAGE = 200


@dataclass
class Memory:
    """What earlier checks have seen of a stack."""

    lineage: str | None = None
    serial: int = -1
    checked_until: str = ""
    accepted: set[str] = field(default_factory=set)


class StackChecks:
    """All checks of one stack; ``memory`` goes from one round to the next."""

    def __init__(self, trial: Ground, tally: Tally, stack_id: str) -> None:
        self._trial = trial
        self._tally = tally
        self.stack_id = stack_id
        self.memory = Memory()

    def check(self, *, is_exact: bool) -> None:
        """Check everything; nothing of the stack may be running.

        Args:
            is_exact: nothing disturbed the last apply, so state and cloud must be the same.
        """
        operations = self._trial.operations(self.stack_id)
        new = [
            item
            for item in operations
            if item.id > self.memory.checked_until and not _is_due_by_itself(item)
        ]
        state = self._check_state()
        self._check_resources(state, new, is_exact=is_exact)
        self._check_requests(operations)
        self._check_audit(new)
        self._check_leftovers(new)
        if operations:
            self.memory.checked_until = operations[-1].id

    def is_gone(self) -> bool:
        """Tell whether the stack is deleted; whatever outlives it then is abandoned."""
        if self._trial.stack(self.stack_id).status != StackStatus.DELETED:
            return False
        if left := self.inventory():
            names = ", ".join(f"{item['id']} ({address_of(item)})" for item in left)
            self._tally.problem(Promise.ABANDONED, f"{self.stack_id} is deleted, alive: {names}")
        return True

    def inventory(self) -> list[dict[str, Any]]:
        """Return what the cloud has of this stack."""
        return self._trial.cloud.list(tag=f"landform:stack={self.stack_id}", limit=PAGE)

    def recorded_ids(self) -> set[str]:
        """Return the ids in the newest state, or nothing when it cannot be read."""
        state = self._read_state()
        return {value for value in state.identifiers().values() if value} if state else set()

    def _lost(self, detail: str) -> None:
        self._tally.problem(Promise.STATE, f"{self.stack_id}: {detail}")

    def _read_state(self) -> StateFile | None:
        store = self._trial.ctx.state_store(self.stack_id)
        stored = store.current(self.stack_id)
        if stored is None:
            return None
        return StateFile.parse(store.read(self.stack_id, stored.serial, stored.sha256))

    def _check_state(self) -> StateFile | None:
        store, memory = self._trial.ctx.state_store(self.stack_id), self.memory
        query = select(StateVersion).where(StateVersion.stack_id == self.stack_id)
        in_order = query.order_by(StateVersion.serial)
        versions = self._trial.look(lambda session: list(session.scalars(in_order)))
        try:
            stored, state = store.current(self.stack_id), self._read_state()
            for version in versions:
                store.read(self.stack_id, version.serial, version.sha256)
        except LandformError as error:
            self._lost(f"cannot be read: {error.detail}")
            return None
        if stored is None or state is None:
            if versions or memory.serial >= 0:
                self._lost("there was a state and now there is none")
            return None
        newest = versions[-1] if versions else None
        if newest is None or (stored.serial, stored.sha256) != (newest.serial, newest.sha256):
            told = newest and (newest.serial, newest.sha256[:12])
            self._lost(f"volume {(stored.serial, stored.sha256[:12])}, SQL {told}")
        if stored.serial < memory.serial:
            self._lost(f"serial went from {memory.serial} down to {stored.serial}")
        lineages = {version.lineage for version in versions} | {state.lineage}
        if len(lineages | ({memory.lineage} - {None})) != 1:
            self._lost(f"lineage changed: {lineages}, before {memory.lineage}")
        memory.serial, memory.lineage = stored.serial, state.lineage
        return state

    def _check_resources(
        self, state: StateFile | None, new: list[Operation], *, is_exact: bool
    ) -> None:
        known = {value for value in state.identifiers().values() if value} if state else set()
        exists = {item["id"]: item for item in self.inventory()}
        named = {
            value
            for operation in new
            for orphan in operation.possibly_orphaned
            for value in (orphan["address"], orphan["id"])
            if value
        }
        for identifier, item in exists.items():
            address = address_of(item)
            if identifier not in known and identifier not in named and address not in named:
                self._tally.problem(
                    Promise.RESOURCE,
                    f"{self.stack_id}: {identifier} ({address}) of "
                    f"{item['tags'].get('landform:operation')} is in no state and not named; "
                    f"{_describe(new)}",
                )
        self._check_doubles(exists, known)
        if is_exact and known != set(exists):
            self._tally.problem(
                Promise.RESOURCE,
                f"{self.stack_id}: after an undisturbed apply {len(known)} are in state, "
                f"{len(exists)} in the cloud; {_describe(new)}",
            )

    def _check_doubles(self, exists: dict[str, dict[str, Any]], known: set[str]) -> None:
        """Nothing exists twice under one address, but for what a replacement has not removed yet.

        Of a replacement the state knows both.
        """
        by_address: dict[str, list[str]] = {}
        for identifier, item in exists.items():
            by_address.setdefault(address_of(item), []).append(identifier)
        for address, found in by_address.items():
            if len(found) > 1 and not set(found) <= known:
                self._tally.problem(
                    Promise.DOUBLED, f"{self.stack_id}: {address} exists as {', '.join(found)}"
                )

    def _check_requests(self, operations: list[Operation]) -> None:
        asked = {item.id for item in operations if item.requested_by != "system"}
        if lost := self.memory.accepted - asked:
            self._tally.problem(Promise.REQUEST, f"{self.stack_id}: accepted and gone: {lost}")
        if more := asked - self.memory.accepted:
            self._tally.problem(Promise.REQUEST, f"{self.stack_id}: nobody asked for {more}")
        for operation in operations:
            applies = [entry["status"] for entry in operation.transitions].count("applying")
            if applies > 1:
                self._tally.problem(Promise.REQUEST, f"{operation.id} was applied {applies} times")

    def _check_audit(self, new: list[Operation]) -> None:
        for operation in new:
            of_it = select(AuditEvent.action).where(AuditEvent.object_id == operation.id)
            told = self._ask_all(of_it)
            is_routine = is_scheduled(operation) and operation.status == "planned_and_finished"
            if not is_routine and f"operation.{operation.status}" not in told:
                self._tally.problem(
                    Promise.AUDIT, f"{operation.id} is {operation.status}, audit has {told}"
                )
            of_request = select(AuditEvent.id).where(AuditEvent.request_id == operation.request_id)
            if operation.requested_by != "system" and not self._ask_all(of_request.limit(1)):
                self._tally.problem(Promise.AUDIT, f"{operation.id}: its request is not told")

    def _ask_all(self, query: Select[tuple[Any]]) -> set[Any]:
        return self._trial.look(lambda session: set(session.scalars(query)))

    def _check_leftovers(self, new: list[Operation]) -> None:
        for operation in new:
            if operation.status not in FINAL or operation.has_unsaved_state:
                self._tally.problem(
                    Promise.STUCK,
                    f"{operation.id} {operation.type} by {operation.requested_by} since "
                    f"{operation.created_at} is {operation.status}, unsaved: "
                    f"{operation.has_unsaved_state}; {_describe(new)}",
                )
            if operation.status == OperationStatus.INTERRUPTED and not operation.error:
                self._tally.problem(Promise.STUCK, f"{operation.id} does not say what happened")


def address_of(item: dict[str, Any]) -> str:
    """Return the address that the blueprint ``site`` gives to a resource of the cloud."""
    kind, attributes = item["type"], item["attributes"]
    if kind == "network":
        return "sandbox_network.this"
    key = attributes["zone"] if kind == "subnet" else attributes["name"].rpartition("-")[2]
    return f'sandbox_{kind}.this["{key}"]'


def _is_due_by_itself(item: Operation) -> bool:
    """Tell whether an operation is a scheduled check, for which nobody waits, and has not ended."""
    return is_scheduled(item) and item.status not in FINAL


def _describe(operations: list[Operation]) -> str:
    return "; ".join(
        f"{item.id} {item.type} {[entry['status'] for entry in item.transitions]} "
        f"{len(item.possibly_orphaned)} named, ended {item.ended_at}, of {item.instance_id}"
        for item in operations
    )
