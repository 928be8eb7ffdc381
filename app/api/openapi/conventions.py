"""What the document says of every operation: headers, preconditions, problems."""

from __future__ import annotations

from typing import Any

from apispec import APISpec, BasePlugin

from app.api.http.blueprint import PREFIX
from app.api.http.query_parameters import DRY_RUN, DRY_RUN_MARK

# What these answer must not be kept: tokens are stored nowhere. They are safe to send again as they
# are, except a refresh, of which a copy is told from a theft by nothing.
TAKES_NO_KEY = f"{PREFIX}/auth/"

IDEMPOTENCY_KEY = {
    "in": "header",
    "name": "Idempotency-Key",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
    "description": "Makes the request safe to send again: the first answer is given once more.",
}

IF_MATCH = {
    "in": "header",
    "name": "If-Match",
    "schema": {"type": "string"},
    "description": "The ETag that you read, or `*`; without it the answer is 428",
}

IF_NONE_MATCH = {
    "in": "header",
    "name": "If-None-Match",
    "schema": {"type": "string"},
    "description": "The ETag that you have; 304 when nothing has changed",
}

DRY_RUN_PARAMETER = {
    "in": "query",
    "name": DRY_RUN,
    "schema": {"type": "boolean", "default": False},
    "description": "`true` checks the request and answers as it would, but does nothing.",
}

WAITS_FOR = (
    "`wait=N` holds the answer until the operation has ended or awaits approval, at most 30 "
    "seconds; with `, wait-for=applied` until it has that status or has ended."
)

LAST_EVENT_ID = {
    "in": "header",
    "name": "Last-Event-ID",
    "schema": {"type": "string"},
    "description": "For `text/event-stream`: go on after the event with this id",
}

EVENT_STREAM = {
    "schema": {
        "type": "string",
        "description": "Events as HTML has them: `id`, `event` and, in `data`, JSON",
    }
}

NOT_MODIFIED = {"description": "Nothing has changed since that ETag"}

PREFER = {
    "in": "header",
    "name": "Prefer",
    "schema": {"type": "string"},
    "example": "wait=1",
    "description": "`wait=N` holds the answer until the operation has ended, at most 30 seconds.",
}

ACCEPTED_HEADERS = {
    "Location": {"description": "The operation to follow", "schema": {"type": "string"}},
    "Retry-After": {
        "description": "Seconds until it is worth asking",
        "schema": {"type": "string"},
    },
}

CREATED_HEADERS = {"Location": {"description": "The new thing", "schema": {"type": "string"}}}

DRY_RUN_HEADERS = {
    "Dry-Run": {
        "description": "`true` when `dry_run` was asked for, and nothing was done",
        "schema": {"type": "string"},
    }
}

PROBLEMS = {
    "400": "The body is not JSON",
    "401": "No valid token",
    "403": "The role does not include this",
    "404": "There is no such thing, or you may not see it",
    "409": "The present state forbids this",
    "412": "The resource changed meanwhile",
    "413": "The body is too large",
    "415": "The body is not application/json",
    "422": "Some values are not acceptable; `errors` lists them",
    "428": "If-Match is required",
    "429": "Too many requests; wait as long as Retry-After says",
    "default": "Any other problem",
}

PROBLEM = "application/problem+json"


class Conventions(BasePlugin):
    """Adds to every operation what ``docs/api.md`` promises of all: headers and problems."""

    def init_spec(self, spec: APISpec) -> None:
        """Need nothing of the document as a whole."""

    def operation_helper(
        self, path: str | None = None, operations: dict[str, Any] | None = None, **_: Any
    ) -> None:
        """Complete the operations of one path."""
        for method, operation in (operations or {}).items():
            if isinstance(operation, dict) and "responses" in operation:
                _add_headers(method, path or "", operation)
                _add_problems(method, path or "", operation)


def _add_headers(method: str, path: str, operation: dict[str, Any]) -> None:
    answers = {str(status): answer for status, answer in operation["responses"].items()}
    parameters = operation.setdefault("parameters", [])
    operation.pop("x-holds", None)  # whatever is accepted work does
    if operation.pop(DRY_RUN_MARK, False):
        parameters.append(DRY_RUN_PARAMETER)
        for answer in (item for status, item in answers.items() if status[0] == "2"):
            answer.setdefault("headers", {}).update(DRY_RUN_HEADERS)
    is_work = "202" in answers
    if is_work or (method == "post" and not path.startswith(TAKES_NO_KEY)):
        parameters.append(IDEMPOTENCY_KEY)
    if "201" in answers:
        answers["201"].setdefault("headers", {}).update(CREATED_HEADERS)
    if is_work:
        parameters.append(PREFER)
        answers["202"].setdefault("headers", {}).update(ACCEPTED_HEADERS)
    if method in ("patch", "delete") and not operation.pop("x-unconditional", False):
        parameters.append(IF_MATCH)
    if operation.pop("x-conditional", False):
        parameters.append(IF_NONE_MATCH)
        answers["304"] = dict(NOT_MODIFIED)
    if operation.pop("x-waits", False):
        parameters.append({**PREFER, "description": WAITS_FOR, "example": "wait=30"})
    if operation.pop("x-streams", False):
        parameters.append(LAST_EVENT_ID)
        answers["200"]["content"]["text/event-stream"] = EVENT_STREAM
    operation["responses"] = answers


def _add_problems(method: str, path: str, operation: dict[str, Any]) -> None:
    answers: dict[str, Any] = operation["responses"]
    named = {status for status in answers if status[0] == "4"} | {"422", "429", "default"}
    if operation.get("security") != []:
        named |= {"401", "403"} if "{" in path or method != "get" else {"401"}
    if "{" in path:
        named.add("404")
    if "requestBody" in operation:
        named |= {"400", "413", "415"}
    if any(item["name"] == "Idempotency-Key" for item in operation["parameters"]):
        named.add("409")
    if IF_MATCH in operation["parameters"]:
        named |= {"412", "428"}
    kept = {status: answer for status, answer in answers.items() if status not in named}
    operation["responses"] = kept | {status: problem_name(status) for status in sorted(named)}


def problem_name(status: str) -> str:
    """Return what the document calls the problems of a status."""
    return f"Problem{status.capitalize()}"
