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
from app.domain.password_rules import fault_of
from app.domain.permissions import Act, ServiceRight
from app.errors import (
    ConflictError,
    NameTakenError,
    ValidationError,
)
from app.models import ProjectMember, User
from app.services import audit
from app.services.access import Principal, require_proof, require_service
from app.services.context import Context
from app.services.identity.password_hashing import hash_password
from app.services.identity.revocation import end_access, end_administration, forget_second_factor
from app.services.lookup import expect_version, user_named
from app.services.paging import Page, PageRequest, fetch_page
from app.services.work import Work, perform

NO_PASSWORD = ""
"""The hash that no password has; checking one against it takes as long as any other."""


@dataclass(frozen=True)
class NewUser:
    """A person to make known, with the hash of the first password; empty for none."""

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
    principal: Principal, name: str, password: str | None = None, *, is_admin: bool = False
) -> NewUser:
    """Check a new person and hash the password; outside of any transaction.

    Nobody signs in as a person without a password, until somebody sets one.

    Raises:
        PermissionDeniedError: the caller lacks ``user:manage``.
        ConfirmationRequiredError: a password or administration is given, which takes a person.
        ValidationError: the name or the password is not acceptable.
        TooManyRequestsError: too many hashes are under way.
    """
    require_service(principal, ServiceRight.USER_MANAGE)
    if not is_user_name(name):
        raise ValidationError.at("/name", f"A user name has {USER_NAME_RULE}; not 'system'.")
    if is_admin:
        require_proof(principal, Act.GRANT_ADMINISTRATION)
    if password is None:
        return NewUser(name, NO_PASSWORD, is_admin)
    require_proof(principal, Act.SET_FIRST_PASSWORD)
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


def create_user(work: Work, wanted: NewUser) -> User:
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
    work.session.add(user)
    try:
        work.session.flush()
    except IntegrityError as error:
        message = f"The name {wanted.name!r} belongs to somebody, perhaps of earlier days."
        raise NameTakenError.at("/name", message) from error
    _audit(work, "user.create", user, name=user.name, is_admin=user.is_admin)
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

    A new password or being disabled ends the person's sessions and API tokens; an administrator
    who is none any more loses the sessions, and the tokens with rights on the whole.

    Raises:
        PermissionDeniedError: the caller lacks ``user:manage``.
        ConfirmationRequiredError: it is about a password or an administrator, which takes a person.
        NotFoundError: there is no such person.
        ValidationError: the new password is not acceptable.
        PreconditionFailedError: the person was changed meanwhile.
        ConflictError: nobody would be left to administer this Landform.
    """
    password_hash = None
    if change.password is not None:
        with ctx.read() as session:
            name = user_for(session, principal, reference).name
        require_proof(principal, Act.RESET_PASSWORD)
        password_hash = hash_new_password(change.password, name)
    with perform(ctx, principal) as work:
        user = _user_to_change(work, reference, expected_version)
        _require_proofs(principal, user, change)
        changed = _apply(user, change, password_hash)
        if changed:
            _refuse_without_admin(work.session)
            user.version += 1
            _audit(work, "user.change", user, changed=changed, **_shown(user))
            _end_what_is_over(work, user, changed)
        return user


def delete_user(work: Work, reference: str, expected_version: int | None) -> None:
    """Delete a person: sessions, tokens and roles end at once, the name stays taken.

    Raises:
        PermissionDeniedError, ConfirmationRequiredError, NotFoundError, PreconditionFailedError,
            ConflictError: as ``change_user``.
    """
    user = _user_to_change(work, reference, expected_version)
    if user.is_admin:
        require_proof(work.principal, Act.CHANGE_ADMINISTRATOR)
    user.deleted_at = utc_now()
    user.disabled_at = user.disabled_at or user.deleted_at
    user.version += 1
    _refuse_without_admin(work.session)
    end_access(work.session, user.id, "user deleted")
    forget_second_factor(work.session, user.id)
    for member in work.session.scalars(
        select(ProjectMember).where(ProjectMember.user_id == user.id)
    ):
        work.session.delete(member)
    _audit(work, "user.delete", user, name=user.name)


def set_admin(work: Work, user: User, *, is_admin: bool) -> None:
    """Make a person an administrator of this Landform or not; the last one stays one."""
    others = [found for found in _lock_admins(work.session) if found != user.id]
    if user.is_admin == is_admin or not (is_admin or others):
        return
    user.is_admin = is_admin
    user.version += 1
    if not is_admin:
        end_administration(work.session, user.id)
    _audit(work, "user.change", user, changed=["is_admin"], **_shown(user))


def _user_to_change(work: Work, reference: str, expected_version: int | None) -> User:
    require_service(work.principal, ServiceRight.USER_MANAGE)
    # All who could be the last one are locked in one order, so that two cannot demote each other.
    _lock_admins(work.session)
    user = user_named(work.session, reference, is_locked=True)
    expect_version(f"User {user.name!r}", user.version, expected_version)
    return user


def _require_proofs(principal: Principal, user: User, change: UserChange) -> None:
    if change.is_admin is not None and change.is_admin != user.is_admin:
        require_proof(principal, Act.GRANT_ADMINISTRATION)
    is_switched = change.disabled not in (None, user.disabled_at is not None)
    if user.is_admin and is_switched:
        require_proof(principal, Act.CHANGE_ADMINISTRATOR)


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


def _end_what_is_over(work: Work, user: User, changed: list[str]) -> None:
    """End what let the person in before a change; an own session that makes the change stays."""
    keep = work.principal.session_id if work.principal.id == user.id else None
    if "password" in changed or user.disabled_at is not None:
        end_access(work.session, user.id, f"{changed[0]} changed", keep)
    elif "is_admin" in changed and not user.is_admin:
        end_administration(work.session, user.id, keep)


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


def _audit(work: Work, action: str, user: User, **detail: Any) -> None:
    audit.record(work, action, "user", user.id, **detail)
