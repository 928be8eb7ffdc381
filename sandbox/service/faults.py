"""Owns the faults an account has asked for: delays, failure rate and quota. Durable.

Must not know about resources beyond their number.
"""

from __future__ import annotations

import random
import sqlite3
from dataclasses import asdict, dataclass

from sandbox.service.database import Database
from sandbox.service.errors import InjectedFaultError, QuotaExceededError

MAX_CREATE_DELAY_SECONDS = 86_400
MAX_READ_DELAY_SECONDS = 60


@dataclass(frozen=True)
class Faults:
    """What goes wrong on purpose in one account.

    Parameters:
        create_delay_seconds: a new resource is `creating` this long.
        read_delay_seconds: reading resources takes at least this long.
        failure_rate: share of POST /resources that fail before anything is recorded, 0 to 1.
        quota: most resources the account may have; None is unlimited.
        seed: makes the sequence of failures repeatable.
    """

    create_delay_seconds: float = 0.0
    read_delay_seconds: float = 0.0
    failure_rate: float = 0.0
    quota: int | None = None
    seed: int | None = None


class FaultSettings:
    """Reads, replaces and draws on the faults of each account."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, account_id: int) -> Faults:
        """Return the account's faults; all off until somebody sets them."""
        with self._database.reading() as connection:
            return read_faults(connection, account_id)

    def replace(self, account_id: int, faults: Faults) -> Faults:
        """Set all of the account's faults; a seed starts its sequence anew."""
        with self._database.transaction() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO faults VALUES (:account_id, :create_delay_seconds, "
                ":read_delay_seconds, :failure_rate, :quota, :seed, 0)",
                {"account_id": account_id, **asdict(faults)},
            )
        return faults

    def raise_injected_fault(self, account_id: int) -> None:
        """Fail as often as the account asked for. Its own transaction: a failure counts too.

        Raises:
            InjectedFaultError: this time it fails; nothing was recorded.
        """
        with self._database.transaction() as connection:
            faults = read_faults(connection, account_id)
            if faults.failure_rate == 0:
                return
            draw = _draw(connection, account_id, faults.seed)
        if draw < faults.failure_rate:
            raise InjectedFaultError(
                f"This failure was asked for: failure_rate is {faults.failure_rate:g}. Nothing "
                "was recorded; try again, or PUT /v1/faults with failure_rate 0."
            )


def read_faults(connection: sqlite3.Connection, account_id: int) -> Faults:
    """Read an account's faults inside the caller's transaction."""
    row = connection.execute(
        "SELECT create_delay_seconds, read_delay_seconds, failure_rate, quota, seed "
        "FROM faults WHERE account_id = ?",
        (account_id,),
    ).fetchone()
    return Faults() if row is None else Faults(**dict(row))


def check_quota(faults: Faults, existing: int) -> None:
    """Refuse one more resource when the account is full.

    Raises:
        QuotaExceededError: says the limit and how to raise it.
    """
    if faults.quota is not None and existing >= faults.quota:
        raise QuotaExceededError(
            f"The account has {existing} resources and its quota is {faults.quota}. Delete some, "
            "or raise the quota with PUT /v1/faults (null is unlimited)."
        )


def _draw(connection: sqlite3.Connection, account_id: int, seed: int | None) -> float:
    if seed is None:
        return random.random()
    row = connection.execute(
        "UPDATE faults SET draws = draws + 1 WHERE account_id = ? RETURNING draws", (account_id,)
    ).fetchone()
    return random.Random(f"{seed}:{row['draws']}").random()
