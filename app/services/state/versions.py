"""State versions of a stack for lists and pages, as the caller may see them."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.permissions import Right
from app.errors import NotFoundError
from app.models import (
    StateVersion,
)
from app.services.access import Principal
from app.services.lookup import stack_by_id
from app.services.paging import Page, PageRequest, fetch_page

MAX_SERIAL = 2**63 - 1


def list_state_versions(
    session: Session, principal: Principal, stack_id: str, page: PageRequest
) -> Page[StateVersion]:
    """Return the state versions of a stack, newest first."""
    stack_by_id(session, principal, stack_id)
    query = select(StateVersion).where(StateVersion.stack_id == stack_id)
    return fetch_page(session, query, StateVersion.serial, page, newest_first=True)


def state_version(
    session: Session,
    principal: Principal,
    stack_id: str,
    serial: int,
    right: Right = Right.STACK_READ,
) -> StateVersion:
    """Return one state version.

    Raises:
        NotFoundError: there is no such stack or serial.
        PermissionDeniedError: the caller lacks ``right``.
    """
    stack_by_id(session, principal, stack_id, right)
    query = select(StateVersion).where(
        StateVersion.stack_id == stack_id, StateVersion.serial == serial
    )
    version = session.scalar(query) if serial <= MAX_SERIAL else None
    if version is None:
        raise NotFoundError(f"Stack {stack_id} has no state version with serial {serial}.")
    return version
