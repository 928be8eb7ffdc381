"""The shapes of answers that this package reads, for type checkers.

At run time they are plain dictionaries, exactly as Landform sent them: fields that a newer Landform
adds are there, too. Times are texts (RFC 3339, UTC); statuses are texts, since a newer one may know
more of them.
"""

from typing import Any, NotRequired, TypedDict

DONE = frozenset({"applied", "planned_and_finished"})
"""Statuses of an operation that ended well."""

FAILED = frozenset({"errored", "interrupted", "canceled", "discarded"})
"""Statuses of an operation that ended without doing what was asked."""


class Tokens(TypedDict):
    """What signing in gives; ``expires_in`` is in seconds."""

    access_token: str
    refresh_token: str
    token_type: str
    expires_in: int


class Ref(TypedDict):
    """The id and name of something."""

    id: str
    name: str


class StackRef(Ref):
    """A stack that is referred to, and by which parameter."""

    kind: str
    parameter: str


class References(TypedDict):
    """The stacks that a stack uses, and those that use it."""

    uses: list[StackRef]
    used_by: list[StackRef]


class Drift(TypedDict):
    """How a stack stands against its cloud, and when that is checked."""

    status: str
    reason: str | None
    since: str | None
    checked_at: str | None
    next_check_at: str | None
    report_id: str | None
    enabled: bool
    interval_seconds: int


class Stack(TypedDict):
    """A stack; ``parameters`` and ``outputs`` are those of its kind."""

    id: str
    name: str
    kind: str
    blueprint_version: str
    project: Ref
    cloud_account: Ref
    cloud: str
    region: str
    parameters: dict[str, Any]
    outputs: dict[str, Any]
    labels: dict[str, str]
    auto_apply: str
    status: str
    status_reason: str | None
    pending_changes: bool
    drift: Drift
    references: References
    deletion_protection: bool
    expires_at: str | None
    created_at: str
    created_by: str
    updated_at: str
    links: dict[str, str]


PlanCounts = TypedDict(
    "PlanCounts",
    {
        "add": int,
        "change": int,
        "destroy": int,
        "replace": int,
        "import": int,
        "move": int,
        "forget": int,
    },
)
"""How many resources a plan adds, changes, …"""


class Step(TypedDict):
    """One step of an operation."""

    name: str
    status: str
    started_at: str
    ended_at: str | None
    detail: str | None


class OperationError(TypedDict):
    """Why an operation failed."""

    code: str
    title: str
    detail: str
    advice: str


class Wait(TypedDict):
    """Why an operation does not go on."""

    reason: str
    detail: str
    position: NotRequired[int]
    operation_id: NotRequired[str]
    holder: NotRequired[str]
    since: NotRequired[str]


class Operation(TypedDict):
    """One asynchronous piece of work on a stack."""

    id: str
    type: str
    status: str
    stack_id: str
    requested_by: str
    created_at: str
    started_at: str | None
    ended_at: str | None
    steps: list[Step]
    plan: PlanCounts | None
    waiting_for: Wait | None
    approved_by: str | None
    error: OperationError | None
    unresolved: bool
    links: dict[str, str]


class Accepted(TypedDict):
    """A change that was accepted; without an operation there is nothing to wait for."""

    stack: Stack
    operation: Operation | None


class Event(TypedDict):
    """Something that happened in an operation; ``id`` grows."""

    id: int
    at: str
    type: str
    level: str
    message: str
    data: Any


class Kind(TypedDict):
    """A kind of the catalogue; ``parameters`` is a JSON Schema."""

    kind: str
    plural: str
    version: str
    title: str
    description: str
    parameters: dict[str, Any]
    outputs: dict[str, Any]
    references: dict[str, Any]


class AttributeChange(TypedDict):
    """An attribute that differs; sensitive values are masked."""

    path: str
    before: Any
    after: Any
    sensitive: bool


class DriftChange(TypedDict):
    """A resource that was changed outside Landform."""

    address: str | None
    name: str
    type: str
    change: str
    attributes: list[AttributeChange]
    severity: str


class DriftReport(TypedDict):
    """The result of a drift check."""

    id: str
    stack_id: str
    operation_id: str
    checked_at: str
    status: str
    reason: str | None
    changes: list[DriftChange]
