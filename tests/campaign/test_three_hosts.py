"""Short campaigns on three hosts with fixed seeds, run as a person runs them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from app.config.settings import REPOSITORY_ROOT
from tests.campaign import lab
from tests.postgresql import find_binaries

SECONDS = 1200

pytestmark = [
    pytest.mark.timeout(SECONDS + 60),
    pytest.mark.skipif(bool(lab.why_not()), reason=lab.why_not()),
    pytest.mark.skipif(find_binaries() is None, reason="this machine has no PostgreSQL server"),
]


def run_campaign(folder: Path, *arguments: str) -> dict[str, Any]:
    """Run a campaign on three hosts to a good end and return its report."""
    path = folder / "report.json"
    command = [sys.executable, "-m", "tests.campaign", "--hosts", "3", "--report", str(path)]
    done = subprocess.run(
        [*command, *arguments],
        cwd=REPOSITORY_ROOT,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    report: dict[str, Any] = json.loads(path.read_text())
    return report


def test_what_a_killed_host_held_is_usable_again_and_nothing_is_lost(tmp_path: Path) -> None:
    arguments = ("--seed", "3", "--kills", "1", "--fault", "host killed")
    size = ("--slots", "2", "--machines", "6", "--rate", "5")
    report = run_campaign(tmp_path, *arguments, *size)
    assert report["by_victim"]["host killed"]["kills"], "something of it was held, or it was idle"
    assert report["facts"]["changes of the load"], "clients went on"


@pytest.mark.thorough
def test_faults_of_all_kinds_break_no_promise(tmp_path: Path) -> None:
    report = run_campaign(tmp_path, "--seed", "5", "--kills", "10", "--longest-cut", "60")
    assert report["facts"]["faults of what is shared"] >= 10


@pytest.mark.thorough
def test_a_rolling_restart_fails_no_request_and_kills_no_apply(tmp_path: Path) -> None:
    report = run_campaign(tmp_path, "--seed", "9", "--rolling", "1", "--machines", "12")
    assert report["facts"]["faults of what is shared"] == 3
    assert report["facts"]["applies"], "some were running"
