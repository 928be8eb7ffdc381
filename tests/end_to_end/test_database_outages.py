"""The database goes away while Terraform changes the cloud: the applies end as if it had not."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path
from typing import Any

import pytest

from tests.postgresql import find_binaries, serve
from tests.running import RunningLandform, running_landform, wait_until

pytestmark = pytest.mark.thorough

AWAY_SECONDS = 2.0
# Longer than SQLite itself waits for a lock.
LOCKED_SECONDS = 25.0


def applying(landform: RunningLandform, count: int) -> list[dict[str, Any]]:
    """Ask for so many networks; return them when Terraform makes resources for all of them."""
    asked = [landform.create(f"net-{number}") for number in range(count)]
    for item in asked:
        wait_until(lambda item=item: landform.cloud_ids(item["stack"]["id"]), "a first resource")
    return asked


def check_that_all_are_applied(landform: RunningLandform, asked: list[dict[str, Any]]) -> None:
    for item in asked:
        done = landform.end_of(item["operation"]["id"], seconds=120)
        assert done["status"] == "applied", done["error"]
        stack_id = item["stack"]["id"]
        assert landform.recorded_ids(stack_id) == landform.cloud_ids(stack_id) != set()
        events = landform.call("GET", f"/operations/{item['operation']['id']}/events")["items"]
        ends = [event for event in events if event["type"] == "apply_complete"]
        addresses = [event["data"]["address"] for event in ends]
        assert len(addresses) == len(set(addresses)) == done["plan"]["add"]


@pytest.mark.skipif(find_binaries() is None, reason="this machine has no PostgreSQL server")
def test_a_postgresql_that_is_killed_and_back_interrupts_no_apply(tmp_path: Path) -> None:
    binaries = find_binaries()
    assert binaries is not None
    with serve(binaries, is_durable=True) as server:
        url = server.url(server.create_database())
        variables = {"LANDFORM_DATABASE_URL": url, "LANDFORM_WORKERS": "4"}
        with running_landform(tmp_path / "home", **variables) as landform:
            landform.cloud.set_faults(create_delay_seconds=4)
            asked = applying(landform, 4)
            server.kill()
            time.sleep(AWAY_SECONDS)
            server.start()
            check_that_all_are_applied(landform, asked)


def test_a_sqlite_that_is_locked_for_long_interrupts_no_apply(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with running_landform(home) as landform:
        landform.cloud.set_faults(create_delay_seconds=4)
        asked = applying(landform, 1)
        connection = sqlite3.connect(home / "landform.db", isolation_level=None, timeout=60)
        connection.execute("BEGIN IMMEDIATE")
        time.sleep(LOCKED_SECONDS)
        connection.close()
        check_that_all_are_applied(landform, asked)
