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

SCOPES: frozenset[str] = frozenset({*Right, *ServiceRight})
"""Everything that an API token can be limited to."""


INCLUDED: Mapping[str, Right] = MappingProxyType(
    {
        Right.PROJECT_WRITE: Right.PROJECT_READ,
        Right.MEMBER_WRITE: Right.PROJECT_READ,
        ServiceRight.PROJECT_MANAGE: Right.PROJECT_READ,
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
