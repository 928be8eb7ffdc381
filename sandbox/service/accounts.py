"""Owns accounts and their tokens, and the command that makes another account.

Only the SHA-256 of a token is stored (tokens carry 256 random bits, so a slow hash adds nothing);
the default account's token also lies in a file of mode 0600, which is the authority for it.
Must not know about resources.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import secrets
import sqlite3
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from sandbox.service.database import Database
from sandbox.service.errors import AccountExistsError, InvalidTokenError
from sandbox.service.settings import Settings

DEFAULT_ACCOUNT = "default"
MIN_TOKEN_LENGTH = 20


class Caller(NamedTuple):
    """Who asks, with what every request of theirs needs: one statement finds both.

    Parameters:
        account_id: of the account that the token belongs to.
        read_delay_seconds: how long the account wants its reads to take, see `faults`.
    """

    account_id: int
    read_delay_seconds: float


class Accounts:
    """Accounts of the sandbox cloud, kept in its database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self, name: str) -> str:
        """Make an account and return its token, which cannot be shown again.

        Raises:
            AccountExistsError: the name is taken.
        """
        token = secrets.token_urlsafe(32)
        try:
            with self._database.transaction() as connection:
                connection.execute(
                    "INSERT INTO accounts (name, token_sha256, created_at) VALUES (?, ?, ?)",
                    (name, _digest(token), time.time()),
                )
        except sqlite3.IntegrityError as error:
            raise AccountExistsError(f"There is already an account named {name}.") from error
        return token

    def authenticate(self, token: str) -> Caller:
        """Return whose token it is.

        Raises:
            InvalidTokenError: no account has it.
        """
        with self._database.reading() as connection:
            row = connection.execute(
                "SELECT id, coalesce(read_delay_seconds, 0) FROM accounts "
                "LEFT JOIN faults ON faults.account_id = accounts.id WHERE token_sha256 = ?",
                (_digest(token),),
            ).fetchone()
        if row is None:
            raise InvalidTokenError(
                "The bearer token belongs to no account. The default account's token is in "
                "$LANDFORM_HOME/sandbox/token."
            )
        return Caller(*row)

    def ensure_default(self, token_path: Path) -> None:
        """Make the default account and its token file unless they exist.

        A replaced or deleted token file takes effect at the next start.
        """
        token = _read_or_create_token(token_path)
        with self._database.transaction() as connection:
            connection.execute(
                "INSERT INTO accounts (name, token_sha256, created_at) VALUES (?, ?, ?) "
                "ON CONFLICT (name) DO UPDATE SET token_sha256 = excluded.token_sha256",
                (DEFAULT_ACCOUNT, _digest(token), time.time()),
            )


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def _read_or_create_token(path: Path) -> str:
    if not path.exists():
        _write_token_once(path, secrets.token_urlsafe(32))
    path.chmod(0o600)
    token = path.read_text(encoding="utf-8").strip()
    if len(token) < MIN_TOKEN_LENGTH:
        raise ValueError(
            f"{path} must hold a token of at least {MIN_TOKEN_LENGTH} characters. "
            "Delete the file to have a new one made."
        )
    return token


def _write_token_once(path: Path, token: str) -> None:
    """Put the token in place completely or not at all; the first of several processes wins."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor, draft = tempfile.mkstemp(dir=path.parent, prefix=".token-")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(token + "\n")
            file.flush()
            os.fsync(file.fileno())
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        Path(draft).unlink()


def main(argv: list[str] | None = None) -> int:
    """Run `python -m sandbox.service.accounts create NAME`; prints the new token."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.service.accounts")
    commands = parser.add_subparsers(dest="command", required=True)
    create = commands.add_parser("create", help="make an account and print its token once")
    create.add_argument("name")
    arguments = parser.parse_args(argv)
    database = Database(Settings.from_env().database_path)
    database.create_tables()
    try:
        print(Accounts(database).create(arguments.name))
    except AccountExistsError as error:
        print(error.detail, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
