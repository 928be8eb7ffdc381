"""Every command of docs/backup.md does what the page says, in its order."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from app.cli import main
from app.services.context import Context
from tests.services.backup.conftest import MakeEmpty, ctx, folder, make_empty, stack
from tests.services.backup.test_create import environment

__all__ = ["ctx", "folder", "make_empty", "stack"]

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "backup.md").read_text(encoding="utf-8")
BLOCKS = [block.splitlines() for block in re.findall(r"```console\n(.*?)```", PAGE, re.S)]


def run(
    monkeypatch: pytest.MonkeyPatch, context: Context, block: list[str], backups: Path
) -> list[int]:
    """Run the commands of a block with another folder for /backups, and return their statuses."""
    monkeypatch.setattr("app.cli.open_context", lambda: context)
    statuses = []
    for line in block:
        program, *words = shlex.split(line.replace("/backups", str(backups)))
        assert program == "landform"
        statuses.append(main(words))
    return statuses


def test_the_commands_of_the_page_run(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    context: Context = request.getfixturevalue("ctx")
    request.getfixturevalue("stack")
    make: MakeEmpty = request.getfixturevalue("make_empty")
    create, restore, keep, rehearse = BLOCKS
    backups = tmp_path / "backups"
    backups.mkdir()
    assert run(monkeypatch, context, create, backups) == [0, 0]
    assert run(monkeypatch, make("restored"), restore, backups) == [0, 0]
    survivor = make("survivor")
    shutil.copytree(context.settings.state_dir, survivor.settings.state_dir)
    assert run(monkeypatch, survivor, keep, backups) == [0]
    assert (ROOT / rehearse[0].split()[0]).exists()


@pytest.mark.thorough
@pytest.mark.timeout(900)
def test_the_rehearsal_goes_well_and_says_what_it_did(
    request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    context: Context = request.getfixturevalue("ctx")
    request.getfixturevalue("stack")
    command = tmp_path / "landform"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m app.cli "$@"\n')
    command.chmod(0o755)
    variables = environment(context) | {
        "LANDFORM_COMMAND": str(command),
        "PYTHONPATH": str(ROOT),
    }
    script = ROOT / "deploy" / "rehearse-restore.sh"
    done = subprocess.run(
        ["sh", str(script), str(tmp_path / "rehearsal")],
        env=variables,
        text=True,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "a changed byte in manifest.json is found" in done.stdout
    assert "a changed byte in states/" in done.stdout
    assert "its states and rows are those of the backup" in done.stdout
