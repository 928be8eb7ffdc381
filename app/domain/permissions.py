"""Who may do what: one table from role to rights. Pure rules.

Object-level checks (which project) are made in ``app.services.access``.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class Role(StrEnum):
    """A person's role in a project."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMIN = "admin"


class Right(StrEnum):
    """One thing that a principal may be allowed to do in a project."""

    STACK_READ = "stack:read"
    STACK_WRITE = "stack:write"
    OPERATION_CONTROL = "operation:control"
    STATE_READ = "state:read"
    STATE_WRITE = "state:write"
    LOCK_FORCE = "lock:force"
    SECRET_READ = "secret:read"
    AUDIT_READ = "audit:read"


_VIEWER = frozenset({Right.STACK_READ})
_OPERATOR = _VIEWER | {Right.STACK_WRITE, Right.OPERATION_CONTROL}
_ADMIN = _OPERATOR | {
    Right.STATE_READ,
    Right.STATE_WRITE,
    Right.LOCK_FORCE,
    Right.SECRET_READ,
    Right.AUDIT_READ,
}

RIGHTS: Mapping[Role, frozenset[Right]] = MappingProxyType(
    {Role.VIEWER: _VIEWER, Role.OPERATOR: _OPERATOR, Role.ADMIN: _ADMIN}
)
