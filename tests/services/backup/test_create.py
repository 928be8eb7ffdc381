"""A backup is of one moment, complete or not there, and readable by its owner only."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import delete, select

from app.errors import ConflictError, UnavailableError
from app.models import AuditEvent, Stack, StateVersion
from app.services.backup import create as module
from app.services.backup.create import create_backup
from app.services.backup.manifest import NAME, read_manifest
from app.services.backup.verify import verify_backup
from app.services.context import Context
from app.services.installation.migrations import upgrade
from tests.conftest import ENCRYPTION_KEYS, SECRET_KEY
from tests.services.backup.conftest import MakeEmpty, save
from tests.services.some_stacks import create


def files_of(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_a_backup_has_every_row_and_every_state_and_is_its_owners_only(
    ctx: Context, stack: Stack, folder: Path
) -> None:
    manifest = read_manifest(folder, ctx.keys)
    states = [path for path in manifest.files if path.startswith("states/")]
    assert len(states) == 3
    assert all(f"/{stack.id}/" in path for path in states)
    assert manifest.table("stacks").rows == 1
    assert manifest.table("state_versions").rows == 3
    assert manifest.keys == ctx.keys.fingerprints()
    kept = ctx.settings.state_dir / "stacks" / stack.id / "versions"
    for path in states:
        assert (folder / path).read_bytes() == (kept / Path(path).name).read_bytes()
    assert verify_backup(ctx.keys, folder).problems == ()
    assert {path.stat().st_mode & 0o777 for path in files_of(folder)} == {0o600}
    folders = [folder, *(path for path in folder.rglob("*") if path.is_dir())]
    assert {path.stat().st_mode & 0o777 for path in folders} == {0o700}
    key = ENCRYPTION_KEYS.partition(":")[2]
    for path in files_of(folder):
        content = path.read_text(encoding="utf-8", errors="replace")
        assert key not in content
        assert SECRET_KEY not in content


def test_it_is_an_event_of_the_audit_trail(ctx: Context, folder: Path) -> None:
    with ctx.read() as session:
        (event,) = session.scalars(select(AuditEvent).where(AuditEvent.action == "backup.create"))
    assert event.object_id == read_manifest(folder, ctx.keys).id
    assert event.detail["damaged"] == 0


def test_a_folder_in_use_is_refused_and_left_alone(ctx: Context, tmp_path: Path) -> None:
    used = tmp_path / "used"
    used.mkdir()
    (used / "mine").write_text("x")
    with pytest.raises(ConflictError, match="not empty"):
        create_backup(ctx, used)
    assert files_of(used) == [used / "mine"]
    with pytest.raises(ConflictError, match="cannot be used"):
        create_backup(ctx, tmp_path / "no" / "such")


def test_what_retention_removes_meanwhile_is_neither_missed_nor_an_error(
    ctx: Context, stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The snapshot of SQL still names what is gone when its turn comes."""
    copy_sql = module._copy_sql

    def copy_and_prune(*given: object) -> None:
        copy_sql(*given)  # type: ignore[arg-type]
        gone = StateVersion.stack_id == stack.id, StateVersion.serial == 1
        with ctx.write() as session:
            version = session.scalars(select(StateVersion).where(*gone)).one()
            session.execute(delete(StateVersion).where(*gone))
        ctx.state_store(stack.id).delete_version(stack.id, 1, version.sha256)

    monkeypatch.setattr(module, "_copy_sql", copy_and_prune)
    made = create_backup(ctx, tmp_path / "backup")
    assert [item.serial for item in made.pruned] == [1]
    assert verify_backup(ctx.keys, tmp_path / "backup").is_whole


def test_a_state_that_is_saved_meanwhile_is_left_to_the_next_backup(
    ctx: Context, stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy_sql = module._copy_sql

    def copy_and_save(*given: object) -> None:
        copy_sql(*given)  # type: ignore[arg-type]
        save(ctx, stack.id, 4)

    monkeypatch.setattr(module, "_copy_sql", copy_and_save)
    made = create_backup(ctx, tmp_path / "backup")
    assert made.table("state_versions").rows == 3
    assert not made.damaged
    assert verify_backup(ctx.keys, tmp_path / "backup").is_whole


def test_a_backup_is_whole_while_others_write_without_a_pause(
    ctx: Context, stack: Stack, tmp_path: Path
) -> None:
    """Stacks are made, states saved and the oldest removed, as fast as it goes."""
    ended, serial = threading.Event(), itertools.count(4)

    def write() -> None:
        while not ended.is_set():
            newest = next(serial)
            save(ctx, stack.id, newest)
            create(ctx, f"web-{newest}", cidr="10.7.0.0/16")
            oldest = ctx.state_store(stack.id).versions(stack.id)[0]
            gone = StateVersion.stack_id == stack.id, StateVersion.serial == oldest.serial
            with ctx.write() as session:
                session.execute(delete(StateVersion).where(*gone))
            ctx.state_store(stack.id).delete_version(stack.id, oldest.serial, oldest.sha256)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        made = [create_backup(ctx, tmp_path / f"b{number}") for number in range(4)]
    finally:
        ended.set()
        writer.join()
    for number, manifest in enumerate(made):
        assert verify_backup(ctx.keys, tmp_path / f"b{number}").problems == ()
        # As of one moment: a stack and its operation and schedule are there together.
        rows = {name: manifest.table(name).rows for name in ("stacks", "operations", "schedules")}
        assert len(set(rows.values())) == 1, rows
    assert made[-1].table("stacks").rows > made[0].table("stacks").rows


def test_a_state_that_is_damaged_where_it_is_kept_is_said_and_the_rest_is_copied(
    ctx: Context, stack: Stack, tmp_path: Path
) -> None:
    versions = ctx.settings.state_dir / "stacks" / stack.id / "versions"
    (first,), (second,) = versions.glob("1-*"), versions.glob("2-*")
    first.unlink()
    second.write_bytes(second.read_bytes()[:-1] + b"x")
    made = create_backup(ctx, tmp_path / "backup")
    assert [item.serial for item in made.damaged] == [1, 2]
    result = verify_backup(ctx.keys, tmp_path / "backup")
    assert [item.version for item in result.problems] == list(made.damaged)
    assert result.unusable == ()


def test_a_full_disk_leaves_nothing_behind(
    ctx: Context, stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "backup"

    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    for name in ("_copy_version", "write_durably"):
        with monkeypatch.context() as patch:
            patch.setattr(module, name, refuse)
            with pytest.raises(UnavailableError, match="No space left"):
                create_backup(ctx, folder)
        assert files_of(folder) == []
    create_backup(ctx, folder)  # with room again, in the same place
    assert verify_backup(ctx.keys, folder).is_whole


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    root = tmp_path / "disk"
    root.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "landform-test", str(root)]
    try:
        subprocess.run(mount, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("this user may not mount a small file system: run the tests as root")
    yield root
    subprocess.run(["umount", "--lazy", str(root)], check=True)


def test_a_disk_that_is_really_full_is_said_in_a_sentence(
    ctx: Context, stack: Stack, tiny_disk: Path
) -> None:
    save(ctx, stack.id, 4, noise=os.urandom(60_000).hex())
    with pytest.raises(UnavailableError, match="No space left"):
        create_backup(ctx, tiny_disk / "backup")
    assert files_of(tiny_disk) == []


def test_another_schema_than_that_of_this_release_is_refused(
    make_empty: MakeEmpty, tmp_path: Path
) -> None:
    old = make_empty()
    old.settings.home_dir.mkdir()
    upgrade(old.db, "0040")
    with pytest.raises(ConflictError, match="has schema 0040"):
        create_backup(old, tmp_path / "backup")


def environment(ctx: Context) -> dict[str, str]:
    """Return what has another process use the same home."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("LANDFORM_")}
    return kept | {
        "LANDFORM_ENV": "test",
        "LANDFORM_HOME": str(ctx.settings.home_dir),
        "LANDFORM_DATABASE_URL": ctx.settings.database_url,
        "LANDFORM_SECRET_KEY": SECRET_KEY,
        "LANDFORM_ENCRYPTION_KEYS": ENCRYPTION_KEYS,
    }


@pytest.mark.thorough
@pytest.mark.timeout(900)
def test_a_command_that_is_killed_leaves_no_backup(
    ctx: Context, stack: Stack, tmp_path: Path
) -> None:
    """At whatever moment: without the manifest it is none, and with it, it is whole."""
    command = [sys.executable, "-m", "app.cli", "backup", "create"]
    began = time.monotonic()
    subprocess.run([*command, str(tmp_path / "timed")], env=environment(ctx), check=True)
    seconds = time.monotonic() - began
    finished = []
    for number in range(5):
        folder = tmp_path / f"killed-{number}"
        with subprocess.Popen([*command, str(folder)], env=environment(ctx)) as process:
            time.sleep(seconds * (0.5 + number * 0.1))
            process.send_signal(signal.SIGKILL)
        result = verify_backup(ctx.keys, folder)
        assert result.is_whole == (folder / NAME).exists()
        finished.append(result.is_whole)
    assert not all(finished)
