"""A restored Landform is the one of the backup; a target that lives, or holds anything, is safe."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from app.clock import utc_now
from app.domain.operation_errors import FenceLostError
from app.domain.state_errors import StateCorruptError
from app.errors import ConfigurationError, ConflictError, LandformError, UnavailableError
from app.models import (
    AuditEvent,
    ChangeControl,
    InstallationFact,
    Instance,
    Operation,
    Stack,
    StateVersion,
    User,
    UserSession,
)
from app.services.audit_trail.verification import verify_trail
from app.services.backup import restore as module
from app.services.backup.create import create_backup
from app.services.backup.manifest import NAME, BackupFile, DumpedTable, Manifest, read_manifest
from app.services.backup.restore import RestoredBackup, restore_backup
from app.services.backup.tables import TableForm
from app.services.context import Context
from app.services.installation.migrations import upgrade
from app.services.installation.setup import prepare
from app.services.state import record
from app.services.state.fences import take_fence
from app.storage.home_lock import hold_lock_of
from app.storage.restore_mark import MARK, VolumeRestoreMark
from app.storage.volume import Volume
from app.storage.volume_errors import VolumeForeignError
from tests import postgresql
from tests.moto_cloud import Moto
from tests.services.backup.conftest import MakeEmpty, save, state
from tests.services.backup.test_create import environment
from tests.services.backup.test_tables import lines
from tests.services.some_stacks import create, make_ready, set_to
from tests.state_bucket import StateBucket

# What a restore changes in SQL, each with a reason in docs/backup.md.
CHANGED = {"installation_facts", "instances", "user_sessions", "change_controls"}
CHAIN = {"audit_events", "audit_head"}


def assert_same(source: dict[str, list[bytes]], target: dict[str, list[bytes]]) -> None:
    """Compare all rows, but for those that a restore has to change or add."""
    for name in source.keys() - CHANGED - CHAIN:
        assert target[name] == source[name], name
    assert set(source["audit_events"]) < set(target["audit_events"])


def test_a_restored_landform_has_the_same_rows_and_states(
    ctx: Context, stack: Stack, folder: Path, make_empty: MakeEmpty
) -> None:
    target = make_empty()
    done = restore_backup(target, folder)
    assert done.states.count == 3
    assert done.warnings == done.states.warnings == done.settlement.warnings == []
    before = lines(ctx.db)
    # The event of the backup itself came after the moment that is in it.
    before["audit_events"] = [row for row in before["audit_events"] if b"backup.create" not in row]
    assert_same(before, lines(target.db))
    for serial in (1, 2, 3):
        (version,) = ctx.state_store(stack.id).versions(stack.id)[serial - 1 : serial]
        read = target.state_store(stack.id).read(stack.id, serial, version.sha256)
        assert read == state(serial)
    assert target.state_store(stack.id).current(stack.id) == ctx.state_store(stack.id).current(
        stack.id
    )
    # There is no anchor yet: the scheduler of the restored Landform writes the first one.
    assert {item.kind for item in verify_trail(target, []).findings} <= {"unproven"}
    assert not (target.settings.state_dir / MARK).exists()
    prepare(target.settings, "a token of no cloud")  # it starts
    save(target, stack.id, 4)  # and goes on


def test_it_begins_in_maintenance_and_without_sessions(
    ctx: Context, stack: Stack, make_empty: MakeEmpty, tmp_path: Path
) -> None:
    with ctx.write() as session:
        now = utc_now()
        session.add(
            UserSession(
                id="ses_1",
                user_id=_user_id(session),
                refresh_jti="x",
                created_at=now,
                last_used_at=now,
                expires_at=now,
            )
        )
    create_backup(ctx, tmp_path / "b")
    target = make_empty()
    assert restore_backup(target, tmp_path / "b").settlement.sessions == 1
    with target.read() as session:
        assert session.get_one(UserSession, "ses_1").revoked_because == "restored from a backup"
        control = session.get_one(ChangeControl, "service")
        assert control.maintenance_since is not None
        assert (control.maintenance_reason or "").startswith("Restored from bkp_")
        (event,) = session.scalars(
            select(AuditEvent).where(AuditEvent.action == "backup.restore")
        ).all()
        assert event.detail["sessions_ended"] == 1


def _user_id(session: Any) -> str:
    return str(session.scalar(select(User.id)))


def refusal(ctx: Context, folder: Path, **how: bool) -> str:
    """Return why a restore is refused, and that it has changed nothing."""
    before = sorted(ctx.settings.state_dir.rglob("*")) if ctx.settings.state_dir.exists() else []
    with pytest.raises(LandformError) as caught:
        restore_backup(ctx, folder, **how)
    after = sorted(ctx.settings.state_dir.rglob("*")) if ctx.settings.state_dir.exists() else []
    assert after == before
    return f"{caught.value.detail} {caught.value.advice}"


def test_a_landform_that_lives_is_safe(ctx: Context, folder: Path) -> None:
    before = lines(ctx.db)
    assert "Landform lives in this database: host " in refusal(ctx, folder)
    assert "Landform lives in this database" in refusal(ctx, folder, keeps_states=True)
    assert lines(ctx.db) == before


def test_a_database_with_tables_is_safe_although_nobody_lives_in_it(
    ctx: Context, folder: Path
) -> None:
    with ctx.write() as session:
        for instance in session.scalars(select(Instance)):
            instance.ended_at = utc_now()
    assert "has tables of a Landform" in refusal(ctx, folder)


def test_a_database_that_was_migrated_and_never_started_is_as_good_as_empty(
    stack: Stack, folder: Path, make_empty: MakeEmpty
) -> None:
    target = make_empty()
    target.settings.home_dir.mkdir()
    upgrade(target.db)
    restore_backup(target, folder)
    with target.read() as session:
        assert session.get_one(Stack, stack.id).name == "web"


def test_a_home_in_which_landform_runs_is_safe(folder: Path, make_empty: MakeEmpty) -> None:
    target = make_empty()
    target.settings.home_dir.mkdir()
    with hold_lock_of(target.settings.home_dir):
        assert "Landform already runs" in refusal(target, folder)
    restore_backup(target, folder)


def test_a_place_that_has_states_is_safe(
    ctx: Context, stack: Stack, folder: Path, make_empty: MakeEmpty
) -> None:
    target = make_empty()
    shutil.copytree(ctx.settings.state_dir, target.settings.state_dir)
    told = refusal(target, folder)
    assert "There are states of 1 stack here (volume)." in told
    assert "--keep-states" in told


def test_a_volume_of_another_installation_is_safe_whatever_is_said(
    folder: Path, make_empty: MakeEmpty
) -> None:
    target = make_empty()
    Volume(target.settings.state_dir).initialize()
    for keeps in (False, True):
        with pytest.raises(VolumeForeignError):
            restore_backup(target, folder, keeps_states=keeps)
    foreign = make_empty("third")
    foreign.settings.state_dir.mkdir(parents=True)
    (foreign.settings.state_dir / "photos").mkdir()
    with pytest.raises(VolumeForeignError):
        restore_backup(foreign, folder)


LATER = {
    *("instances", "state_fences", "operation_footprints"),
    *("policy_sets", "policy_set_versions", "policy_overrides", "price_sheets"),
}
"""Tables that 0040 does not have."""


def rewrite(ctx: Context, folder: Path, **changes: Any) -> None:
    """Have the manifest say something else, signed anew."""
    made: Manifest = replace(read_manifest(folder, ctx.keys), **changes)
    (folder / NAME).write_bytes(made.to_bytes(ctx.keys))


def test_a_backup_of_a_newer_release_is_refused(
    ctx: Context, folder: Path, make_empty: MakeEmpty
) -> None:
    rewrite(ctx, folder, revision="9999", version="9.0.0")
    told = refusal(make_empty(), folder)
    assert "has schema 9999, of Landform 9.0.0, which this release does not know" in told


def test_a_backup_of_an_older_release_is_migrated(
    ctx: Context, stack: Stack, folder: Path, make_empty: MakeEmpty
) -> None:
    """As one of 0040 looks: without what 0041 and later ones have added."""
    manifest = read_manifest(folder, ctx.keys)
    files, tables = dict(manifest.files), []
    for dumped in manifest.tables:
        if dumped.form.name in LATER:
            (folder / dumped.path).unlink()
            del files[dumped.path]
            continue
        if dumped.form.name == "operations":
            new = {"instance_id", "taken_over_at", "traceparent", "policy_results", "cost"}
            kept = [n for n, (name, _) in enumerate(dumped.form.columns) if name not in new]
            rows = map(json.loads, (folder / dumped.path).read_text().splitlines())
            text = "".join(json.dumps([row[n] for n in kept]) + "\n" for row in rows)
            (folder / dumped.path).write_text(text)
            digest = hashlib.sha256(text.encode()).hexdigest()
            files[dumped.path] = BackupFile(digest, len(text.encode()))
            form = TableForm("operations", tuple(dumped.form.columns[n] for n in kept))
            tables.append(DumpedTable(form, dumped.rows))
        else:
            tables.append(dumped)
    rewrite(ctx, folder, revision="0040", files=files, tables=tuple(tables))
    target = make_empty()
    restore_backup(target, folder)
    assert lines(target.db)["operations"] == lines(ctx.db)["operations"]
    prepare(target.settings, "a token of no cloud")


def test_a_damaged_backup_is_refused_and_single_states_may_be_left_out(
    ctx: Context, stack: Stack, folder: Path, make_empty: MakeEmpty
) -> None:
    target = make_empty()
    (second,) = (folder / "states" / stack.id).glob("2-*")
    second.write_bytes(b"x")
    assert "--accept-damage" in refusal(target, folder)
    users = folder / "sql" / "users.jsonl"
    whole = users.read_bytes()
    users.write_bytes(whole[:-3])
    assert "sql/users.jsonl" in refusal(target, folder, accepts_damage=True)
    users.write_bytes(whole)
    (first,) = (folder / "states" / stack.id).glob("1-*")
    first.unlink()
    done = restore_backup(target, folder, accepts_damage=True)
    assert done.states.count == 1
    assert sorted(detail.split()[1] for detail in done.warnings) == ["has", "is"]
    assert [item.serial for item in target.state_store(stack.id).versions(stack.id)] == [3]
    assert target.state_store(stack.id).current(stack.id) is not None


def test_the_newest_state_may_be_damaged_too_and_says_so_when_it_is_used(
    ctx: Context, stack: Stack, folder: Path, make_empty: MakeEmpty
) -> None:
    target = make_empty()
    (third,) = (folder / "states" / stack.id).glob("3-*")
    third.unlink()
    restore_backup(target, folder, accepts_damage=True)
    with target.read() as session:
        operation = session.scalars(select(Operation).where(Operation.stack_id == stack.id)).first()
        assert operation is not None
        store = target.store_of(session, stack.id)
        with pytest.raises(StateCorruptError):
            record.load_state(session, store, operation)


def survive(ctx: Context, target: Context) -> None:
    """Have the volume survive, and nothing else."""
    shutil.copytree(ctx.settings.state_dir, target.settings.state_dir)


def test_states_that_are_newer_than_sql_are_recovered_and_said(
    ctx: Context, stack: Stack, folder: Path, make_empty: MakeEmpty
) -> None:
    save(ctx, stack.id, 4)
    save(ctx, stack.id, 6, address="10.7.0.9")
    late = create(ctx, "late", cidr="10.8.0.0/16")
    make_ready(ctx, late)
    save(ctx, late.id, 1)
    target = make_empty()
    survive(ctx, target)
    done = restore_backup(target, folder, keeps_states=True)
    (found,) = done.settlement.recovered
    assert (found.stack_id, found.known, found.serials) == (stack.id, 3, (4, 6))
    assert done.states.unknown == [late.id]
    assert done.states.count == 0
    with target.read() as session:
        query = select(StateVersion).where(StateVersion.stack_id == stack.id)
        versions = session.scalars(query.order_by(StateVersion.serial)).all()
        assert [version.serial for version in versions] == [1, 2, 3, 4, 6]
        assert versions[-1].created_by == "landform (recovered)"
        row = session.get_one(Stack, stack.id)
        assert row.status == "needs_attention"
        assert "State 6 was found after a restore; the backup had state 3" in str(row.status_reason)
        actions = session.scalars(select(AuditEvent.action)).all()
        assert actions.count("state_version.recover") == 1
        operations = session.scalars(select(Operation).order_by(Operation.id.desc())).unique().all()
        assert (operations[0].type, operations[0].status) == ("drift_check", "pending")
    newest = target.state_store(stack.id).current(stack.id)
    assert newest is not None
    assert newest.serial == 6
    save(target, stack.id, 7)


def test_a_damaged_survivor_is_replaced_and_a_missing_one_put_back(
    ctx: Context, stack: Stack, folder: Path, make_empty: MakeEmpty
) -> None:
    target = make_empty()
    survive(ctx, target)
    versions = target.settings.state_dir / "stacks" / stack.id / "versions"
    (first,), (second,) = versions.glob("1-*"), versions.glob("2-*")
    whole = first.read_bytes()
    first.write_bytes(whole[:-1] + b"x")
    second.unlink()
    assert restore_backup(target, folder, keeps_states=True).states.count == 2
    assert first.read_bytes() == whole
    assert second.exists()


def test_a_newer_state_that_does_not_open_is_left_and_said(
    ctx: Context, stack: Stack, folder: Path, make_empty: MakeEmpty
) -> None:
    save(ctx, stack.id, 4)
    target = make_empty()
    survive(ctx, target)
    (fourth,) = (target.settings.state_dir / "stacks" / stack.id / "versions").glob("4-*")
    fourth.write_bytes(b"x")
    done = restore_backup(target, folder, keeps_states=True)
    assert done.settlement.recovered == []
    (warning,) = done.settlement.warnings
    assert warning.startswith(f"Not recovered: State 4 of {stack.id}")


def test_what_ran_at_the_moment_of_the_backup_ends_as_after_a_lost_host(
    ctx: Context, make_empty: MakeEmpty, tmp_path: Path
) -> None:
    owner = {"pid": os.getpid(), "start": 1, "boot_id": "b", "pgid": os.getpgid(0), "host": "h"}
    made: dict[str, str] = {}
    for name, columns in (
        ("planned", {"status": "planning"}),
        ("applied", {"status": "applying", "has_applied": True}),
        ("waits", {"status": "planned"}),
    ):
        stack = create(ctx, name, cidr="10.7.0.0/16")
        with ctx.read() as session:
            query = select(Operation.id).where(Operation.stack_id == stack.id)
            made[name] = session.scalars(query).one()
        started = {"started_at": utc_now(), "owner_process": owner, "process": owner}
        set_to(ctx, made[name], **started, **columns)
    create_backup(ctx, tmp_path / "b")
    target = make_empty()
    done = restore_backup(target, tmp_path / "b").settlement
    assert done.interrupted == [made["applied"]]
    assert done.queued_again == [made["planned"]]
    with target.read() as session:
        for name, status in (
            ("planned", "pending"),
            ("applied", "interrupted"),
            ("waits", "planned"),
        ):
            assert session.get_one(Operation, made[name]).status == status
        ended = session.get_one(Operation, made["applied"])
        assert ended.holds_back
        assert "The backup was made while Terraform was changing the cloud" in str(ended.error)


STEPS: list[tuple[Any, str, str]] = [
    (module, "put_states", "before"),
    (module, "put_states", "after"),
    (module, "_restore_sql", "before"),
    (module, "_restore_sql", "after"),
    (module, "settle", "before"),
    (module, "settle", "after"),
    (VolumeRestoreMark, "remove", "before"),
]


@pytest.mark.parametrize(("owner", "name", "when"), STEPS)
def test_a_restore_that_is_cut_short_anywhere_goes_on_with_the_same_command(
    ctx: Context,
    stack: Stack,
    folder: Path,
    make_empty: MakeEmpty,
    monkeypatch: pytest.MonkeyPatch,
    owner: Any,
    name: str,
    when: str,
) -> None:
    target, real = make_empty(), getattr(owner, name)

    def cut(*given: Any) -> None:
        if when == "after":
            real(*given)
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(owner, name, cut)
        with pytest.raises(UnavailableError, match="No space left"):
            restore_backup(target, folder)
    with pytest.raises(ConfigurationError, match="was not finished"):
        prepare(target.settings, "a token of no cloud")  # nothing starts on half of it
    restore_backup(target, folder)
    with target.read() as session:
        actions = session.scalars(select(AuditEvent.action)).all()
        fact = session.get_one(InstallationFact, "restore")
    assert actions.count("backup.restore") == 1
    assert fact.value["is_settled"]
    prepare(target.settings, "a token of no cloud")


def test_a_restore_of_another_backup_does_not_go_on_where_one_was_cut_short(
    ctx: Context, stack: Stack, folder: Path, make_empty: MakeEmpty, tmp_path: Path
) -> None:
    target = make_empty()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_restore_sql", _refuse)
        with pytest.raises(UnavailableError):
            restore_backup(target, folder)
    create_backup(ctx, tmp_path / "other")
    assert "A restore of another backup" in refusal(target, tmp_path / "other")


def _refuse(*_: Any) -> None:
    raise OSError(5, "Input/output error")


@pytest.mark.thorough
@pytest.mark.timeout(900)
def test_a_restore_that_is_killed_goes_on_with_the_same_command(
    ctx: Context, stack: Stack, folder: Path, make_empty: MakeEmpty
) -> None:
    command = [sys.executable, "-m", "app.cli", "backup", "restore", str(folder)]
    began = time.monotonic()
    subprocess.run(command, env=environment(make_empty("timed")), check=True)
    seconds = time.monotonic() - began
    for number in range(5):
        target = make_empty(f"killed-{number}")
        with subprocess.Popen(command, env=environment(target)) as process:
            time.sleep(seconds * (0.5 + number * 0.1))
            process.send_signal(signal.SIGKILL)
        if not (target.settings.state_dir / MARK).exists() and process.returncode == 0:
            continue  # it was faster
        again = subprocess.run(command, env=environment(target), check=False)
        # Killed after its last step, it refuses: Landform is there.
        assert again.returncode in (0, 2)
        prepare(target.settings, "a token of no cloud")
        current = target.state_store(stack.id).current(stack.id)
        assert current is not None
        assert current.serial == 3


@pytest.mark.thorough
def test_a_backup_of_sqlite_is_restored_to_postgresql_and_back(
    ctx: Context,
    stack: Stack,
    folder: Path,
    make_empty: MakeEmpty,
    tmp_path: Path,
    postgresql_server: postgresql.Server,
) -> None:
    name = postgresql_server.create_database("template0")  # nothing is in it
    try:
        middle = make_empty("pg", database_url=postgresql_server.url(name))
        restore_backup(middle, folder)
        prepare(middle.settings, "a token of no cloud")
        save(middle, stack.id, 4)
        create_backup(middle, tmp_path / "from-pg")
        back = make_empty("back", database_url="")
        done: RestoredBackup = restore_backup(back, tmp_path / "from-pg")
        assert (done.manifest.engine, done.states.count) == ("postgresql", 4)
        before = lines(middle.db)
        before["audit_events"] = [
            row for row in before["audit_events"] if done.manifest.id.encode() not in row
        ]
        assert_same(before, lines(back.db))
        middle.db.close()
    finally:
        postgresql_server.drop_database(name)


def test_states_of_a_bucket_go_into_another_bucket(
    make_empty: MakeEmpty, tmp_path: Path, moto: Moto
) -> None:
    first, second = StateBucket(moto), StateBucket(moto)
    source = make_empty("source", state_backend="s3", **first.settings)
    prepare(source.settings, "a token of no cloud")
    stack = create(source, "web", cidr="10.7.0.0/16")
    make_ready(source, stack)
    save(source, stack.id, 1)
    save(source, stack.id, 2)
    create_backup(source, tmp_path / "b")
    nowhere = make_empty("nowhere")
    with pytest.raises(LandformError, match="LANDFORM_STATE_S3_BUCKET is empty"):
        restore_backup(nowhere, tmp_path / "b")
    target = make_empty("target", state_backend="s3", **second.settings)
    restore_backup(target, tmp_path / "b")
    assert second.objects() == first.objects()
    folders = [item.settings.state_dir.exists() for item in (source, target)]
    assert folders == [False, False], "a volume is not needed for it"
    # The bucket survives, and is ahead of the backup.
    save(source, stack.id, 3)
    again = make_empty("again", state_backend="s3", **first.settings)
    assert "There are states of 1 stack here (s3)." in refusal(again, tmp_path / "b")
    done = restore_backup(again, tmp_path / "b", keeps_states=True)
    assert [item.serials for item in done.settlement.recovered] == [(3,)]


def test_a_restore_into_a_bucket_marks_it_for_every_host_and_keeps_late_writers_out(
    make_empty: MakeEmpty, tmp_path: Path, moto: Moto
) -> None:
    bucket = StateBucket(moto)
    source = make_empty("source", state_backend="s3", **bucket.settings)
    prepare(source.settings, "a token of no cloud")
    stack = create(source, "web", cidr="10.7.0.0/16")
    make_ready(source, stack)
    create_backup(source, tmp_path / "b")
    late = source.state_store(stack.id).fenced(take_fence(source, stack.id))
    late.promote(stack.id, state(1))
    target = make_empty("target", state_backend="s3", **bucket.settings)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_restore_sql", _refuse)
        with pytest.raises(UnavailableError):
            restore_backup(target, tmp_path / "b", keeps_states=True)
    third = make_empty("third", state_backend="s3", **bucket.settings)
    with pytest.raises(ConfigurationError, match="was not finished"):
        prepare(third.settings, "a token of no cloud")
    restore_backup(target, tmp_path / "b", keeps_states=True)
    prepare(target.settings, "a token of no cloud")
    newer = target.state_store(stack.id).fenced(take_fence(target, stack.id))
    newer.fence_off(stack.id)
    with pytest.raises(FenceLostError):
        late.promote(stack.id, state(2))
    assert newer.promote(stack.id, state(2)).serial == 2


def test_a_conflict_is_a_refusal_with_advice(ctx: Context, folder: Path) -> None:
    with pytest.raises(ConflictError) as caught:
        restore_backup(ctx, folder)
    assert "Name the empty database" in caught.value.advice
