"""``make bench``: measure on this machine, over loopback, and write ``docs/benchmarks.md``.

``python -m tests.bench [--make-test-seconds N] [--skip-fresh-start] [--only PART] [--compare]``;
the parts are ``api``, ``drift``, ``console``, ``aws``, ``backup``, ``policy``. With ``--compare``
nothing is written: ratios that are worse than the kept ones are told, and fail.
What is not measured in this run keeps its line from the last one, and what people have written
from the first heading of the second level on stays as it is.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import psutil

from app.config.settings import REPOSITORY_ROOT
from app.terraform.discovery import discover
from tests.bench.api_rows import Size, api_rows
from tests.bench.aws_life import aws_rows, find_aws_mirror
from tests.bench.backups import backup_rows
from tests.bench.compare import find_regressions
from tests.bench.console_pages import console_rows
from tests.bench.drift_sweep import SweepSize, drift_rows
from tests.bench.measures import (
    POSTS,
    ZONES,
    measure_fresh_start,
    measure_operations,
    measure_posts,
)
from tests.bench.policies import policy_rows
from tests.running import running_landform

STACKS, VISITS = 10_000, 20
PARTS = ("api", "drift", "console", "aws", "backup", "policy")
NOTES = "\n## "
TARGET = REPOSITORY_ROOT / "docs" / "benchmarks.md"
NO_AWS = (
    "AWS is not measured: LANDFORM_PROVIDER_MIRROR names no filesystem mirror with hashicorp/aws "
    "in it (docs/aws.md says how to make one).\n"
)
AWS = "AWS, "
FRESH, WARM, TESTS = "`make run`, nothing cached", "`make run` again", "`make test`"


def main() -> int:
    """Measure and write; return the exit status."""
    parser = argparse.ArgumentParser(prog="make bench")
    parser.add_argument("--make-test-seconds", type=float, help="how long `make test` took here")
    parser.add_argument("--skip-fresh-start", action="store_true", help="do not install anew")
    parser.add_argument("--only", choices=PARTS, help="keep all other rows")
    parser.add_argument(
        "--compare",
        action="store_true",
        help="write nothing; fail where a ratio is worse than the kept one",
    )
    chosen = parser.parse_args()
    mirror = find_aws_mirror() if chosen.only in (None, "aws") else None
    if mirror is None and chosen.only in (None, "aws"):
        sys.stderr.write(NO_AWS)
        if chosen.only:
            return 1
    before = TARGET.read_text() if TARGET.exists() else ""
    kept = read_kept(before, keeps_all=bool(chosen.only))
    started, load = time.monotonic(), os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="landform-bench-") as folder:
        figures = {}
        if chosen.only in (None, "api"):
            is_fresh = not chosen.skip_fresh_start and not chosen.only
            figures |= measure(Path(folder), is_fresh=is_fresh)
        for part, rows in _parts(Path(folder)).items():
            if chosen.only in (None, part):
                figures |= rows()
        if mirror is not None:
            kept = {name: row for name, row in kept.items() if not name.startswith(AWS)}
            figures |= aws_rows(Path(folder) / "aws", mirror)
    if chosen.make_test_seconds is not None:
        figures[TESTS] = f"{chosen.make_test_seconds:.0f} s"
    if chosen.compare:
        return _compare(read_kept(before, keeps_all=True), figures)
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    rows = kept | {name: (figure, today) for name, figure in figures.items()}
    TARGET.write_text(page(rows, time.monotonic() - started, load) + read_notes(before))
    sys.stdout.write(TARGET.read_text())
    return 0


def _parts(folder: Path) -> dict[str, Callable[[], dict[str, str]]]:
    """Return what measures each part that needs nothing of the others, in this order."""
    return {
        "console": lambda: console_rows(folder / "console", STACKS, VISITS),
        "policy": policy_rows,
        "backup": lambda: backup_rows(folder / "backup", STACKS),
        "drift": lambda: drift_rows(folder / "drift", SweepSize()),
    }


def _compare(kept: dict[str, tuple[str, str]], figures: dict[str, str]) -> int:
    """Say which ratios are worse than the kept ones; return the exit status."""
    found = find_regressions({name: figure for name, (figure, _) in kept.items()}, figures)
    sys.stdout.write("\n".join(found) + "\n" if found else "No ratio is worse.\n")
    return 1 if found else 0


def measure(folder: Path, *, is_fresh: bool) -> dict[str, str]:
    """Return each figure by its name."""
    figures = {}
    if is_fresh:
        fresh, warm = measure_fresh_start(folder / "fresh")
        figures |= {FRESH: f"{fresh:.0f} s to ready", WARM: f"{warm:.1f} s to ready"}
    with running_landform(folder / "home", LANDFORM_LOGIN_RATE="1000/minute") as landform:
        operations = measure_operations(landform, folder / "raw")
        middle, slow = measure_posts(landform)
    size = f"{ZONES + 1} resources, median of {operations.rounds} interleaved rounds"
    return (
        figures
        | {
            f"raw `terraform init + plan + apply`, {size}": f"{operations.whole.other:.2f} s",
            "the same as an operation, claim to end": (
                f"{operations.engine.ours:.2f} s, **{operations.engine.ratio:.2f} times** raw"
            ),
            "the same as a client sees it, POST to the end of the event stream": (
                f"{operations.whole.ours:.2f} s, **{operations.whole.ratio:.2f} times** raw"
            ),
            f"POST until 202, nothing else running, {POSTS} requests": (
                f"p50 {middle * 1000:.0f} ms, p99 {slow * 1000:.0f} ms"
            ),
        }
        | api_rows(folder / "api", Size())
    )


def read_kept(text: str, *, keeps_all: bool = False) -> dict[str, tuple[str, str]]:
    """Return the rows of an earlier page for what is not measured in this run."""
    rows = re.findall(r"^\| (.+?) \| (.+?) \| (\d{4}-\d{2}-\d{2}) \|$", text, re.MULTILINE)
    return {name: (figure, day) for name, figure, day in rows if keeps_all or is_rare(name)}


def is_rare(name: str) -> bool:
    """Whether not every run measures the row of this name."""
    return name in (FRESH, WARM, TESTS) or name.startswith(AWS)


def read_notes(text: str) -> str:
    """Return what people have written about the figures of an earlier page."""
    return text[text.index(NOTES) :] if NOTES in text else ""


def page(rows: dict[str, tuple[str, str]], seconds: float, load: float) -> str:
    """Return the document."""
    terraform = discover("")
    memory = psutil.virtual_memory().total / 2**30
    kernel = f"{platform.system()} {platform.release()} ({platform.machine()})"
    lines = [f"| {name} | {figure} | {day} |" for name, (figure, day) in rows.items()]
    return "\n".join(
        [
            "# Benchmarks",
            "",
            "Written by `make bench` down to the next heading. Times belong to the machine below,",
            "ratios are taken within one run. Everything is on loopback, with the sandbox cloud,",
            "its real Terraform provider, the Redis that `make run` starts, and SQLite where a row",
            "does not say PostgreSQL (a server on this machine that syncs what it commits). The",
            "clients run on the same cores as the server.",
            "",
            f"- {os.cpu_count()} cores, {memory:.0f} GiB of memory, {kernel}",
            f"- Python {platform.python_version()}, {terraform.flavor} {terraform.version}",
            f"- the run took {seconds:.0f} s; the load average was {load:.1f} when it began, so",
            f"  other work {'shared' if load > 1 else 'hardly shared'} the machine",
            "",
            "| what | figure | measured |",
            "|---|---|---|",
            *lines,
            "",
            "`make run` was timed in a fresh clone with `PIP_NO_CACHE_DIR=1`: it creates `.venv`,",
            "installs every package from the package index, migrates, and starts all processes.",
            "`make test` is the whole of the checks and tests, timed by hand and handed over with",
            "`make bench BENCH_ARGS='--make-test-seconds N'`.",
            "",
            "A drift check of the naive loop is a fresh folder, `init` and `plan -refresh-only`.",
            "CPU seconds are those of Terraform, its providers, Landform's workers and scheduler,",
            "without the sandbox cloud itself; memory is what no other process shares. Both sweeps",
            "had to find the same changes.",
            "",
            "Rows of AWS are medians of three rounds of the real provider against a moto server:",
            "the work on this machine, not the time that AWS takes. Raw Terraform has a fresh",
            "folder for each piece of work: `init`, then `plan` and `apply`, `plan -refresh-only`,",
            "or `plan -destroy` and `apply`. Landform's seconds are from the request to the end of",
            "the operation, its CPU seconds and memory those of its workers and all they start.",
            "Its drift check also asks for what was created outside.",
            "",
            "Pages of the console are answered in one process, without a network, from a fleet",
            "with a month of history: five operations and three audit events a stack, 5 % drifted.",
            "Their budgets are 200 ms of the server's time and 200 kB for a first load: the page,",
            "its style sheets, scripts and icons with their headers, as sent.",
            "",
            "Backups are of SQLite and the volume, into a folder on the same disk. A restore",
            "verifies, writes 20,000 state files and all rows, migrates, and ends in maintenance.",
            "",
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
