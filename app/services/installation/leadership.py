"""Which of several schedulers does what has to be done once for the whole installation.

One leads by a lease in SQL, by the database's clock; the others stand by and ask again and again.
A leader that cannot renew stops leading by its own monotonic clock before the lease ends, so two
never lead at once. Duties are transactions that bear being done twice: the lease spares work and
double log lines, and nothing depends on it alone (ADR 0042). A leader that died on this host is
followed at once, since its process can be seen to be gone.
"""

from __future__ import annotations

import os
import secrets
import threading
import time
from datetime import datetime, timedelta

from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.orm import Session

from app.db import database_now
from app.logs import get_logger
from app.models import InstallationFact
from app.services.context import Context
from app.services.installation.instances import own_instance
from app.terraform.identity import ProcessIdentity

LEADER = "leader"
LEASE = timedelta(seconds=30)
RENEW_SECONDS = LEASE.total_seconds() / 3

log = get_logger(__name__)


class Leadership:
    """One scheduler process that leads or stands by; thread-safe."""

    def __init__(self, ctx: Context) -> None:
        """Begin as one that stands by."""
        self._ctx = ctx
        self._lock = threading.Lock()
        self._holder = secrets.token_hex(16)
        self._is_over = False
        self._leads_until = 0.0
        self._renew_at = 0.0

    def is_held(self) -> bool:
        """Tell whether this process leads now, without asking SQL."""
        return time.monotonic() < self._leads_until

    def keep(self) -> None:
        """Renew the lease when that is due, or try to get it.

        Raises:
            SQLAlchemyError: the database does not answer; a lease that is held lapses in its time.
        """
        with self._lock:
            if not self._is_over and (not self.is_held() or time.monotonic() >= self._renew_at):
                self._ask()

    def _ask(self) -> None:
        began, did_lead = time.monotonic(), self.is_held()
        try:
            with self._ctx.write() as session:
                leads = self._take(session)
        except IntegrityError:
            leads = False  # another scheduler was the first of all
        # From before the question, so that it ends here before it ends in SQL.
        self._leads_until = began + LEASE.total_seconds() if leads else 0.0
        self._renew_at = began + RENEW_SECONDS
        if leads != did_lead:
            log.info("leadership_taken" if leads else "leadership_lost")

    def give_up(self) -> None:
        """Let another lead at once, and never lead again.

        Where the database is away the lease lapses in its time instead.
        """
        with self._lock:
            did_lead, self._leads_until, self._is_over = self.is_held(), 0.0, True
            if did_lead:
                self._remove()

    def _remove(self) -> None:
        try:
            with self._ctx.write() as session:
                row = session.get(InstallationFact, LEADER, with_for_update=True)
                if row is not None and row.value["holder"] == self._holder:
                    session.delete(row)
        except SQLAlchemyError as error:
            log.warning("leadership_not_given_up", error=str(error))

    def _take(self, session: Session) -> bool:
        now = database_now(session)
        row = session.get(InstallationFact, LEADER, with_for_update=True)
        if row is None:
            row = InstallationFact(name=LEADER)
            session.add(row)
        elif row.value["holder"] != self._holder and _is_fresh(row, now) and not _is_dead(row):
            return False
        row.value = {
            "holder": self._holder,
            "instance": own_instance(self._ctx),
            "process": ProcessIdentity.of(os.getpid()).to_dict(),
        }
        row.updated_at = now
        return True


def leading_instance(session: Session) -> str | None:
    """Return the id of the instance whose scheduler leads; None while none does."""
    row = session.get(InstallationFact, LEADER)
    if row is None or not _is_fresh(row, database_now(session)):
        return None
    found: str = row.value["instance"]
    return found


def _is_fresh(row: InstallationFact, now: datetime) -> bool:
    return row.updated_at + LEASE > now


def _is_dead(row: InstallationFact) -> bool:
    """Tell whether its process is seen to be gone, which only its own host can see."""
    process = ProcessIdentity.from_dict(row.value["process"])
    return process.is_local and not process.is_alive()
