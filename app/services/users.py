"""People: make them known, change what they are, disable them, delete them.

Each function works inside the caller's transaction unless it says otherwise. There is always an
administrator who can sign in. Passwords are hashed before a transaction begins: that takes long.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.clock import utc_now
from app.domain import ids
from app.domain.names import USER_NAME_RULE, is_user_name
from app.domain.passwords import fault_of
from app.domain.permissions import ServiceRight
from app.errors import (
    ConflictError,
    NameTakenError,
    PreconditionFailedError,
    ValidationError,
)
from app.models import ApiToken, ProjectMember, User
from app.services import audit
from app.services.access import Principal, require_service
from app.services.api_tokens import revoke_tokens
from app.services.context import Context
from app.services.lookup import user_named
from app.services.pages import Page, PageRequest, fetch_page
from app.services.passwords import hash_password
from app.services.sessions import end_sessions


@dataclass(frozen=True)
class NewUser:
    """A person to make known, with the hash of the first password."""

    name: str
    password_hash: str
    is_admin: bool = False


@dataclass(frozen=True)
class UserChange:
    """What is wanted otherwise; ``None`` leaves a thing as it is."""

    password: str | None = None
    is_admin: bool | None = None
    disabled: bool | None = None


def draft_user(
    principal: Principal, name: str, password: str, *, is_admin: bool = False
) -> NewUser:
    """Check a new person and hash the password; outside of any transaction.

    Raises:
        PermissionDeniedError: the caller lacks ``user:manage``.
        ValidationError: the name or the password is not acceptable.
        TooManyRequestsError: too many hashes are under way.
    """
    require_service(principal, ServiceRight.USER_MANAGE)
    if not is_user_name(name):
        raise ValidationError.at("/name", f"A user name has {USER_NAME_RULE}; not 'system'.")
    return NewUser(name, hash_new_password(password, name), is_admin)


def hash_new_password(password: str, user_name: str, pointer: str = "/password") -> str:
    """Return the hash of a password that a person may choose.

    Raises:
        ValidationError: it is too easy to guess, at ``pointer``.
        TooManyRequestsError: too many hashes are under way.
    """
    fault = fault_of(password, user_name)
    if fault is not None:
        raise ValidationError.at(pointer, fault)
    return hash_password(password)


def list_users(session: Session, principal: Principal, page: PageRequest) -> Page[User]:
    """Return everybody who is not deleted, newest first.

    Raises:
        PermissionDeniedError: the caller lacks ``user:manage``.
    """
    require_service(principal, ServiceRight.USER_MANAGE)
    query = select(User).where(User.deleted_at.is_(None))
    return fetch_page(session, query, User.id, page, newest_first=True)


def user_for(session: Session, principal: Principal, reference: str) -> User:
    """Return a person by id or name, for an administrator.

    Raises:
        PermissionDeniedError: the caller lacks ``user:manage``.
        NotFoundError: there is none.
    """
    require_service(principal, ServiceRight.USER_MANAGE)
    return user_named(session, reference)


def create_user(session: Session, principal: Principal, wanted: NewUser) -> User:
    """Make a person known, who has no role yet.

    Raises:
        NameTakenError: somebody has the name, or had it and was deleted.
    """
    user = User(
        id=ids.new_id(ids.USER),
        name=wanted.name,
        password_hash=wanted.password_hash,
        is_admin=wanted.is_admin,
        created_at=utc_now(),
        version=1,
    )
    session.add(user)
    try:
        session.flush()
    except IntegrityError as error:
        message = f"The name {wanted.name!r} belongs to somebody, perhaps of earlier days."
        raise NameTakenError.at("/name", message) from error
    _audit(session, principal, "user.create", user, name=user.name, is_admin=user.is_admin)
    return user


def change_user(
    ctx: Context,
    principal: Principal,
    reference: str,
    change: UserChange,
    *,
    expected_version: int | None,
) -> User:
    """Change what a person is, in a transaction of its own.

    A new password or being disabled ends the person's sessions.

    Raises:
        PermissionDeniedError: the caller lacks ``user:manage``.
        NotFoundError: there is no such person.
        ValidationError: the new password is not acceptable.
        PreconditionFailedError: the person was changed meanwhile.
        ConflictError: nobody would be left to administer this Landform.
    """
    password_hash = None
    if change.password is not None:
        with ctx.read() as session:
            name = user_for(session, principal, reference).name
        password_hash = hash_new_password(change.password, name)
    with ctx.write() as session:
        user = _user_to_change(session, principal, reference, expected_version)
        changed = _apply(user, change, password_hash)
        if changed:
            _refuse_without_admin(session)
            user.version += 1
            _audit(session, principal, "user.change", user, changed=changed, **_shown(user))
        if {"password", "disabled"} & set(changed):
            end_sessions(session, user.id, f"{changed[0]} changed")
        return user


def delete_user(
    session: Session, principal: Principal, reference: str, expected_version: int | None
) -> None:
    """Delete a person: sessions, tokens and roles end at once, the name stays taken.

    Raises:
        PermissionDeniedError, NotFoundError, PreconditionFailedError, ConflictError: as
            ``change_user``.
    """
    user = _user_to_change(session, principal, reference, expected_version)
    user.deleted_at = utc_now()
    user.disabled_at = user.disabled_at or user.deleted_at
    user.version += 1
    _refuse_without_admin(session)
    end_sessions(session, user.id, "user deleted")
    for member in session.scalars(select(ProjectMember).where(ProjectMember.user_id == user.id)):
        session.delete(member)
    revoke_tokens(session, ApiToken.user_id == user.id, "user deleted")
    _audit(session, principal, "user.delete", user, name=user.name)


def set_admin(session: Session, principal: Principal, user: User, *, is_admin: bool) -> None:
    """Make a person an administrator of this Landform or not; the last one stays one."""
    others = [found for found in _lock_admins(session) if found != user.id]
    if user.is_admin == is_admin or not (is_admin or others):
        return
    user.is_admin = is_admin
    user.version += 1
    _audit(session, principal, "user.change", user, changed=["is_admin"], **_shown(user))


def _user_to_change(
    session: Session, principal: Principal, reference: str, expected_version: int | None
) -> User:
    require_service(principal, ServiceRight.USER_MANAGE)
    # All who could be the last one are locked in one order, so that two cannot demote each other.
    _lock_admins(session)
    user = user_named(session, reference, is_locked=True)
    if expected_version is not None and user.version != expected_version:
        raise PreconditionFailedError(
            f"User {user.name!r} is at version {user.version}, not {expected_version}."
        )
    return user


def _apply(user: User, change: UserChange, password_hash: str | None) -> list[str]:
    """Set what is wanted otherwise, and return what it was."""
    changed = []
    if password_hash is not None:
        user.password_hash = password_hash
        changed.append("password")
    if change.is_admin is not None and change.is_admin != user.is_admin:
        user.is_admin = change.is_admin
        changed.append("is_admin")
    if change.disabled is not None and change.disabled != (user.disabled_at is not None):
        user.disabled_at = utc_now() if change.disabled else None
        changed.append("disabled")
    return changed


def _lock_admins(session: Session) -> list[str]:
    query = select(User.id).where(
        User.is_admin.is_(True), User.disabled_at.is_(None), User.deleted_at.is_(None)
    )
    return list(session.scalars(query.order_by(User.id).with_for_update()))


def _refuse_without_admin(session: Session) -> None:
    session.flush()
    if not _lock_admins(session):
        raise ConflictError(
            "Nobody would be left to administer this Landform.",
            advice="Make somebody else an administrator first.",
        )


def _shown(user: User) -> dict[str, object]:
    return {"is_admin": user.is_admin, "disabled": user.disabled_at is not None}


def _audit(session: Session, principal: Principal, action: str, user: User, **detail: Any) -> None:
    audit.record(session, principal, action, "user", user.id, **detail)
