"""Who is asking, and the one place where rights on objects are checked.

A project that the caller cannot see looks like one that does not exist.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy import ColumnElement, false, true
from sqlalchemy.orm import InstrumentedAttribute

from app.domain.permissions import RIGHTS, ActorKind, Right, Role, ServiceRight
from app.errors import NotFoundError, PermissionDeniedError


@dataclass(frozen=True)
class Principal:
    """An authenticated caller with the roles it has, by project id.

    ``kind``, ``address`` (where the request came from) and ``request_id`` are for the audit trail.
    """

    id: str
    name: str
    is_admin: bool = False
    roles: Mapping[str, Role] = field(default_factory=dict)
    session_id: str | None = None
    request_id: str | None = None
    kind: ActorKind = ActorKind.USER
    address: str | None = None

    def has(self, right: Right, project_id: str) -> bool:
        """Tell whether the caller has ``right`` in the project."""
        if self.is_admin:
            return True
        role = self.roles.get(project_id)
        return role is not None and right in RIGHTS[role]

    def may(self, right: ServiceRight) -> bool:
        """Tell whether the caller has a right on this Landform as a whole."""
        return self.is_admin and right in ServiceRight


SYSTEM_PRINCIPAL = Principal(id="system", name="system", is_admin=True, kind=ActorKind.SYSTEM)
"""Landform itself, for what it does by the clock."""


def require(principal: Principal, right: Right, project_id: str, what: str) -> None:
    """Let the caller pass, or raise.

    Args:
        principal: who asks.
        right: what it wants to do.
        project_id: where.
        what: name of the object for the message.

    Raises:
        NotFoundError: the caller has no role in the project at all.
        PermissionDeniedError: its role does not include ``right``.
    """
    if principal.has(right, project_id):
        return
    if project_id not in principal.roles:
        raise NotFoundError(f"There is no {what}.")
    raise PermissionDeniedError(
        f"This needs the right {right.value!r} in the project of {what}.",
        context={"right": right.value, "project_id": project_id},
    )


def require_service(principal: Principal, right: ServiceRight) -> None:
    """Let the caller pass, or raise.

    Raises:
        PermissionDeniedError: it is no administrator of this Landform.
    """
    if not principal.may(right):
        raise PermissionDeniedError(
            f"This needs the right {right.value!r}.",
            advice="Ask an administrator of this Landform.",
        )


def require_session(principal: Principal) -> None:
    """Let only somebody pass who signed in with name and password.

    Raises:
        PermissionDeniedError: the caller came with an API token.
    """
    if principal.session_id is None:
        raise PermissionDeniedError(
            "This needs a session: no API token can do it.",
            advice="Sign in with POST /api/v1/auth/login and use its access token.",
        )


def visible(principal: Principal, project_id: InstrumentedAttribute[str]) -> ColumnElement[bool]:
    """Return the SQL condition that keeps a list to the projects the caller can see."""
    if principal.is_admin:
        return true()
    return project_id.in_(list(principal.roles)) if principal.roles else false()
