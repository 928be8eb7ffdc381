"""The tree of domain errors: what went wrong, to what, and what to do next.

Owns the stable ``code`` of every error that Landform reports. It must know nothing of HTTP:
``app.web.http_errors`` maps each class to a status once, for the API and the console alike.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Self

from app.plain_text import printable


@dataclass(frozen=True)
class FieldProblem:
    """One bad value in a request.

    ``pointer`` is a JSON pointer (RFC 6901) into the body, or ``?name`` for a query parameter.
    """

    pointer: str
    message: str


class LandformError(Exception):
    """Base of every error that Landform reports on purpose.

    ``detail`` says what happened and to what; ``advice`` says what to do next.
    """

    code: ClassVar[str] = "internal_error"
    title: ClassVar[str] = "Something went wrong inside Landform"
    advice: ClassVar[str] = "Quote the request id to whoever operates this Landform."

    def __init__(
        self,
        detail: str,
        *,
        advice: str | None = None,
        problems: tuple[FieldProblem, ...] = (),
        context: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(detail)
        self.detail = printable(detail)
        self.problems = problems
        self.context = context or {}
        if advice is not None:
            self.advice = advice  # type: ignore[misc]  # one instance may know better than its class


class UnexpectedError(LandformError):
    """A bug: the log has the traceback, the caller gets the request or operation id only."""


# --- what the client sent ---------------------------------------------------------------------


class ValidationError(LandformError):
    """The request is understood but some values are not acceptable."""

    code = "validation_failed"
    title = "Some values are not acceptable"
    advice = "Correct the fields listed in errors and send the request again."

    @classmethod
    def at(cls, pointer: str, message: str) -> Self:
        """Build the error for a single bad field at ``pointer``."""
        return cls(message, problems=(FieldProblem(pointer, message),))


class NotFoundError(LandformError):
    """The thing named does not exist, or the caller may not see it (the two look alike)."""

    code = "not_found"
    title = "There is no such thing here"
    advice = "Check the id or name; it may be gone, or in a project that you cannot see."


class StackGoneError(NotFoundError):
    """The stack was destroyed, some time ago."""

    code = "stack_gone"
    title = "The stack was destroyed"
    advice = "Nothing to do; its history is kept, and another stack may have its name."


class ConflictError(LandformError):
    """The request is valid but the present state of things forbids it."""

    code = "conflict"
    title = "The present state forbids this"
    advice = "Read the current state, then decide again."

    @classmethod
    def at(cls, pointer: str, message: str) -> Self:
        """Build the error for the field at ``pointer``."""
        return cls(message, problems=(FieldProblem(pointer, message),))


class NameTakenError(ConflictError):
    code = "name_taken"
    title = "The name is in use"
    advice = "Choose another name, or delete the stack that holds it."


class StackReferencedError(ConflictError):
    code = "stack_referenced"
    title = "Other stacks depend on this one"
    advice = "Delete the stacks listed first."


class ReferenceNotReadyError(ConflictError):
    code = "reference_not_ready"
    title = "A referenced stack is not ready"
    advice = "Wait until the referenced stack is ready, then send the request again."


class ImmutableParameterError(ConflictError):
    code = "immutable_parameter"
    title = "A parameter cannot be changed in place"
    advice = "Create a new stack with the new value and delete the old one."

    @classmethod
    def for_parameters(
        cls, stack_name: str, pointers: list[str], replaced: list[dict[str, str]]
    ) -> Self:
        """Build the error that names every parameter that would have to change.

        ``replaced`` has the id, name and kind of the stack and of all that would go with it.
        """
        first, *others = (f"{item['kind']} {item['name']!r}" for item in replaced)
        users = f" and, since they use it, {', '.join(others)}" if others else ""
        message = f"A change would replace {first}{users}."
        return cls(
            f"Stack {stack_name!r}: {', '.join(pointers)} cannot be changed in place. {message}",
            problems=tuple(FieldProblem(pointer, message) for pointer in pointers),
            context={"replaced": replaced},
        )


class BlueprintMissingError(ConflictError):
    code = "blueprint_missing"
    title = "The stack's blueprint is not in the catalogue"
    advice = "Put that version back into the catalog, upgrade the stack, or destroy it."


class BlueprintDowngradeError(ConflictError):
    code = "blueprint_downgrade"
    title = "The stack cannot go back to that version of its blueprint"
    advice = "Stay at the present version, or make a new stack."


class StackBusyError(ConflictError):
    code = "stack_busy"
    title = "A Terraform of an earlier operation still runs on this stack"
    advice = "Wait until it has stopped, then start the operation again."


class StackHeldError(ConflictError):
    code = "stack_held"
    title = "An operation is at work on the stack"
    advice = "Let it end, or cancel or discard it; then send the request again."


class StackLockedError(ConflictError):
    code = "stack_locked"
    title = "A person has locked the stack"
    advice = "Ask the holder to unlock it; an administrator of the project may force it."


class DeletionProtectedError(ConflictError):
    code = "deletion_protected"
    title = "The stack is protected from deletion"
    advice = "Set deletion_protection to false first."


class DriftChangedError(ConflictError):
    """The drift is no longer the one that somebody decided about."""

    code = "drift_changed"
    title = "The drift is not the one of that report any more"
    advice = "Have the stack checked again, look at the new report, then decide again."


class OperationStateError(ConflictError):
    """The operation's status does not allow what was asked."""

    code = "operation_state"
    title = "The operation's status does not allow this"
    advice = "Read the operation; its status says what is possible now."


class IdempotencyConflictError(ConflictError):
    code = "idempotency_in_progress"
    title = "The same request is still being handled"
    advice = "Wait a moment and send it again with the same Idempotency-Key."


class IdempotencyMismatchError(ValidationError):
    code = "idempotency_mismatch"
    title = "The Idempotency-Key was used for another request"
    advice = "Use a new Idempotency-Key for a new request."


class PreconditionRequiredError(LandformError):
    code = "precondition_required"
    title = "If-Match is required"
    advice = "Read the resource, then send its ETag in If-Match."


class PreconditionFailedError(LandformError):
    code = "precondition_failed"
    title = "The resource changed meanwhile"
    advice = "Read it again, apply your change to what is there now, and send its new ETag."


# --- who is asking ----------------------------------------------------------------------------


class AuthenticationError(LandformError):
    code = "unauthenticated"
    title = "You are not signed in"
    advice = "Sign in with POST /api/v1/auth/login and send the access token as a Bearer token."


class TokenReuseError(AuthenticationError):
    code = "refresh_token_reused"
    title = "This refresh token was used before"
    advice = "The session was ended for safety. Sign in again."


class PermissionDeniedError(LandformError):
    code = "permission_denied"
    title = "You may not do this"
    advice = "Ask an administrator of the project for the role named in detail."


class CsrfError(PermissionDeniedError):
    code = "csrf_failed"
    title = "The form could not be trusted"
    advice = "Load the page again and send the form once more."


class TooManyRequestsError(LandformError):
    code = "rate_limited"
    title = "Too many requests"
    advice = "Wait as long as Retry-After says, then go on more slowly."


# --- what Landform stands on ------------------------------------------------------------------


class UnavailableError(LandformError):
    """Something that Landform needs is not there now; the same request may work later."""

    code = "unavailable"
    title = "A part of Landform is not available"
    advice = "Try again shortly; /readyz names the part that is missing."


class CloudSearchError(UnavailableError):
    code = "cloud_search_failed"
    title = "The cloud could not be asked what it holds"
    advice = "Check the cloud account; the search is repeated by itself."


class DecryptionError(LandformError):
    code = "decryption_failed"
    title = "Stored data could not be decrypted"
    advice = "Check LANDFORM_ENCRYPTION_KEYS: every key that was ever used must still be listed."


class CatalogError(LandformError):
    """A blueprint or cloud description is wrong; ``detail`` names file and line."""

    code = "catalog_invalid"
    title = "The catalog has a mistake"
    advice = "Correct the file named in detail and start again."


class ConfigurationError(LandformError):
    """A setting or the machine does not allow a start; ``detail`` is one sentence."""

    code = "configuration_invalid"
    title = "Landform is not configured correctly"
    advice = "Correct what detail names and start again."
