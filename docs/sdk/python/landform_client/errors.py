"""What can go wrong: a request is refused, Landform does not answer, an operation ends badly."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from landform_client.answers import Operation


class LandformError(Exception):
    """The base of all errors of this package."""


class UnreachableError(LandformError):
    """Landform gave no answer, also after the repetitions that are allowed."""


class ProblemError(LandformError):
    """Landform refused a request (``application/problem+json``).

    Attributes:
        status: the HTTP status.
        code: stable; decide on this one. docs/errors.md lists them.
        detail: what happened, for people.
        advice: what to do next, for people.
        errors: the fields that are wrong, each with ``pointer`` and ``message``.
        request_id: finds the request in the server's log.
        problem: the whole body, with facts that some codes add.
    """

    statuses: ClassVar[tuple[int, ...]] = ()

    def __init__(self, status: int, problem: dict[str, Any]) -> None:
        self.status = status
        self.problem = problem
        self.code: str = problem.get("code", "")
        self.detail: str = problem.get("detail") or problem.get("title", "")
        self.advice: str = problem.get("advice", "")
        self.request_id: str = problem.get("request_id", "")
        self.errors: list[dict[str, str]] = problem.get("errors", [])
        super().__init__(f"{self.detail} {self.advice}".strip())


class InvalidRequestError(ProblemError):
    """The request itself is wrong: a field, a parameter, a header."""

    statuses = (400, 413, 414, 415, 422, 431)


class NotSignedInError(ProblemError):
    """The token is missing, wrong, or too old."""

    statuses = (401,)


class ForbiddenError(ProblemError):
    """You lack a right, which the problem names."""

    statuses = (403,)


class NotFoundError(ProblemError):
    """There is no such thing, or you may not know of it."""

    statuses = (404, 410)


class ConflictError(ProblemError):
    """It does not go together with how things stand: a name is taken, a status forbids it."""

    statuses = (409,)


class ChangedMeanwhileError(ProblemError):
    """Somebody changed it since you read it, or you did not say which version you read."""

    statuses = (412, 428)


class TooManyRequestsError(ProblemError):
    """The rate limit was reached, and its ``Retry-After`` is longer than repetitions may wait."""

    statuses = (429,)


class UnavailableError(ProblemError):
    """Landform cannot do it now."""

    statuses = (500, 502, 503, 504)


class OperationFailedError(LandformError):
    """An operation ended without doing what was asked; ``operation`` has its steps and error."""

    def __init__(self, operation: Operation) -> None:
        error = operation["error"]
        words = operation["status"].replace("_", " ")
        said = f"{error['detail']} {error['advice']}" if error else f"It was {words}."
        super().__init__(f"{operation['type']} {operation['id']}: {said}")
        self.operation = operation
        self.code = error["code"] if error else operation["status"]
        self.advice = error["advice"] if error else ""


class WaitTimeoutError(LandformError, TimeoutError):
    """The operation has not ended in time. It goes on; wait for it again, or cancel it."""

    def __init__(self, operation: Operation, seconds: float) -> None:
        words = operation["status"].replace("_", " ")
        super().__init__(f"{operation['id']} is {words} after {seconds:g} s.")
        self.operation = operation


def problem_error(status: int, problem: dict[str, Any]) -> ProblemError:
    """Return the error of the class that belongs to the HTTP status."""
    kinds = ProblemError.__subclasses__()
    found = next((kind for kind in kinds if status in kind.statuses), ProblemError)
    return found(status, problem)
