"""Connections to the sandbox cloud's store: kept open, and never trusted after something failed."""

from __future__ import annotations

import os
import shutil
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

from sandbox.service.accounts import Accounts
from sandbox.service.database import Database
from sandbox.service.errors import InvalidTokenError

INSERT = "INSERT INTO accounts (name, token_sha256, created_at) VALUES (?, ?, 0)"


@pytest.fixture
def database(tmp_path: Path) -> Database:
    database = Database(tmp_path / "cloud.db")
    database.create_tables()
    return database


def list_names(database: Database) -> list[str]:
    with database.reading() as connection:
        return [row["name"] for row in connection.execute("SELECT name FROM accounts ORDER BY id")]


def add(database: Database, name: str) -> None:
    with database.transaction() as connection:
        connection.execute(INSERT, (name, name))


def test_one_connection_serves_one_caller_after_another(database: Database) -> None:
    with database.transaction() as first:
        pass
    with database.reading() as second:
        assert second is first
        with database.reading() as third:
            assert third is not second, "it is in use"


def test_what_others_write_is_seen_on_a_kept_connection(database: Database, tmp_path: Path) -> None:
    assert list_names(database) == []
    with closing(sqlite3.connect(tmp_path / "cloud.db")) as other, other:
        other.execute(INSERT, ("new", "new"))
    assert list_names(database) == ["new"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, sqlite3.OperationalError])
def test_an_error_rolls_back_and_the_next_caller_gets_another_connection(
    database: Database, error: type[BaseException]
) -> None:
    used: list[sqlite3.Connection] = []

    def fail() -> None:
        with database.transaction() as connection:
            used.append(connection)
            connection.execute(INSERT, ("lost", "lost"))
            raise error

    with pytest.raises(error):
        fail()
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        used[0].execute("SELECT 1")
    add(database, "kept")
    assert list_names(database) == ["kept"]


def test_a_read_that_ends_early_holds_nobody_up(database: Database) -> None:
    for name in ("a", "b", "c"):
        add(database, name)
    with database.reading() as connection:
        assert connection.execute("SELECT name FROM accounts").fetchone()["name"] == "a"
    add(database, "d")
    assert list_names(database) == ["a", "b", "c", "d"]


def test_a_replaced_file_is_opened_anew(database: Database, tmp_path: Path) -> None:
    path = tmp_path / "cloud.db"
    add(database, "old")
    with database.reading(), database.reading():
        """Two connections to the old file are kept."""
    for name in ("cloud.db", "cloud.db-wal", "cloud.db-shm"):
        (tmp_path / name).unlink(missing_ok=True)
    Database(path).create_tables()
    add(database, "new")
    with database.reading(), database.reading() as second:
        assert [row["name"] for row in second.execute("SELECT name FROM accounts")] == ["new"]
    with closing(sqlite3.connect(path)) as other:
        assert other.execute("SELECT name FROM accounts").fetchall() == [("new",)]
        assert other.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_a_deleted_store_is_an_error_and_no_write_into_nothing(
    database: Database, tmp_path: Path
) -> None:
    add(database, "old")
    shutil.move(tmp_path / "cloud.db", tmp_path / "away.db")
    with pytest.raises(sqlite3.OperationalError):
        add(database, "lost")
    for name in ("cloud.db", "cloud.db-wal", "cloud.db-shm"):
        (tmp_path / name).unlink(missing_ok=True)
    database.create_tables()
    assert list_names(database) == []


def test_a_fork_opens_connections_of_its_own(database: Database) -> None:
    add(database, "parent")
    with database.reading() as connection:
        inherited = connection
    child = os.fork()
    if child == 0:
        status = 1
        try:
            with database.transaction() as own:
                own.execute(INSERT, ("child", "child"))
            status = 0 if own is not inherited else 1
        finally:
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0
    assert list_names(database) == ["parent", "child"]
    with database.reading() as connection:
        assert connection is inherited, "the child closed nothing of its parent"


def test_threads_that_write_at_once_lose_nothing(database: Database) -> None:
    def write(worker: int) -> None:
        for number in range(20):
            add(database, f"{worker}-{number}")

    threads = [threading.Thread(target=write, args=(worker,)) for worker in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(list_names(database)) == 160


def test_a_token_replaced_by_another_process_is_known_at_once(
    database: Database, tmp_path: Path
) -> None:
    accounts, token_path = Accounts(database), tmp_path / "token"
    token_path.write_text("first-" * 5)
    accounts.ensure_default(token_path)
    known = accounts.authenticate("first-" * 5)
    token_path.write_text("second-" * 5)
    Accounts(Database(tmp_path / "cloud.db")).ensure_default(token_path)
    assert accounts.authenticate("second-" * 5) == known
    with pytest.raises(InvalidTokenError):
        accounts.authenticate("first-" * 5)
