"""Owns the words in which a failed call reaches the user: what happened, to what, what to do.

Must not decide what becomes of the resource; that is `resource`'s part.
"""

from __future__ import annotations

from dataclasses import dataclass

from tf.utils import Diagnostics

from sandbox.provider.client import CloudError, CloudResource, ResourceGoneError
from sandbox.provider.transport import CloudUnreachableError

CallError = CloudError | CloudUnreachableError

_ADVICE = {
    "invalid_token": "Set the provider's token, or SANDBOX_TOKEN, to the account's token. The "
    "default account's is in $LANDFORM_HOME/sandbox/token.",
    "injected_fault": "The failure was injected on purpose. Apply again, or turn it off with "
    "PUT /v1/faults.",
    "quota_exceeded": "Nothing was created. Make room, or raise the quota, and apply again.",
    "path_not_found": "The endpoint answers, but not as a sandbox cloud. It must end in /v1.",
}


@dataclass(frozen=True)
class Subject:
    """What a call was about: the provider's type name, and the id or name known so far."""

    type_name: str
    label: str

    def __str__(self) -> str:
        return f'{self.type_name} "{self.label}"'


def report(diagnostics: Diagnostics, error: CallError, action: str, subject: Subject) -> None:
    """Add an error for a failed call.

    Parameters:
        action: a verb, as in "Could not {action} {subject}".
    """
    if isinstance(error, CloudUnreachableError):
        _report_unreachable(diagnostics, error, action, subject)
        return
    advice = _ADVICE.get(error.code, "")
    sentences = f"Could not {action} {subject}: the sandbox cloud answered {error.status}"
    detail = f"{sentences} {error.code or '(no problem+json)'}. {error.detail} {advice}".rstrip()
    named = [(_to_path(pointer), message) for pointer, message in error.faults]
    for path, message in named:
        detail += f"\n- {'.'.join(path) or 'request'}: {message}"
    only_path = named[0][0][:1] if len(named) == 1 and named[0][0] else None
    diagnostics.add_error(_summarise(error, action), detail, path=only_path)


def report_gone(diagnostics: Diagnostics, error: ResourceGoneError, subject: Subject) -> None:
    """Add an error for a resource that vanished between two calls that needed it."""
    diagnostics.add_error(
        "Resource has disappeared from the sandbox cloud",
        f"{subject} was deleted by somebody else meanwhile. {error.detail} Plan again to have it "
        "created anew.",
    )


def report_other_type(diagnostics: Diagnostics, found: CloudResource, subject: Subject) -> None:
    """Add an error for an id that belongs to a resource of another type."""
    diagnostics.add_error(
        "The resource has another type",
        f"{found.id} is a {found.type}, so it cannot be read as {subject}. Use the id of the "
        f"right one, or sandbox_{found.type}.",
    )


def _report_unreachable(
    diagnostics: Diagnostics, error: CloudUnreachableError, action: str, subject: Subject
) -> None:
    detail = f"Could not {action} {subject}: {error.reason}. "
    if error.was_sent and action == "create":
        detail += (
            "The request had been sent, so the resource may exist without being in state. Look "
            "for it with GET /v1/resources?type=…&tag=… before you apply again, and import or "
            "delete it. "
        )
    detail += (
        "Check that the sandbox service runs and that the provider's endpoint, or "
        "SANDBOX_ENDPOINT, is its address."
    )
    diagnostics.add_error("The sandbox cloud cannot be reached", detail)


def _summarise(error: CloudError, action: str) -> str:
    summaries = {
        "invalid_token": "The sandbox cloud does not accept the token",
        "quota_exceeded": "The account's quota in the sandbox cloud is used up",
        "injected_fault": "The sandbox cloud failed on purpose",
        "dependency_violation": "Other resources still use this one",
        "name_taken": "The name is taken in the sandbox cloud",
    }
    return summaries.get(error.code, f"The sandbox cloud refused to {action} the resource")


def _to_path(pointer: str) -> list[str]:
    """Turn `/attributes/cidr` into `["cidr"]` and `/tags/a` into `["tags", "a"]`."""
    steps = [step for step in pointer.split("/") if step]
    return steps[1:] if steps[:1] == ["attributes"] else steps
