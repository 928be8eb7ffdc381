"""Owns the tables of the SQLite file, and how a file of an older version gets those it lacks.

`PRAGMA user_version` says how far a file has come. Must not know what the rows mean.
"""

from __future__ import annotations

import sqlite3

_FIRST_TABLES = (
    """
    CREATE TABLE IF NOT EXISTS accounts (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,
        token_sha256 TEXT NOT NULL UNIQUE,
        created_at REAL NOT NULL
    )
    """,
    """
    CREATE TABLE IF NOT EXISTS faults (
        account_id INTEGER PRIMARY KEY REFERENCES accounts (id),
        create_delay_seconds REAL NOT NULL,
        read_delay_seconds REAL NOT NULL,
        failure_rate REAL NOT NULL,
        quota INTEGER,
        seed INTEGER,
        draws INTEGER NOT NULL
    )
    """,
    """
    CREATE TABLE IF NOT EXISTS resources (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL UNIQUE,
        account_id INTEGER NOT NULL REFERENCES accounts (id),
        type TEXT NOT NULL,
        attributes TEXT NOT NULL,
        tags TEXT NOT NULL,
        created_at REAL NOT NULL,
        available_at REAL NOT NULL
    )
    """,
    "CREATE INDEX IF NOT EXISTS resources_by_account ON resources (account_id, type, seq)",
)

# An index over `resources.tags`, which a search would otherwise parse row by row. Triggers keep
# it, so that it follows in the same statement, also when an older version of this code writes.
_TAGS_OF_RESOURCES = (
    """
    CREATE TABLE resource_tags (
        account_id INTEGER NOT NULL,
        key TEXT NOT NULL,
        value TEXT NOT NULL,
        seq INTEGER NOT NULL,
        PRIMARY KEY (account_id, key, value, seq)
    ) WITHOUT ROWID
    """,
    "CREATE INDEX resource_tags_by_resource ON resource_tags (seq)",
    """
    CREATE TRIGGER tag_new_resource AFTER INSERT ON resources BEGIN
        INSERT INTO resource_tags
        SELECT new.account_id, tag.key, tag.value, new.seq FROM json_each(new.tags) AS tag;
    END
    """,
    """
    CREATE TRIGGER tag_changed_resource AFTER UPDATE OF tags ON resources
    WHEN old.tags <> new.tags BEGIN
        DELETE FROM resource_tags WHERE seq = old.seq;
        INSERT INTO resource_tags
        SELECT new.account_id, tag.key, tag.value, new.seq FROM json_each(new.tags) AS tag;
    END
    """,
    """
    CREATE TRIGGER untag_deleted_resource AFTER DELETE ON resources BEGIN
        DELETE FROM resource_tags WHERE seq = old.seq;
    END
    """,
    """
    INSERT INTO resource_tags
    SELECT resources.account_id, tag.key, tag.value, resources.seq
    FROM resources, json_each(resources.tags) AS tag
    """,
)

# The first step has no version of its own: files from before versions were kept have its tables.
_STEPS = (_FIRST_TABLES, _TAGS_OF_RESOURCES)


def bring_up(connection: sqlite3.Connection) -> None:
    """Take the steps that the file lacks: all of them or, on any error, none.

    Must run inside a write transaction. A file of a newer version is left as it is.
    """
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    for step in _STEPS[version:]:
        for statement in step:
            connection.execute(statement)
    if version < len(_STEPS):
        connection.execute(f"PRAGMA user_version = {len(_STEPS)}")
