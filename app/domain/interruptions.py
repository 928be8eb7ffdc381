"""What can be done about an interrupted operation: the one table, and the errors that send there.

The advice of errors, the pages of the console and the documents (``tests/docs``) are all taken from
``WAYS_OUT``, so that they cannot say different things. Pure rules.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from app.domain.plain_words import counted
from app.errors import ConflictError, LandformError


class Resolution(StrEnum):
    """What a person may decide about an interrupted operation; the safe way comes first."""

    ADOPT = "adopt"
    RETRY = "retry"
    DESTROY = "destroy"
    ACCEPT = "accept"


@dataclass(frozen=True)
class WayOut:
    """One decision: what its button says, and one sentence about what it does."""

    label: str
    effect: str


WAYS_OUT: Mapping[Resolution, WayOut] = MappingProxyType(
    {
        Resolution.ADOPT: WayOut(
            "Adopt", "imports the orphans into the state, then goes on, after you approve the plan"
        ),
        Resolution.RETRY: WayOut(
            "Retry",
            "plans the same again and imports every orphan that was found; with force it leaves "
            "them out, and they may be created a second time",
        ),
        Resolution.DESTROY: WayOut(
            "Destroy everything",
            "destroys the stack and the orphans with it, after you approve the plan",
        ),
        Resolution.ACCEPT: WayOut(
            "Accept", "keeps the state as it was saved; the orphans stay in the cloud"
        ),
    }
)

IN_SHORT = (
    "Resolve the operation: adopt imports the orphans, destroy takes them with the stack, "
    "retry plans again and imports them; an orphan that you delete in the cloud resolves itself."
)
"""The advice of every error that is about possible orphans."""


class OperationInterruptedError(LandformError):
    code = "operation_interrupted"
    title = "The process that ran Terraform is gone"
    advice = IN_SHORT


class LeaseLapsedError(OperationInterruptedError):
    """The lease of an apply could not be renewed, so another host may soon take it over.

    ``grace_seconds`` is how long Terraform may take to stop before it is killed.
    """

    code = "lease_lapsed"
    title = "The database could not be reached for too long, so Terraform was stopped"

    def __init__(self, detail: str, *, grace_seconds: float = 0.0) -> None:
        super().__init__(detail)
        self.grace_seconds = grace_seconds


class ResourcesLeftError(OperationInterruptedError):
    """A destroy ended well, and the cloud still holds what carries the stack's tag."""

    code = "resources_left"
    title = "The cloud still holds resources of the stack"


class DestroyUnverifiedError(OperationInterruptedError):
    """A destroy ended well, and the cloud could not be asked whether anything is left."""

    code = "destroy_unverified"
    title = "The cloud could not be asked whether anything of the stack is left"
    advice = (
        "Fix the cloud account: the search is repeated by itself, and the stack is deleted once "
        "it finds nothing. Where the account is gone for good, accept with force and a reason."
    )


class OrphansUnresolvedError(ConflictError):
    """Resources of the stack may exist without a record; nothing may change it before that ends."""

    code = "orphans_unresolved"
    title = "An interrupted operation may have left resources without a record"
    advice = IN_SHORT


def waiting_sentence(operation_id: str, count: int, *, is_searched: bool) -> str:
    """Say what keeps a stack from being changed after an interruption.

    Args:
        operation_id: the interrupted operation.
        count: how many possible orphans it names.
        is_searched: whether the cloud has said for certain what there is.
    """
    if is_searched:
        return (
            f"Operation {operation_id} was interrupted; "
            f"it left {counted(count, 'resource')} without a record."
        )
    named = f", and {counted(count, 'resource')} may exist without a record" if count else ""
    return (
        f"Operation {operation_id} was interrupted{named}; "
        "the cloud is still being searched for what it left."
    )
