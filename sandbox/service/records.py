"""Owns what a stored resource is and how it is found by id, by attribute and by tag.

Reads only; changes are made in `resources`. Must not check rules.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass

from sandbox.attributes import Value
from sandbox.service.errors import ResourceNotFoundError

_SEARCH = """
SELECT * FROM resources
WHERE account_id = :account_id AND seq > :after_seq AND (:type IS NULL OR type = :type)
ORDER BY seq LIMIT :limit
"""

# The index of tags finds what has the first tag, in order of creation; each hit is then looked at.
# CROSS JOIN keeps SQLite from starting with the account's resources, of which there may be many.
_SEARCH_BY_TAGS = """
SELECT resources.* FROM resource_tags AS hit CROSS JOIN resources ON resources.seq = hit.seq
WHERE hit.account_id = :account_id
AND hit.key = json_extract(:tags, '$[0][0]') AND hit.value = json_extract(:tags, '$[0][1]')
AND hit.seq > :after_seq AND (:type IS NULL OR resources.type = :type)
AND NOT EXISTS (
    SELECT 1 FROM json_each(:tags) AS wanted WHERE NOT EXISTS (
        SELECT 1 FROM resource_tags AS tag
        WHERE tag.account_id = :account_id AND tag.seq = hit.seq
        AND tag.key = json_extract(wanted.value, '$[0]')
        AND tag.value = json_extract(wanted.value, '$[1]')
    )
)
ORDER BY hit.seq LIMIT :limit
"""


@dataclass(frozen=True)
class Resource:
    """A resource as recorded. Times are seconds since the epoch.

    Parameters:
        seq: position in the order of creation; pages are cut by it.
        attributes: every attribute of the type except write-only ones.
        status: `creating` until `create_delay_seconds` have passed, then `available`.
    """

    seq: int
    id: str
    type: str
    attributes: dict[str, Value]
    tags: dict[str, str]
    status: str
    created_at: float


def read_resource(row: sqlite3.Row, now: float) -> Resource:
    """Turn a row of `resources` into a resource as it is at the time `now`."""
    return Resource(
        seq=row["seq"],
        id=row["id"],
        type=row["type"],
        attributes=json.loads(row["attributes"]),
        tags=json.loads(row["tags"]),
        status="available" if now >= row["available_at"] else "creating",
        created_at=row["created_at"],
    )


def get_resource(
    connection: sqlite3.Connection, account_id: int, resource_id: str, now: float
) -> Resource:
    """Find one resource of the account.

    Raises:
        ResourceNotFoundError: it does not exist, or belongs to another account.
    """
    row = connection.execute(
        "SELECT * FROM resources WHERE account_id = ? AND id = ?", (account_id, resource_id)
    ).fetchone()
    if row is None:
        raise ResourceNotFoundError(f"There is no resource {resource_id} in this account.")
    return read_resource(row, now)


def count_resources(connection: sqlite3.Connection, account_id: int) -> int:
    """Count all resources of the account, whatever their type."""
    row = connection.execute(
        "SELECT count(*) FROM resources WHERE account_id = ?", (account_id,)
    ).fetchone()
    return int(row[0])


def find_by_attribute(
    connection: sqlite3.Connection, account_id: int, type_name: str, attribute: str, value: Value
) -> list[tuple[str, dict[str, Value]]]:
    """Return id and attributes of the resources of a type whose attribute has the value."""
    rows = connection.execute(
        "SELECT id, attributes FROM resources WHERE account_id = ? AND type = ? "
        "AND json_extract(attributes, '$.' || ?) = ? ORDER BY seq",
        (account_id, type_name, attribute, value),
    ).fetchall()
    return [(row["id"], json.loads(row["attributes"])) for row in rows]


def find_attributes(
    connection: sqlite3.Connection,
    account_id: int,
    resource_id: Value,
    type_name: str | None = None,
) -> dict[str, Value] | None:
    """Return the attributes of one resource, or None if there is none of this id (and type)."""
    row = connection.execute(
        "SELECT type, attributes FROM resources WHERE account_id = ? AND id = ?",
        (account_id, resource_id),
    ).fetchone()
    if row is None or type_name not in (None, row["type"]):
        return None
    attributes: dict[str, Value] = json.loads(row["attributes"])
    return attributes


def search(
    connection: sqlite3.Connection,
    account_id: int,
    type_name: str | None,
    tags: Iterable[tuple[str, str]],
    after_seq: int,
    limit: int,
    now: float,
) -> list[Resource]:
    """Return the account's resources in order of creation.

    Parameters:
        tags: pairs that must all be among the resource's tags.
        after_seq: only resources made after this one (0: from the start).
        limit: at most this many.
    """
    wanted = [list(tag) for tag in tags]
    rows = connection.execute(
        _SEARCH_BY_TAGS if wanted else _SEARCH,
        {
            "account_id": account_id,
            "after_seq": after_seq,
            "type": type_name,
            "tags": json.dumps(wanted),
            "limit": limit,
        },
    ).fetchall()
    return [read_resource(row, now) for row in rows]
