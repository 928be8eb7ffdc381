"""Who may do what: the one table from roles to rights. Pure rules.

A right holds in one project; a service right holds for this Landform as a whole. Object-level
checks (which project, whose token) are made in ``app.services.access``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Self


class Role(StrEnum):
    """A person's role in a project."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMIN = "admin"


class ActorKind(StrEnum):
    """Who acts: a person in a session, a machine with an API token, or Landform by itself."""

    USER = "user"
    TOKEN = "token"
    SYSTEM = "system"


class Right(StrEnum):
    """One thing that a principal may be allowed to do in a project."""

    PROJECT_READ = "project:read"
    PROJECT_WRITE = "project:write"
    MEMBER_WRITE = "member:write"
    STACK_READ = "stack:read"
    STACK_WRITE = "stack:write"
    OPERATION_CONTROL = "operation:control"
    STATE_READ = "state:read"
    STATE_WRITE = "state:write"
    LOCK_FORCE = "lock:force"
    WINDOW_OVERRIDE = "window:override"
    SECRET_READ = "secret:read"
    AUDIT_READ = "audit:read"
    WEBHOOK_MANAGE = "webhook:manage"


class ServiceRight(StrEnum):
    """One thing that only an administrator of this Landform may do."""

    USER_MANAGE = "user:manage"
    PROJECT_MANAGE = "project:manage"
    ACCOUNT_MANAGE = "cloud-account:manage"
    AUDIT_READ_ALL = "audit:read-all"
    WEBHOOK_MANAGE_ALL = "webhook:manage-all"
    MAINTENANCE_MANAGE = "maintenance:manage"
    POLICY_WRITE = "policy:write"
    POLICY_OVERRIDE = "policy:override"
    PRICE_WRITE = "price:write"


_VIEWER = frozenset({Right.PROJECT_READ, Right.STACK_READ})
_OPERATOR = _VIEWER | {Right.STACK_WRITE, Right.OPERATION_CONTROL}
_ADMIN = _OPERATOR | {
    Right.PROJECT_WRITE,
    Right.MEMBER_WRITE,
    Right.STATE_READ,
    Right.STATE_WRITE,
    Right.LOCK_FORCE,
    Right.WINDOW_OVERRIDE,
    Right.SECRET_READ,
    Right.AUDIT_READ,
    Right.WEBHOOK_MANAGE,
}

RIGHTS: Mapping[Role, frozenset[Right]] = MappingProxyType(
    {Role.VIEWER: _VIEWER, Role.OPERATOR: _OPERATOR, Role.ADMIN: _ADMIN}
)
"""The rights of each role. An administrator of this Landform has every right everywhere."""


@dataclass(frozen=True)
class Proof:
    """What an act asks for besides the right.

    ``is_for_tokens`` says whether an API token with the right may do it, ``is_confirmed`` whether
    a person in a session must have given the password a moment ago.
    """

    is_for_tokens: bool
    is_confirmed: bool


class Act(StrEnum):
    """What a stolen token or an unlocked screen must not be enough for."""

    GRANT_ADMINISTRATION = "make or unmake an administrator"
    CHANGE_ADMINISTRATOR = "disable, enable or delete an administrator"
    SET_FIRST_PASSWORD = "make a user with a password"  # no password
    RESET_PASSWORD = "set somebody's password"  # no password
    RESET_SECOND_FACTOR = "take somebody's second factor away"
    CHANGE_SECOND_FACTOR = "change your own second factor"
    GRANT_PROJECT_ADMINISTRATION = "give or take the role of a project's administrator"
    CREATE_TOKEN = "make an API token"  # no password
    DOWNLOAD_STATE = "download a state"
    ROTATE_WEBHOOK_SECRET = "give a webhook a new secret"  # no password


_PERSON = Proof(is_for_tokens=False, is_confirmed=True)
_PERSON_OR_SCOPE = Proof(is_for_tokens=True, is_confirmed=True)

PROOFS: Mapping[Act, Proof] = MappingProxyType(
    {
        Act.GRANT_ADMINISTRATION: _PERSON,
        Act.CHANGE_ADMINISTRATOR: _PERSON,
        Act.SET_FIRST_PASSWORD: _PERSON,
        Act.RESET_PASSWORD: _PERSON,
        Act.RESET_SECOND_FACTOR: _PERSON,
        Act.CHANGE_SECOND_FACTOR: _PERSON,
        Act.GRANT_PROJECT_ADMINISTRATION: _PERSON,
        Act.CREATE_TOKEN: _PERSON,
        Act.DOWNLOAD_STATE: _PERSON_OR_SCOPE,
        Act.ROTATE_WEBHOOK_SECRET: _PERSON_OR_SCOPE,
    }
)
"""What each act asks for. All that is not here takes its right alone, also with an API token."""

SCOPES: frozenset[str] = frozenset({*Right, *ServiceRight})
"""Everything that an API token can be limited to."""


INCLUDED: Mapping[str, Right] = MappingProxyType(
    {
        Right.PROJECT_WRITE: Right.PROJECT_READ,
        Right.MEMBER_WRITE: Right.PROJECT_READ,
        ServiceRight.PROJECT_MANAGE: Right.PROJECT_READ,
        ServiceRight.POLICY_OVERRIDE: Right.PROJECT_READ,
        ServiceRight.AUDIT_READ_ALL: Right.AUDIT_READ,
        ServiceRight.WEBHOOK_MANAGE_ALL: Right.WEBHOOK_MANAGE,
        Right.STACK_WRITE: Right.STACK_READ,
        Right.OPERATION_CONTROL: Right.STACK_READ,
        Right.STATE_READ: Right.STACK_READ,
        Right.STATE_WRITE: Right.STACK_READ,
        Right.SECRET_READ: Right.STACK_READ,
    }
)
"""What a scope gives besides itself: who may change a thing is shown it, all includes one."""


@dataclass(frozen=True)
class Scope:
    """What an API token is limited to: some rights, perhaps in one project only."""

    rights: frozenset[str]
    project_id: str | None = None

    @classmethod
    def of(cls, scopes: Iterable[str], project_id: str | None = None) -> Self:
        """Return the limit that ``scopes`` describe, with what they include."""
        given = frozenset(scopes)
        return cls(given | {INCLUDED[scope] for scope in given if scope in INCLUDED}, project_id)

    def reaches(self, project_id: str) -> bool:
        """Tell whether the token knows of the project at all."""
        return self.project_id in (None, project_id)

    def allows(self, right: Right, project_id: str) -> bool:
        """Tell whether the token may use ``right`` in the project, if its owner has it."""
        return right in self.rights and self.reaches(project_id)

    def allows_service(self, right: ServiceRight) -> bool:
        """Tell whether the token may use a right on the whole Landform, if its owner has it."""
        return right in self.rights and self.project_id is None
