"""Finding resources by tag: what is searched, and files that an older version made."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from sandbox.service.accounts import Accounts
from sandbox.service.database import Database
from sandbox.service.factory import create_app
from sandbox.service.records import search
from sandbox.service.settings import Settings
from tests.sandbox.examples import BUCKET, NETWORK, create
from tests.sandbox_cloud import ROOT

OLD_TABLES = """
CREATE TABLE accounts (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, token_sha256 TEXT NOT NULL UNIQUE,
    created_at REAL NOT NULL
);
CREATE TABLE resources (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE,
    account_id INTEGER NOT NULL REFERENCES accounts (id), type TEXT NOT NULL,
    attributes TEXT NOT NULL, tags TEXT NOT NULL, created_at REAL NOT NULL,
    available_at REAL NOT NULL
);
INSERT INTO accounts VALUES (1, 'default', 'unknown', 0);
"""
INSERT = "INSERT INTO resources VALUES (?, ?, 1, 'bucket', '{}', ?, 0, 0)"
START = (
    "import sys; from pathlib import Path\n"
    "from sandbox.service.database import Database\n"
    "Database(Path(sys.argv[1])).create_tables()"
)


def make_old_file(path: Path, tags: dict[int, str]) -> None:
    """Make a store as the first version did, with a resource for each item: its place and tags."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript(OLD_TABLES)
        connection.executemany(INSERT, [(seq, f"bkt_{seq}", text) for seq, text in tags.items()])


def open_service(folder: Path) -> FlaskClient:
    settings = Settings(folder)
    client = create_app(settings).test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {settings.token_path.read_text().strip()}"
    return client


def find(api: FlaskClient, *tags: str, **query: Any) -> list[str]:
    page = api.get("/v1/resources", query_string={"tag": tags, "limit": 200, **query}).get_json()
    return [item["id"] for item in page["items"]]


def count_tags(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        return int(connection.execute("SELECT count(*) FROM resource_tags").fetchone()[0])


def test_a_search_asks_the_index_and_never_reads_the_whole_account(tmp_path: Path) -> None:
    database = Database(tmp_path / "cloud.db")
    tags = {seq: json.dumps({"stack": f"s{seq // 10}", "all": "x"}) for seq in range(1, 3001)}
    make_old_file(tmp_path / "cloud.db", tags)
    database.create_tables()
    asked: list[str] = []
    with database.reading() as connection:
        connection.set_trace_callback(asked.append)
        found = search(connection, 1, None, [("stack", "s7"), ("all", "x")], 72, 3, now=1)
        connection.set_trace_callback(None)
        (query,) = asked
        plan = [row["detail"] for row in connection.execute(f"EXPLAIN QUERY PLAN {query}")]
    assert [resource.seq for resource in found] == [73, 74, 75]
    assert plan[0] == "SEARCH hit USING PRIMARY KEY (account_id=? AND key=? AND value=? AND seq>?)"
    assert "SEARCH resources USING INTEGER PRIMARY KEY (rowid=?)" in plan
    assert [step for step in plan if step.startswith("SCAN")] == [
        "SCAN wanted VIRTUAL TABLE INDEX 1:"
    ], "only the tags that are asked for are read one after another"
    assert not [step for step in plan if step.startswith("USE")], "nothing is sorted"


def test_thousands_of_tagged_resources_are_found_page_by_page(tmp_path: Path) -> None:
    make_old_file(tmp_path / "cloud.db", dict.fromkeys(range(1, 2201), '{"all": "x"}'))
    api, found, cursor = open_service(tmp_path), [], None
    while True:
        query = {"tag": "all=x", "limit": 200} | ({"cursor": cursor} if cursor else {})
        page = api.get("/v1/resources", query_string=query).get_json()
        found += [item["id"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert found == [f"bkt_{seq}" for seq in range(1, 2201)]


def test_replaced_tags_and_deleted_resources_are_found_no_more(api: FlaskClient) -> None:
    path = api.application.extensions["sandbox"].resources._database._path
    bucket = create(api, "bucket", **BUCKET, tags={"a": "1", "b": "2"})["id"]
    network = create(api, "network", **NETWORK, tags={"a": "1"})["id"]
    api.patch(f"/v1/resources/{bucket}", json={"attributes": {"versioning": True}})
    assert find(api, "a=1") == [bucket, network], "a change without tags leaves them"
    api.patch(f"/v1/resources/{bucket}", json={"tags": {"b": "3"}})
    assert (find(api, "a=1"), find(api, "b=2"), find(api, "b=3")) == ([network], [], [bucket])
    api.delete(f"/v1/resources/{network}")
    assert find(api, "a=1") == []
    api.patch(f"/v1/resources/{bucket}", json={"tags": {}})
    assert (find(api, "b=3"), count_tags(path)) == ([], 0)


def test_accounts_with_equal_tags_see_each_its_own(api: FlaskClient) -> None:
    database = api.application.extensions["sandbox"].resources._database
    other = {"Authorization": f"Bearer {Accounts(database).create('second')}"}
    mine = create(api, "bucket", **BUCKET, tags={"a": "1"})["id"]
    body = {"type": "bucket", "attributes": BUCKET, "tags": {"a": "1"}}
    theirs = api.post("/v1/resources", json=body, headers=other).get_json()["id"]
    seen = api.get("/v1/resources?tag=a=1", headers=other).get_json()["items"]
    assert (find(api, "a=1"), [item["id"] for item in seen]) == ([mine], [theirs])


def test_tags_are_matched_whole_and_letter_by_letter(api: FlaskClient) -> None:
    odd = {"k'--": 'v"%_', "größe": "🦊", "empty": "", "number": "1"}
    bucket = create(api, "bucket", **BUCKET, tags=odd)["id"]
    for key, value in odd.items():
        assert find(api, f"{key}={value}", f"{key}={value}") == [bucket]
    for wrong in ("number=1.0", "number=", "empty=null", "GRÖSSE=🦊", "k'--=v"):
        assert find(api, wrong) == []
    assert find(api, "empty=", "number=2") == []
    assert find(api, *(f"{key}={value}" for key, value in odd.items()), type="bucket") == [bucket]


def test_the_tags_of_an_older_file_are_found_after_the_upgrade(tmp_path: Path) -> None:
    make_old_file(tmp_path / "cloud.db", {1: '{"a": "1", "b": "2"}', 2: "{}", 5: '{"a": "1"}'})
    api = open_service(tmp_path)
    assert (find(api, "a=1"), find(api, "a=1", "b=2")) == (["bkt_1", "bkt_5"], ["bkt_1"])
    assert api.delete("/v1/resources/bkt_1").status_code == 204
    assert find(api, "a=1") == ["bkt_5"]
    assert find(open_service(tmp_path), "a=1") == ["bkt_5"], "a second start fills nothing again"


def test_an_older_version_that_still_writes_keeps_the_tags(tmp_path: Path) -> None:
    api = open_service(tmp_path)
    with closing(sqlite3.connect(tmp_path / "cloud.db")) as connection, connection:
        connection.execute(INSERT, (7, "bkt_7", '{"a": "1"}'))
        connection.execute(INSERT, (8, "bkt_8", '{"a": "1"}'))
        connection.execute("DELETE FROM resources WHERE seq = 7")
    assert find(api, "a=1") == ["bkt_8"]


def test_an_upgrade_that_fails_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "cloud.db"
    make_old_file(path, {1: '{"a": "1"}', 2: "{not json"})
    with pytest.raises(sqlite3.OperationalError, match="malformed JSON"):
        Database(path).create_tables()
    with closing(sqlite3.connect(path)) as connection, connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (0,)
        names = {row[0] for row in connection.execute("SELECT name FROM sqlite_schema")}
        assert "resource_tags" not in names
        connection.execute("UPDATE resources SET tags = '{}' WHERE seq = 2")
    assert find(open_service(tmp_path), "a=1") == ["bkt_1"]


def test_processes_that_upgrade_at_once_fill_the_tags_once(tmp_path: Path) -> None:
    path = tmp_path / "cloud.db"
    make_old_file(path, dict.fromkeys(range(1, 3001), '{"a": "1"}'))
    command = [sys.executable, "-W", "error", "-c", START, str(path)]
    starts = [subprocess.Popen(command, cwd=ROOT) for _ in range(3)]
    assert [start.wait(60) for start in starts] == [0, 0, 0]
    assert count_tags(path) == 3000


def test_a_file_of_a_newer_version_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "cloud.db"
    Database(path).create_tables()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")
    assert find(open_service(tmp_path), "a=1") == []
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (99,)


def test_a_search_for_hundreds_of_tags_is_answered(api: FlaskClient) -> None:
    bucket = create(api, "bucket", **BUCKET, tags={"a": "1"})["id"]
    assert find(api, *["a=1"] * 400) == [bucket]
    assert find(api, "a=1", *(f"k{number}=x" for number in range(400))) == []
