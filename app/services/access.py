"""Who is asking, and the one place where rights on objects are checked.

A project that the caller cannot see looks like one that does not exist.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, false, select, true
from sqlalchemy.orm import InstrumentedAttribute, Session

from app.clock import utc_now
from app.domain.permissions import (
    PROOFS,
    RIGHTS,
    Act,
    ActorKind,
    Right,
    Role,
    Scope,
    ServiceRight,
)
from app.domain.sign_in_errors import ConfirmationRequiredError
from app.errors import NotFoundError, PermissionDeniedError
from app.models import ApiToken, ProjectMember, User, UserSession
from app.services.demands import Demand, DemandKind, note

Owned = TypeVar("Owned", UserSession, ApiToken)


@dataclass(frozen=True)
class Principal:
    """An authenticated caller with the roles it has, by project id.

    ``scope`` limits one that came with an API token; everybody else has all that the roles give.
    ``kind``, ``address`` (where the request came from) and ``request_id`` are for the audit trail.
    ``expires_at`` is when what the caller showed ends, ``confirmed_until`` how long a session is
    confirmed, ``needs_factor`` that the person must set up a second factor first.
    """

    id: str
    name: str
    is_admin: bool = False
    roles: Mapping[str, Role] = field(default_factory=dict)
    session_id: str | None = None
    token_id: str | None = None
    scope: Scope | None = None
    request_id: str | None = None
    kind: ActorKind = ActorKind.USER
    address: str | None = None
    expires_at: datetime | None = None
    confirmed_until: datetime | None = None
    needs_factor: bool = False

    @property
    def is_confirmed(self) -> bool:
        """Tell whether the password was given in this session a moment ago."""
        return self.confirmed_until is not None and self.confirmed_until > utc_now()

    def has(self, right: Right, project_id: str) -> bool:
        """Tell whether the caller has ``right`` in the project."""
        if self.scope is not None and not self.scope.allows(right, project_id):
            return False
        role = self.roles.get(project_id)
        if not (self.is_admin or (role is not None and right in RIGHTS[role])):
            return False
        note(DemandKind.RIGHT, str(right), project_id)
        return True

    def has_anywhere(self, right: Right) -> bool:
        """Tell whether the caller has ``right`` in any project."""
        if self.scope is not None and right not in self.scope.rights:
            return False
        if not (self.is_admin or any(self.has(right, project_id) for project_id in self.roles)):
            return False
        note(DemandKind.ANYWHERE, str(right))
        return True

    def may(self, right: ServiceRight) -> bool:
        """Tell whether the caller has a right on this Landform as a whole."""
        if not (self.is_admin and (self.scope is None or self.scope.allows_service(right))):
            return False
        note(DemandKind.SERVICE, str(right))
        return True

    def sees(self, project_id: str) -> bool:
        """Tell whether the caller may know that the project exists."""
        is_reached = self.scope is None or self.scope.reaches(project_id)
        return is_reached and (self.is_admin or project_id in self.roles)


SYSTEM_PRINCIPAL = Principal(id="system", name="system", is_admin=True, kind=ActorKind.SYSTEM)
"""Landform itself, for what it does on schedule."""


class HiddenError(NotFoundError):
    """A thing is there, and the caller must not learn of it: told as if there were none.

    ``project_id`` is where it is, if it is in a project.
    """

    def __init__(
        self, detail: str, project_id: str | None = None, *, advice: str | None = None
    ) -> None:
        super().__init__(detail, advice=advice)
        self.project_id = project_id


def require(principal: Principal, right: Right, project_id: str, what: str) -> None:
    """Let the caller pass, or raise.

    Args:
        principal: who asks.
        right: what it wants to do.
        project_id: where.
        what: name of the object for the message.

    Raises:
        NotFoundError: the caller has no role in the project at all.
        PermissionDeniedError: its role or its API token does not include ``right``.
    """
    if principal.has(right, project_id):
        return
    if not principal.sees(project_id):
        raise HiddenError(f"There is no {what}.", project_id)
    _refuse_scope(principal, right, project_id)
    raise PermissionDeniedError(
        f"This needs the right {right.value!r} in the project of {what}.",
        context={"right": right.value, "project_id": project_id},
    )


def require_service(principal: Principal, right: ServiceRight) -> None:
    """Let the caller pass, or raise.

    Raises:
        PermissionDeniedError: it is no administrator of this Landform, or its API token lacks it.
    """
    if not principal.may(right):
        if principal.is_admin:
            _refuse_scope(principal, right)
        raise PermissionDeniedError(
            f"This needs the right {right.value!r}.",
            advice="Ask an administrator of this Landform.",
            context={"right": right.value},
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
    note(DemandKind.SESSION)


def require_proof(principal: Principal, act: Act) -> None:
    """Let only a caller pass who has shown what the act asks for (``PROOFS``).

    Raises:
        ConfirmationRequiredError: the caller came with an API token, or in a session whose
            password was not given a moment ago.
    """
    proof, context = PROOFS[act], {"act": act.name.lower()}
    is_person = principal.session_id is not None
    is_machine = principal.kind is ActorKind.SYSTEM or (
        proof.is_for_tokens and principal.token_id is not None
    )
    if not (is_person or is_machine):
        raise ConfirmationRequiredError(
            f"No API token can {act.value}: it takes a session and the present password.",
            advice="Sign in with POST /api/v1/auth/login, confirm with POST /api/v1/auth/confirm.",
            context=context,
        )
    if is_person and proof.is_confirmed and not principal.is_confirmed:
        raise ConfirmationRequiredError(
            f"To {act.value}, give your password once more.", context=context
        )
    note(DemandKind.ACT, act.name)


def require_again(principal: Principal, demands: Iterable[Demand]) -> None:
    """Ask a caller once more for all that was asked of it when an answer was made.

    Raises:
        NotFoundError, PermissionDeniedError: something of it is gone.
    """
    for kind, *values in demands:
        match DemandKind(kind):
            case DemandKind.RIGHT:
                right, project_id = values
                require(principal, Right(right), project_id, "what this request was about")
            case DemandKind.ANYWHERE:
                if not principal.has_anywhere(right := Right(values[0])):
                    _refuse_scope(principal, right)
                    raise PermissionDeniedError(f"This needs the right {right.value!r}.")
            case DemandKind.SERVICE:
                require_service(principal, ServiceRight(values[0]))
            case DemandKind.SESSION:
                require_session(principal)
            case DemandKind.ACT:
                require_proof(principal, Act[values[0]])


def require_own(
    principal: Principal, thing: Owned | None, what: str, instead: ServiceRight | None = None
) -> Owned:
    """Return a thing that is the caller's own and not revoked; any other looks like a missing one.

    Args:
        principal: who asks.
        thing: a session or API token; ``None`` when there is none.
        what: name of the thing for the message.
        instead: a right that opens everybody's.

    Raises:
        NotFoundError: it does not exist, is revoked, or is somebody else's.
    """
    has_right = instead is not None and principal.may(instead)
    is_seen = thing is not None and (has_right or thing.user_id == principal.id)
    if thing is None or not is_seen or thing.revoked_at is not None:
        is_hidden = thing is not None and not is_seen
        kind = HiddenError if is_hidden else NotFoundError
        raise kind(f"There is no {what}.", advice="It has ended, or is not yours.")
    return thing


def visible(
    principal: Principal, project_id: InstrumentedAttribute[Any], right: Right = Right.STACK_READ
) -> ColumnElement[bool]:
    """Return the SQL condition that keeps a list to the projects in which the caller has ``right``.

    Raises:
        PermissionDeniedError: the caller's API token lacks ``right`` everywhere.
    """
    _refuse_scope(principal, right)
    only = principal.scope.project_id if principal.scope else None
    if principal.is_admin:
        return true() if only is None else project_id == only
    found = [place for place in principal.roles if principal.has(right, place)]
    return project_id.in_(found) if found else false()


def load_principal(session: Session, user: User, **how: Any) -> Principal:
    """Return the principal of a user with the roles of this moment.

    Args:
        session: an open transaction.
        user: who asks.
        how: the other fields of ``Principal`` that are known.
    """
    members = session.execute(
        select(ProjectMember.project_id, ProjectMember.role).where(ProjectMember.user_id == user.id)
    )
    roles = {project_id: Role(role) for project_id, role in members}
    return Principal(id=user.id, name=user.name, is_admin=user.is_admin, roles=roles, **how)


def _refuse_scope(
    principal: Principal, right: Right | ServiceRight, project_id: str | None = None
) -> None:
    if principal.scope is not None and right not in principal.scope.rights:
        place = {} if project_id is None else {"project_id": project_id}
        raise PermissionDeniedError(
            f"The API token lacks the scope {right.value!r}.",
            advice="Use a token with this scope.",
            context={"right": right.value, **place},
        )
