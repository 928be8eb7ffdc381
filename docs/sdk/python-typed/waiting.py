"""Follow asynchronous work: hand-written, and copied into the generated package by ``make sdk``.

``expect`` turns a problem into an exception, ``wait_for`` polls an operation until it has ended.
"""

from __future__ import annotations

import time
from typing import TypeVar

from .api.operations import get_operation
from .client import AuthenticatedClient
from .models import OperationStatus, OperationView, Problem

DONE = {OperationStatus.APPLIED, OperationStatus.PLANNED_AND_FINISHED}
FAILED = {
    OperationStatus.ERRORED,
    OperationStatus.INTERRUPTED,
    OperationStatus.CANCELED,
    OperationStatus.DISCARDED,
}
PAUSE_SECONDS = 1.0
T = TypeVar("T")


class ProblemError(Exception):
    """The API refused a request. Decide on ``code``, which is stable; ``advice`` is for people."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(f"{problem.detail} {problem.advice}")
        self.problem = problem
        self.code = problem.code
        self.advice = problem.advice
        self.status = problem.status
        self.request_id = problem.request_id


class OperationFailedError(Exception):
    """An operation ended without doing what was asked; ``operation`` has its steps and error."""

    def __init__(self, operation: OperationView) -> None:
        error = operation.error
        said = f"{error.detail} {error.advice}" if error else f"It was {operation.status.value}."
        super().__init__(f"{operation.type_.value} {operation.id}: {said}")
        self.operation = operation
        self.code = error.code if error else operation.status.value
        self.advice = error.advice if error else ""


class WaitTimeoutError(TimeoutError):
    """The operation had not ended in time. It goes on; wait for it again, or cancel it."""

    def __init__(self, operation: OperationView, seconds: float) -> None:
        super().__init__(f"{operation.id} is {operation.status.value} after {seconds:g} s.")
        self.operation = operation


def expect(answer: T | Problem | None) -> T:
    """Return what the API answered.

    Raises:
        ProblemError: it answered with a problem.
    """
    if isinstance(answer, Problem):
        raise ProblemError(answer)
    if answer is None:
        raise TypeError("The answer has no body: use sync_detailed and its status.")
    return answer


def wait_for(
    client: AuthenticatedClient,
    operation: OperationView | str,
    *,
    timeout_seconds: float = 900.0,
) -> OperationView:
    """Poll an operation until it has ended well, and return it.

    Pauses as long as ``Retry-After`` says. A plan that waits for approval is waited for, too.

    Raises:
        OperationFailedError: it did not end well; ``code`` and ``advice`` say why.
        WaitTimeoutError: it has not ended after ``timeout_seconds``.
        ProblemError: the API refused to show it.
    """
    operation_id = operation if isinstance(operation, str) else operation.id
    deadline = time.monotonic() + timeout_seconds
    while True:
        answer = get_operation.sync_detailed(operation_id, client=client)
        pause = _seconds(answer.headers.get("Retry-After"))
        if int(answer.status_code) not in (429, 503):
            present = expect(answer.parsed)
            if present.status in DONE:
                return present
            if present.status in FAILED:
                raise OperationFailedError(present)
            if time.monotonic() + pause > deadline:
                raise WaitTimeoutError(present, timeout_seconds)
        elif time.monotonic() + pause > deadline:
            expect(answer.parsed)
        time.sleep(pause)


def _seconds(retry_after: str | None) -> float:
    return float(retry_after) if retry_after and retry_after.isdigit() else PAUSE_SECONDS
