"""The client: one object for one Landform, with a method for each thing that people do with it.

What has no method of its own is reached by ``send`` and ``iterate``, which take any path of
docs/api.md.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, cast

from landform_client import events
from landform_client.answers import DONE, FAILED, Accepted, DriftReport, Kind, Operation, Stack
from landform_client.api import Api
from landform_client.errors import NotFoundError, OperationFailedError, WaitTimeoutError

LONG_POLL_SECONDS = 20
"""How long Landform may hold an answer until the operation has ended."""
PAUSE_SECONDS = 1.0
LIMIT = 200


class Landform(Api):
    """One Landform, as its REST API shows it; ``Api`` says how it is connected."""

    _kinds: Mapping[str, Kind] = MappingProxyType({})

    # Stacks

    def kind(self, name: str) -> Kind:
        """Return a kind of the catalogue by its name or plural; it is asked for once.

        Raises:
            NotFoundError: there is none.
        """
        if not self._kinds:
            self._kinds = {item["kind"]: item for item in self.iterate("/kinds")}
        plurals = {item["plural"]: item for item in self._kinds.values()}
        found = self._kinds.get(name) or plurals.get(name)
        if found is None:
            raise _not_found(f"There is no kind {name}. There are: {', '.join(self._kinds)}.")
        return found

    def stacks(self, **filters: Any) -> Iterator[Stack]:
        """Yield stacks, newest first; filters are those of ``GET /stacks``."""
        return self.iterate("/stacks", **{"limit": LIMIT, **filters})

    def stack(self, stack: str, project: str | None = None) -> Stack:
        """Return a stack by id, or by name in a project (``default`` by default).

        Raises:
            NotFoundError: there is none.
        """
        if stack.startswith("stk_"):
            return cast("Stack", self.read(f"/stacks/{stack}"))
        project = project or "default"
        for found in self.stacks(q=stack, project=project):
            if found["name"] == stack:
                return found
        raise _not_found(f"There is no stack {stack} in the project {project}.")

    def create(
        self,
        kind: str,
        name: str,
        cloud_account: str,
        parameters: Mapping[str, Any] | None = None,
        *,
        key: str | None = None,
        **settings: Any,
    ) -> Accepted:
        """Ask for a stack.

        Args:
            kind: such as ``network``.
            name: unique in the project.
            cloud_account: id or name.
            parameters: those of the kind.
            key: the Idempotency-Key, so that a program that runs again makes it once.
            settings: ``project``, ``region``, ``labels``, ``auto_apply``, …

        Raises:
            InvalidRequestError: a field is wrong; ``errors`` says which.
            ConflictError: the name is taken.
        """
        body = {"name": name, "cloud_account": cloud_account, "parameters": dict(parameters or {})}
        path = f"/{self.kind(kind)['plural']}"
        return cast("Accepted", self.send("POST", path, body={**body, **settings}, key=key).body)

    def change(
        self,
        stack: Stack | str,
        parameters: Mapping[str, Any] | None = None,
        *,
        if_match: str = "*",
        key: str | None = None,
        **settings: Any,
    ) -> Accepted:
        """Change a stack; parameters that are not named stay, and ``None`` is the default again.

        Args:
            stack: the stack or its id.
            parameters: those that change.
            if_match: the ``etag`` of the answer that you read, so that nobody else's change is
                undone; by default whatever is there is changed.
            key: the Idempotency-Key.
            settings: ``labels``, ``auto_apply``, ``drift``, ``deletion_protection``, …

        Raises:
            ChangedMeanwhileError: it is another version than ``if_match``.
        """
        body = dict(settings)
        if parameters is not None:
            body["parameters"] = dict(parameters)
        headers = {"If-Match": if_match}
        answer = self.send("PATCH", self._typed(stack), body=body, headers=headers, key=key)
        return cast("Accepted", answer.body)

    def delete(
        self,
        stack: Stack | str,
        *,
        cascade: bool = False,
        if_match: str = "*",
        key: str | None = None,
    ) -> Accepted:
        """Destroy a stack, with ``cascade`` also the stacks that use it.

        Raises:
            ConflictError: it is protected, or others use it.
        """
        query = {"cascade": True} if cascade else None
        headers = {"If-Match": if_match}
        answer = self.send("DELETE", self._typed(stack), query=query, headers=headers, key=key)
        return cast("Accepted", answer.body)

    def outputs(self, stack: Stack | str) -> dict[str, Any]:
        """Return the outputs of a stack as they are now."""
        found: dict[str, Any] = self.read(f"/stacks/{_id(stack)}/outputs")["outputs"]
        return found

    def drift_report(self, stack: Stack | str) -> DriftReport | None:
        """Return the newest drift report of a stack, if there is one."""
        page = self.read(f"/stacks/{_id(stack)}/drift-reports", limit=1)
        return cast("DriftReport", page["items"][0]) if page["items"] else None

    # Operations

    def start(
        self, stack: Stack | str, operation_type: str, *, key: str | None = None, **options: Any
    ) -> Operation:
        """Start an operation on a stack: ``plan``, ``apply``, ``drift_check``, ``reconcile``, …

        Args:
            stack: the stack or its id.
            operation_type: docs/api.md lists them.
            key: the Idempotency-Key.
            options: what the type takes, such as ``report_id``.

        Raises:
            ConflictError: the stack's status forbids it.
        """
        path = f"/stacks/{_id(stack)}/operations"
        body = {"type": operation_type, **options}
        return cast("Operation", self.send("POST", path, body=body, key=key).body["operation"])

    def operation(self, operation: Operation | str) -> Operation:
        """Return an operation as it stands now."""
        return cast("Operation", self.read(f"/operations/{_id(operation)}"))

    def operations(self, **filters: Any) -> Iterator[Operation]:
        """Yield operations, newest first; filters are those of ``GET /operations``."""
        return self.iterate("/operations", **{"limit": LIMIT, **filters})

    def approve(self, operation: Operation | str, **options: Any) -> Operation:
        """Let the plan of an operation be applied."""
        return self._decide(operation, "approve", options)

    def discard(self, operation: Operation | str) -> Operation:
        """Throw the plan of an operation away."""
        return self._decide(operation, "discard", {})

    def cancel(self, operation: Operation | str, *, force: bool = False) -> Operation:
        """Stop an operation; ``force`` kills a Terraform that was canceled before."""
        return self._decide(operation, "cancel", {"force": True} if force else {})

    def events(self, operation: Operation | str, after: int = 0) -> Iterator[events.Message]:
        """Yield what happens in an operation until its end, also across broken connections.

        Args:
            operation: the operation or its id.
            after: the id of the last event that is known already.
        """
        return events.follow(self.transport, f"/operations/{_id(operation)}/events", after)

    def wait_for(
        self,
        operation: Operation | str,
        timeout_seconds: float = 900.0,
        *,
        until_planned: bool = False,
        on_change: Callable[[Operation], object] | None = None,
    ) -> Operation:
        """Wait until an operation has ended well, and return it.

        Args:
            operation: the operation or its id.
            timeout_seconds: how long to wait.
            until_planned: return also when the plan awaits approval.
            on_change: is told the operation whenever it was read.

        Raises:
            OperationFailedError: it did not end well; ``code`` and ``advice`` say why.
            WaitTimeoutError: it has not ended in time.
            ProblemError: Landform does not show it.
        """
        deadline = time.monotonic() + timeout_seconds
        while True:
            present, pause = self._look(_id(operation), deadline - time.monotonic())
            if on_change is not None:
                on_change(present)
            if present["status"] in DONE or (until_planned and awaits_approval(present)):
                return present
            if present["status"] in FAILED:
                raise OperationFailedError(present)
            if time.monotonic() + pause > deadline:
                raise WaitTimeoutError(present, timeout_seconds)
            time.sleep(pause)

    def _look(self, operation_id: str, seconds_left: float) -> tuple[Operation, float]:
        """Return the operation and the pause before the next look.

        A Landform that holds the answer (``Prefer: wait``) asks for no further pause.
        """
        hold = max(1, min(LONG_POLL_SECONDS, int(seconds_left)))
        headers = {"Prefer": f"wait={hold}"}
        answer = self.send("GET", f"/operations/{operation_id}", headers=headers)
        was_held = "Preference-Applied" in answer.headers
        pause = 0.0 if was_held else answer.retry_after or PAUSE_SECONDS
        return cast("Operation", answer.body), pause

    def _decide(self, operation: Operation | str, verb: str, body: dict[str, Any]) -> Operation:
        answer = self.send("POST", f"/operations/{_id(operation)}/{verb}", body=body)
        return cast("Operation", answer.body)

    def _typed(self, stack: Stack | str) -> str:
        found = self.stack(stack) if isinstance(stack, str) else stack
        return found["links"]["typed"]


def awaits_approval(operation: Operation) -> bool:
    """Tell whether somebody has to approve the plan of an operation."""
    waiting = operation["waiting_for"]
    return waiting is not None and waiting["reason"] == "approval"


def _id(item: Stack | Operation | str) -> str:
    return item if isinstance(item, str) else item["id"]


def _not_found(detail: str) -> NotFoundError:
    return NotFoundError(404, {"code": "not_found", "detail": detail})
