"""Whether this code works with the schema of a database, which another version may have migrated.

Hosts are upgraded one after another, so former code meets a newer schema. A migration that only
adds is no matter to it. One that removes or narrows what former code needs has to come a version
later than the code that does without, and says so: its ``oldest_code`` is the revision of that code
(expand and contract, https://martinfowler.com/bliki/ParallelChange.html).
"""

from __future__ import annotations

from sqlalchemy import Connection, select
from sqlalchemy.orm import Session

from app.errors import ConfigurationError
from app.models import InstallationFact
from app.services.context import Context
from app.services.installation.revisions import knows_revision, newest_revision, revision_of

SCHEMA = "schema"
"""Name of the fact that says with which code the schema works."""

FIRST_TO_STAY = "0042"
"""The first revision whose code may go on when a newer version has migrated the database."""


def require_fitting_schema(ctx: Context) -> None:
    """Return when this code works with the schema of the database; asked by each process's start.

    Raises:
        ConfigurationError: as ``refuse_unfit``.
    """

    def read(session: Session) -> tuple[str | None, str]:
        connection = session.connection()
        found = revision_of(connection)
        return found, FIRST_TO_STAY if found is None else oldest_code_of(connection)

    refuse_unfit(*ctx.ask(read))


def refuse_unfit(found: str | None, oldest_code: str) -> None:
    """Return when this code works with the schema of a database.

    Args:
        found: its revision; None where there is none.
        oldest_code: as ``oldest_code_of``.

    Raises:
        ConfigurationError: it does not, and what to do about it.
    """
    own = newest_revision()
    if found is None or (found != own and knows_revision(found)):
        raise ConfigurationError(
            f"The schema of the database is {found or 'not there'}, and this version needs {own}: "
            "run `python -m workers.prepare`, as landform-prepare does, and start again."
        )
    if own < oldest_code:
        raise ConfigurationError(
            f"The schema of the database is {found}, which works with versions from {oldest_code} "
            f"on; this one is of {own}: install the version that the other hosts run."
        )


def oldest_code_of(connection: Connection) -> str:
    """Return the revision from which on code works with the schema of a database."""
    kept = connection.scalar(select(InstallationFact.value).where(InstallationFact.name == SCHEMA))
    return str(kept["oldest_code"]) if kept else FIRST_TO_STAY
