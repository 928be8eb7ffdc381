"""Owns the errors of the sandbox cloud, each with a stable code. Must not know HTTP statuses."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class FieldFault:
    """What is wrong with one field; `pointer` is a JSON pointer into the request body."""

    pointer: str
    message: str


class SandboxError(Exception):
    """A request that cannot be granted.

    Parameters:
        detail: a sentence or two that say what happened and what to do.
        faults: the fields that are to blame, if any.
    """

    code = "sandbox_error"

    def __init__(self, detail: str, faults: tuple[FieldFault, ...] = ()) -> None:
        super().__init__(detail)
        self.detail = detail
        self.faults = faults


class InvalidTokenError(SandboxError):
    code = "invalid_token"


class ResourceNotFoundError(SandboxError):
    code = "resource_not_found"


class InvalidResourceError(SandboxError):
    """Unknown type or attribute, wrong value, bad reference, overlapping address block."""

    code = "invalid_resource"


class ImmutableAttributeError(SandboxError):
    code = "immutable_attribute"


class InvalidQueryError(SandboxError):
    code = "invalid_query"


class NameTakenError(SandboxError):
    code = "name_taken"


class DependencyViolationError(SandboxError):
    code = "dependency_violation"


class AddressesExhaustedError(SandboxError):
    code = "addresses_exhausted"


class QuotaExceededError(SandboxError):
    code = "quota_exceeded"


class InjectedFaultError(SandboxError):
    code = "injected_fault"


class UnsupportedMediaTypeError(SandboxError):
    code = "unsupported_media_type"


class AccountExistsError(SandboxError):
    code = "account_exists"
