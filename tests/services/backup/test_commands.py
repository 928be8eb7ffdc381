"""``landform admin backup`` as a person sees it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from app.cli import main
from app.models import Stack
from app.services.context import Context
from tests.services.backup.conftest import MakeEmpty, save


@pytest.fixture
def say(
    ctx: Context, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> object:
    """Return what runs a command and gives its status and all that it printed."""
    monkeypatch.setattr("app.cli.open_context", lambda: ctx)

    def run(*words: object) -> tuple[int, str]:
        status = main([str(word) for word in words])
        told = capsys.readouterr()
        return status, told.out + told.err

    return run


def test_a_backup_is_made_and_verified(say: object, stack: Stack, tmp_path: Path) -> None:
    assert callable(say)
    status, told = say("backup", "create", tmp_path / "b")
    assert status == 0
    assert "3 state versions" in told
    assert "Keep LANDFORM_ENCRYPTION_KEYS" in told
    status, told = say("backup", "verify", tmp_path / "b")
    assert (status, told.splitlines()[-1]) == (0, "The backup is whole.")
    (tmp_path / "b" / "sql" / "users.jsonl").write_text("")
    status, told = say("backup", "verify", tmp_path / "b")
    assert status == 1
    assert "sql/users.jsonl has 0 bytes instead of" in told
    assert told.splitlines()[-1] == "The backup is damaged."


def test_what_was_damaged_before_is_said_at_once(
    ctx: Context, say: object, stack: Stack, tmp_path: Path
) -> None:
    assert callable(say)
    (path,) = (ctx.settings.state_dir / "stacks" / stack.id / "versions").glob("2-*")
    path.unlink()
    status, told = say("backup", "create", tmp_path / "b")
    assert status == 1
    assert f"State 2 of {stack.id} is missing or damaged where it is kept." in told


def test_a_refusal_is_one_sentence(say: object, tmp_path: Path) -> None:
    assert callable(say)
    (tmp_path / "x").write_text("x")
    status, told = say("backup", "create", tmp_path)
    assert status == 2
    assert "is not empty. Name a folder that does not exist yet. [conflict]" in told


def test_a_restore_says_what_became_of_everything(
    ctx: Context,
    stack: Stack,
    folder: Path,
    make_empty: MakeEmpty,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    save(ctx, stack.id, 4)
    target = make_empty()
    shutil.copytree(ctx.settings.state_dir, target.settings.state_dir)
    monkeypatch.setattr("app.cli.open_context", lambda: target)
    assert main(["backup", "restore", str(folder)]) == 2
    assert "add --keep-states" in capsys.readouterr().err
    assert main(["backup", "restore", "--keep-states", str(folder)]) == 1
    told = capsys.readouterr().out
    assert "0 state versions put back." in told
    assert f"WARNING: {stack.id} had newer states than the backup, which has serial 3: 4" in told
    assert told.splitlines()[-1].startswith("All of Landform is in maintenance")
    assert main(["backup", "restore", str(folder)]) == 2
    assert "Landform" in capsys.readouterr().err
