"""A write-ahead log that was cut short is seen, one that is whole is not."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

from app.sqlite_wal import missing_bytes


def test_a_log_that_was_cut_is_told_apart_from_one_that_was_not(tmp_path: Path) -> None:
    file = tmp_path / "landform.db"
    connection = sqlite3.connect(file, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("CREATE TABLE facts (value TEXT)")
    for _ in range(50):
        connection.execute("INSERT INTO facts VALUES (hex(randomblob(2000)))")
        assert missing_bytes(file) == 0
    log = file.with_name("landform.db-wal")
    os.truncate(log, log.stat().st_size - 5000)
    assert missing_bytes(file) == 5000
    log.unlink()
    assert missing_bytes(file) > 5000
    connection.close()


def test_after_a_checkpoint_nothing_is_missing(tmp_path: Path) -> None:
    file = tmp_path / "landform.db"
    connection = sqlite3.connect(file, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("CREATE TABLE facts (value TEXT)")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert missing_bytes(file) == 0
    connection.execute("INSERT INTO facts VALUES ('x')")
    assert missing_bytes(file) == 0
    connection.close()
    assert missing_bytes(file) == 0


WRITE = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], timeout=0, isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
"""


def other_process_may_write(file: Path) -> bool:
    command = [sys.executable, "-c", WRITE, str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0 or "database is locked" in done.stderr, done.stderr
    return done.returncode == 0


def test_a_look_lets_no_second_writer_in(tmp_path: Path) -> None:
    """Closing a file drops the locks that this process has on it, whoever took them."""
    file = tmp_path / "landform.db"
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("CREATE TABLE facts (value TEXT)")
        assert missing_bytes(file) == 0
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("INSERT INTO facts VALUES ('x')")
        assert not other_process_may_write(file)
        for _ in range(3):
            assert missing_bytes(file) == 0
            assert not other_process_may_write(file)
        connection.execute("COMMIT")
        assert other_process_may_write(file)


def test_the_index_of_a_database_that_was_closed_and_opened_again_is_looked_at_anew(
    tmp_path: Path,
) -> None:
    file = tmp_path / "landform.db"
    for rows in (1, 50):
        with closing(sqlite3.connect(file, isolation_level=None)) as connection:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("CREATE TABLE IF NOT EXISTS facts (value TEXT)")
            for _ in range(rows):
                connection.execute("INSERT INTO facts VALUES (hex(randomblob(2000)))")
            log = file.with_name("landform.db-wal")
            size = log.stat().st_size
            assert missing_bytes(file) == 0
            with log.open("r+b") as whole:
                whole.truncate(size - 100)
                assert missing_bytes(file) == 100
                whole.truncate(size)
