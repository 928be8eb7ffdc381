"""Whether those who follow something may still see it, asked for all of them together.

A stream is opened once and lasts for minutes, so its caller's rights are looked at again while it
is open: when the session, the API token, the user or the role is not what it was, the stream ends.
One thread asks SQL twice a second while any stream is open, with one query for all sessions and one
for all API tokens.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from app.clock import utc_now
from app.logs import get_logger
from app.models import ApiToken, Project, ProjectMember, User, UserSession
from app.services.access import Principal
from app.services.context import Context

POLL_SECONDS = 0.5

log = get_logger(__name__)


@dataclass(frozen=True, eq=False)
class Viewer:
    """Somebody who follows something of a project, with the rights at the beginning."""

    principal: Principal
    project_id: str


@dataclass(eq=False)
class Admission:
    """One open stream. ``is_over`` is set, and ``end`` called, when its viewer may not go on."""

    viewer: Viewer
    end: Callable[[], None]
    is_over: bool = False

    def finish(self) -> None:
        """Have the stream end."""
        self.is_over = True
        self.end()


class OpenStreams:
    """All streams of one process, each ended as soon as its viewer may not see it any more."""

    def __init__(self, ctx: Context) -> None:
        """Have none yet."""
        self._ctx = ctx
        self._lock = threading.Lock()
        self._admissions: list[Admission] = []
        self._thread: threading.Thread | None = None

    @contextmanager
    def admitted(self, viewer: Viewer, end: Callable[[], None]) -> Iterator[Admission]:
        """Look after a stream until the end of the block.

        Args:
            viewer: who follows what.
            end: wakes the stream, from another thread, so that it sees that it is over.
        """
        admission = Admission(viewer, end)
        with self._lock:
            self._admissions.append(admission)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, daemon=True, name="stream-rights")
                self._thread.start()
        try:
            yield admission
        finally:
            with self._lock:
                self._admissions.remove(admission)

    def _run(self) -> None:
        while True:
            with self._lock:
                if not self._admissions:
                    self._thread = None
                    return
                open_ones = list(self._admissions)
            for admission in self._over(open_ones):
                admission.finish()
            time.sleep(POLL_SECONDS)

    def _over(self, admissions: list[Admission]) -> list[Admission]:
        """Return the streams that must end: all of them when nobody can say."""
        try:
            with self._ctx.read() as session:
                answers = may_still_see(session, [item.viewer for item in admissions])
        except SQLAlchemyError as error:
            log.warning("stream_rights_unknown", error=str(error))
            return admissions
        return [item for item, is_fine in zip(admissions, answers, strict=True) if not is_fine]


def may_still_see(session: Session, viewers: Sequence[Viewer]) -> list[bool]:
    """Tell for each viewer whether everything that let it in is as it was."""
    projects = {viewer.project_id for viewer in viewers}
    now, found = utc_now(), _Standings()
    principals = [viewer.principal for viewer in viewers]
    found.read(session, _of_sessions(_ids(p.session_id for p in principals)), projects)
    found.read(session, _of_tokens(_ids(p.token_id for p in principals)), projects)
    return [found.has(viewer) and not _is_over(viewer.principal, now) for viewer in viewers]


@dataclass(frozen=True)
class _Standings:
    """Who is an administrator, and the roles, by the id of a session or token that is good."""

    admins: dict[str, bool] = field(default_factory=dict)
    roles: dict[tuple[str, str], str] = field(default_factory=dict)

    def read(self, session: Session, query: Select[Any] | None, projects: set[str]) -> None:
        """Add what a query of sessions or tokens finds, with one statement."""
        if query is None:
            return
        membership = (ProjectMember.user_id == User.id) & ProjectMember.project_id.in_(projects)
        columns = (User.is_admin, ProjectMember.project_id, ProjectMember.role)
        whole = query.add_columns(*columns).outerjoin(ProjectMember, membership)
        for key, is_admin, project_id, role in session.execute(whole):
            self.admins[key] = is_admin
            self.roles[(key, project_id)] = role

    def has(self, viewer: Viewer) -> bool:
        """Tell whether a viewer is let in as at the beginning."""
        principal = viewer.principal
        key = principal.session_id or principal.token_id or ""
        role = self.roles.get((key, viewer.project_id))
        is_same = role == principal.roles.get(viewer.project_id)
        return is_same and self.admins.get(key) is principal.is_admin


def _is_over(principal: Principal, now: datetime) -> bool:
    return principal.expires_at is not None and principal.expires_at <= now


def _ids(given: Iterable[str | None]) -> set[str]:
    return {text for text in given if text}


def _of_sessions(ids: set[str]) -> Select[Any] | None:
    """Return the query of those sessions that are good, or nothing where there are none."""
    if not ids:
        return None
    is_good = UserSession.revoked_at.is_(None) & (UserSession.expires_at > utc_now())
    query = select(UserSession.id).join(User, UserSession.user_id == User.id)
    return query.where(UserSession.id.in_(ids), is_good, User.disabled_at.is_(None))


def _of_tokens(ids: set[str]) -> Select[Any] | None:
    """Return the query of those API tokens that are good, or nothing where there are none."""
    if not ids:
        return None
    is_good = ApiToken.revoked_at.is_(None) & (ApiToken.expires_at > utc_now())
    query = select(ApiToken.id).join(User, ApiToken.user_id == User.id)
    query = query.outerjoin(Project, ApiToken.project_id == Project.id)
    return query.where(
        ApiToken.id.in_(ids), is_good, User.disabled_at.is_(None), Project.deleted_at.is_(None)
    )
