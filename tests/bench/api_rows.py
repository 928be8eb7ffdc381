"""The rows about the API: latency, throughput, growth, streams and memory, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from app.db import Database
from tests import postgresql
from tests.bench.floors import time_fsync, time_insert, time_terraform_start
from tests.bench.measures import ReadTimes, measure_reads, percentile
from tests.bench.service import (
    Rate,
    measure_durable_posts,
    measure_memory,
    measure_open_pages,
    measure_start,
    measure_streams,
)
from tests.running import RunningLandform, running_landform

# One client asks for all of it, as no user may.
GENEROUS = {
    "LANDFORM_API_RATE": "10000000/minute",
    "LANDFORM_LOGIN_RATE": "1000/minute",
    "LANDFORM_STREAMS": "1000",
    "LANDFORM_STREAMS_PER_USER": "1000",
    "LANDFORM_STREAMS_PER_ADDRESS": "1000",
}


@dataclass(frozen=True)
class Size:
    """How much is measured; a test of the bench itself takes less."""

    starts: int = 30
    clients: int = 8
    seconds: float = 15.0
    fleets: tuple[int, ...] = (100, 1000, 10_000)
    reads: int = 100
    watchers: int = 200
    floors: int = 200


def api_rows(folder: Path, size: Size) -> dict[str, str]:
    """Measure on SQLite, and on PostgreSQL when this machine has its server."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = {"floor: 4 KiB and fsync": f"{time_fsync(folder, size.floors) * 1000:.2f} ms"}
    rows["floor: `terraform version`"] = f"{time_terraform_start(5) * 1000:.0f} ms"
    rows |= measure_database("SQLite", folder / "sqlite", size, None)
    binaries = postgresql.find_binaries()
    if binaries is not None:
        with postgresql.serve(binaries, is_durable=True) as server:
            rows |= measure_database("PostgreSQL", folder / "postgresql", size, server)
    return rows


def measure_database(
    name: str, folder: Path, size: Size, server: postgresql.Server | None
) -> dict[str, str]:
    """Return every row for one database."""

    def url_of(_: int = 0) -> str:
        return server.url(server.create_database()) if server else ""

    folder.mkdir(parents=True, exist_ok=True)
    floor_url = url_of() or f"sqlite:///{folder / 'floor.db'}"
    floor = time_insert(floor_url, size.floors)
    rows = {f"{name}, floor: one INSERT, committed": f"{floor * 1000:.2f} ms"}
    with _running(folder / "home", url_of()) as (landform, database):
        idle = measure_memory(landform)
        rows |= _start_row(name, measure_start(landform, size.starts))
        rate = measure_durable_posts(landform, size.clients, size.seconds)
        rows |= _post_row(name, size, rate, floor)
        rows |= _stream_row(name, size, measure_streams(landform, database, size.watchers))
        rows |= _page_row(name, size, *measure_open_pages(landform, size.watchers, size.seconds))
        rows |= _memory_rows(name, idle, measure_memory(landform))
    return rows | _read_rows(name, measure_reads(folder, size.fleets, size.reads, url_of))


@contextmanager
def _running(home: Path, database_url: str) -> Iterator[tuple[RunningLandform, Database]]:
    variables = {**GENEROUS, "LANDFORM_DATABASE_URL": database_url}
    with running_landform(home, **variables) as landform:
        database = Database(database_url or f"sqlite:///{home / 'landform.db'}")
        yield landform, database
        database.close()


def _start_row(name: str, times: list[float]) -> dict[str, str]:
    return {f"{name}, POST until Terraform starts, idle, {len(times)} plans": _spread(times)}


def _post_row(name: str, size: Size, rate: Rate, floor: float) -> dict[str, str]:
    title = f"{name}, durable POSTs from {size.clients} clients for {size.seconds:.0f} s"
    floors = 1 / rate.per_second / floor
    said = f"**{rate.per_second:.0f} a second**, {_spread(rate.times)}; {floors:.1f} floors each"
    return {title: said}


def _stream_row(name: str, size: Size, delays: list[float]) -> dict[str, str]:
    title = f"{name}, event committed until it is received, {size.watchers} watchers"
    return {title: f"{_spread(delays)}, worst {max(delays) * 1000:.0f} ms"}


def _page_row(name: str, size: Size, before: float, after: float) -> dict[str, str]:
    title = f"{name}, {size.watchers} open pages of an operation that waits, the web process"
    return {title: f"{after:.1f} % of a core, {before:.1f} % with none"}


def _memory_rows(name: str, idle: dict[str, float], loaded: dict[str, float]) -> dict[str, str]:
    def said(found: dict[str, float]) -> str:
        parts = ", ".join(f"{role} {mib:.0f}" for role, mib in sorted(found.items()))
        return f"**{sum(found.values()):.0f} MiB** ({parts})"

    return {
        f"{name}, memory of all processes (PSS), idle": said(idle),
        f"{name}, the same after the load above": said(loaded),
    }


def _read_rows(name: str, times: ReadTimes) -> dict[str, str]:
    rows = {}
    for what, found in (
        ("`GET /stacks`, a page of 50", times.lists),
        ("`GET /networks/{id}`", times.details),
    ):
        least = percentile(found[min(found)], 99)
        for size, seconds in found.items():
            growth = percentile(seconds, 99) / least
            said = "" if size == min(found) else f", p99 **{growth:.2f} times** that of the fewest"
            rows[f"{name}, {what} of {size:,} stacks"] = _spread(seconds) + said
    return rows


def _spread(times: list[float]) -> str:
    middle, slow = percentile(times, 50) * 1000, percentile(times, 99) * 1000
    return f"p50 {middle:.1f} ms, p99 {slow:.1f} ms"
