"""Sign in with an identity provider: who came back becomes a user, and the groups give roles.

The groups decide at each sign-in, in the projects that ``LANDFORM_OIDC_ROLES`` names and there
alone; roles given by hand in other projects stay. A user of the same name is never taken over.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.clock import utc_now
from app.config.settings import Settings
from app.domain.group_roles import Grant, GroupRoles
from app.domain.names import is_storable, is_user_name
from app.domain.permissions import Role
from app.domain.refusal_budget import RefusalKind
from app.errors import AuthenticationError, NotFoundError, PermissionDeniedError
from app.identity.provider import Flow
from app.logs import get_logger
from app.models import Project, ProjectMember, User, UserIdentity
from app.services import audit
from app.services.access import SYSTEM_PRINCIPAL, Principal
from app.services.context import Context
from app.services.identity.confirmation import mark_confirmed
from app.services.identity.revocation import end_access, end_project_access
from app.services.identity.sessions import OpenedSession, open_session
from app.services.identity.sign_in import Visitor
from app.services.identity.users import NO_PASSWORD, NewUser, create_user, set_admin
from app.services.refusals import record_refusal
from app.services.work import Work, perform

MAX_SUBJECT, MAX_GROUPS = 255, 1000

log = get_logger(__name__)


@dataclass(frozen=True)
class Person:
    """Who the provider says came back."""

    issuer: str
    subject: str
    name: str
    groups: frozenset[str]


def begin_sign_in(ctx: Context, *, is_fresh: bool = False) -> tuple[Flow, str]:
    """Return the secrets of a new sign-in, and where the browser goes.

    Args:
        ctx: knows the provider.
        is_fresh: have the provider ask anew, whoever is signed in there.

    Raises:
        NotFoundError: there is no provider.
        UnavailableError: the provider does not answer.
    """
    if ctx.provider is None:
        raise NotFoundError("No identity provider is configured.")
    flow = Flow.begin()
    return flow, ctx.provider.authorization_url(flow, is_fresh=is_fresh)


def finish_sign_in(ctx: Context, flow: Flow, code: str, visitor: Visitor) -> OpenedSession:
    """Open a session for whoever came back from the provider with ``code``.

    Raises:
        NotFoundError: there is no provider.
        AuthenticationError: the provider or what it says is not to be believed, or the user is
            disabled.
        PermissionDeniedError: no group of the person has a role here.
        NameTakenError: a user of that name exists who is somebody else.
        UnavailableError: the provider does not answer.
    """
    if ctx.provider is None:
        raise NotFoundError("No identity provider is configured.")
    try:
        person = _read(ctx.settings, ctx.provider.exchange(flow, code))
        return _open(ctx, person, _grant_of(ctx, person), visitor)
    except (AuthenticationError, PermissionDeniedError) as error:
        nobody = Principal(id="", name="", address=visitor.address, request_id=visitor.request_id)
        record_refusal(
            ctx, RefusalKind.SIGN_IN, nobody, "session.refused", "user", "oidc", reason=error.detail
        )
        raise


def finish_confirmation(
    ctx: Context, principal: Principal, flow: Flow, code: str, began_at: float
) -> None:
    """Mark the caller's session as confirmed, if the same person has signed in anew.

    Args:
        ctx: knows the provider.
        principal: who confirms.
        flow: what was begun with ``is_fresh``.
        code: what the provider gave.
        began_at: when, in seconds since 1970; the sign-in there must be younger.

    Raises:
        NotFoundError, UnavailableError: as ``finish_sign_in``.
        AuthenticationError: as ``finish_sign_in``, or somebody else has signed in, or nobody anew.
    """
    if ctx.provider is None:
        raise NotFoundError("No identity provider is configured.")
    try:
        claims = ctx.provider.exchange(flow, code, signed_in_after=began_at)
        with perform(ctx, principal) as work:
            _require_same_person(work.session, ctx.settings.oidc_issuer, claims, principal)
            mark_confirmed(work, "identity provider")
    except AuthenticationError as error:
        record_refusal(
            ctx,
            RefusalKind.SIGN_IN,
            principal,
            "session.confirm_refused",
            "session",
            str(principal.session_id),
            reason=error.detail,
        )
        raise


def _require_same_person(
    session: Session, issuer: str, claims: dict[str, Any], principal: Principal
) -> None:
    identity = session.get(UserIdentity, (issuer, str(claims["sub"])))
    if identity is None or identity.user_id != principal.id:
        raise AuthenticationError("Somebody else has signed in at the identity provider.")


def _read(settings: Settings, claims: dict[str, Any]) -> Person:
    subject, name = str(claims["sub"]), claims.get(settings.oidc_user_claim)
    name = name.strip().lower() if isinstance(name, str) else ""
    if not subject or len(subject) > MAX_SUBJECT or not is_storable(subject):
        raise AuthenticationError("The identity provider gives you a subject that cannot be kept.")
    if not is_user_name(name):
        raise AuthenticationError(
            f"The claim {settings.oidc_user_claim!r} of the identity provider is no user name.",
            advice="LANDFORM_OIDC_USER_CLAIM names the claim; ask an administrator.",
        )
    return Person(settings.oidc_issuer, subject, name, _groups(claims, settings.oidc_groups_claim))


def _groups(claims: dict[str, Any], claim: str) -> frozenset[str]:
    found = claims.get(claim, [])
    listed: Collection[Any] = [found] if isinstance(found, str) else found
    if not isinstance(listed, list):
        return frozenset()
    return frozenset(item for item in listed[:MAX_GROUPS] if isinstance(item, str))


def _grant_of(ctx: Context, person: Person) -> Grant:
    grant = GroupRoles.parse(ctx.settings.oidc_roles).grant(person.groups)
    if grant.is_empty:
        _lock_out(ctx, person)
        raise PermissionDeniedError(
            f"None of the groups of {person.name!r} has a role here.",
            advice="Ask an administrator of this Landform to map one of your groups.",
        )
    return grant


def _open(ctx: Context, person: Person, grant: Grant, visitor: Visitor) -> OpenedSession:
    with perform(ctx, SYSTEM_PRINCIPAL) as work:
        user = _known(work.session, person) or _make(work, person)
        if user.disabled_at is not None:
            raise AuthenticationError("The user is disabled.", advice="Ask an administrator.")
        _synchronise(work, user, grant)
        return open_session(
            ctx,
            work.session,
            user,
            address=visitor.address,
            user_agent=visitor.user_agent,
            request_id=visitor.request_id,
        )


def _lock_out(ctx: Context, person: Person) -> None:
    """Take from somebody who has left all groups what they gave, and end the sessions."""
    with perform(ctx, SYSTEM_PRINCIPAL) as work:
        user = _known(work.session, person)
        if user is not None:
            _synchronise(work, user, Grant(False, {}))
            end_access(work.session, user.id, "no group has a role")


def _known(session: Session, person: Person) -> User | None:
    identity = session.get(UserIdentity, (person.issuer, person.subject))
    return session.get(User, identity.user_id, with_for_update=True) if identity else None


def _make(work: Work, person: Person) -> User:
    user = create_user(work, NewUser(person.name, NO_PASSWORD))
    work.session.add(
        UserIdentity(
            issuer=person.issuer, subject=person.subject, user_id=user.id, created_at=utc_now()
        )
    )
    work.session.flush()
    return user


def _synchronise(work: Work, user: User, grant: Grant) -> None:
    rules = GroupRoles.parse(work.ctx.settings.oidc_roles)
    projects = work.session.scalars(select(Project).where(Project.name.in_(sorted(rules.projects))))
    found = {project.name: project for project in projects}
    if missing := rules.projects - set(found):
        log.warning("oidc_projects_missing", projects=sorted(missing))
    for name, project in found.items():
        _give(work, user, project, grant.roles.get(name))
    if rules.administrators:
        set_admin(work, user, is_admin=grant.is_admin)


def _give(work: Work, user: User, project: Project, role: Role | None) -> None:
    member = work.session.get(ProjectMember, (project.id, user.id))
    held = member.role if member else None
    if held == role:
        return
    if member is None:
        member = ProjectMember(project_id=project.id, user_id=user.id, role=str(role))
        work.session.add(member)
    elif role is None:
        work.session.delete(member)
        if not user.is_admin:
            end_project_access(work.session, user.id, project.id)
    else:
        member.role = role.value
    action = "member.set" if role else "member.remove"
    detail = {"user": user.name, "role": role.value if role else held}
    audit.record(work, action, "user", user.id, project_id=project.id, **detail)
    work.session.flush()
