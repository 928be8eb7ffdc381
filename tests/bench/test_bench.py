"""The bench measures what it says: a short run of every part."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydantic import SecretStr

from app.config.settings import Settings
from app.services.context import build_context
from app.services.installation.setup import prepare
from app.services.paging import PageRequest
from app.services.stacks.queries import StackFilter, list_stacks
from tests.bench.__main__ import page, read_kept, read_notes
from tests.bench.api_rows import Size, measure_database
from tests.bench.backups import backup_rows
from tests.bench.fleet import fill
from tests.bench.floors import time_fsync, time_insert
from tests.bench.measures import measure_reads, percentile
from tests.landform import ADMIN

SHORT = Size(starts=2, clients=2, seconds=1, fleets=(3, 60), reads=3, watchers=12, floors=3)


def test_a_percentile_is_one_of_the_times() -> None:
    times = [float(number) for number in range(1, 101)]
    assert [percentile(times, percent) for percent in (50, 99, 100)] == [50, 99, 100]
    assert percentile([7.0], 99) == 7.0


def test_a_fleet_has_as_many_stacks_as_asked_for_and_each_is_whole(settings: Settings) -> None:
    prepare(settings.model_copy(update={"admin_password": SecretStr("long enough")}), "a token")
    ctx = build_context(settings)
    first = fill(ctx, 7)
    with ctx.read() as session:
        page = list_stacks(session, ADMIN, StackFilter(status="ready"), PageRequest())
        names = sorted(row.name for row in page.items)
        assert names == [f"net-{number}" for number in range(7)]
        assert {row.schedule.interval_seconds for row in page.items}
        assert first in {row.id for row in page.items}
    ctx.db.close()


def test_rows_that_were_not_measured_and_the_notes_of_people_are_kept() -> None:
    notes = "\n## How it was measured\n\nWith care.\n\n## Goals\n\nOne was missed.\n"
    text = page({"a row": ("3 s", "2026-11-01")}, 60, 0.5) + notes
    assert read_kept(text, keeps_all=True) == {"a row": ("3 s", "2026-11-01")}
    assert read_kept(text) == {}
    assert read_notes(text) == notes
    assert read_notes(page({}, 60, 0.5)) == ""


def test_floors_take_time(tmp_path: Path) -> None:
    assert time_fsync(tmp_path, 3) > 0
    assert time_insert(f"sqlite:///{tmp_path / 'floor.db'}", 3) > 0


def test_reads_are_measured_for_every_size(tmp_path: Path) -> None:
    times = measure_reads(tmp_path, (2, 5), 2)
    assert {size: len(found) for size, found in times.lists.items()} == {2: 2, 5: 2}
    assert all(seconds > 0 for found in times.details.values() for seconds in found)


@pytest.mark.thorough
def test_a_short_run_fills_every_row(tmp_path: Path) -> None:
    rows = measure_database("SQLite", tmp_path, SHORT, None)
    assert len(rows) == 11
    assert all(re.search(r"\d", figure) for figure in rows.values()), rows
    (posts,) = [figure for name, figure in rows.items() if "durable POSTs" in name]
    assert float(re.findall(r"\*\*(\d+) a second", posts)[0]) >= 1


def test_a_backup_of_a_fleet_is_measured_and_restored_whole(tmp_path: Path) -> None:
    rows = backup_rows(tmp_path / "backups", stacks=12)
    assert [name.rpartition(": ")[2] for name in rows] == [
        "create",
        "verify",
        "restore, which verifies first",
    ]
    assert all(re.match(r"\d+ s", figure) for figure in rows.values())
