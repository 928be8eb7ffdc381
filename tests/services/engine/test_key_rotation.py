"""A newer key takes over everything that is sealed, while work goes on, and nothing ever closes."""

from __future__ import annotations

import base64
import hashlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import LargeBinary

from app.crypto import KeyRing
from app.domain.operations import AutoApply, OperationType
from app.errors import ConfigurationError, DecryptionError, LandformError
from app.models import Base, CloudAccount, Operation, Stack, StoredPlan
from app.services import idempotency
from app.services.access import Principal
from app.services.context import Context
from app.services.idempotency import Reply, RequestIdentity
from app.services.installation.health import record_scheduler_beat
from app.services.installation.key_rotation import KeyReport, key_status, rotate_keys
from app.services.operations import control, queries
from app.services.secrets import open_credentials, open_parameters
from app.services.stacks.upgrade import open_preview, request_upgrade
from app.services.work import perform
from tests.landform import ADMIN, Landform

pytestmark = pytest.mark.thorough

ROOT = Path(__file__).parents[3]
SECOND = base64.b64encode(bytes(range(32, 64))).decode()


def with_ring(ctx: Context, text: str) -> Context:
    """Return the same Landform as a process with another LANDFORM_ENCRYPTION_KEYS sees it."""
    return replace(ctx, keys=KeyRing.parse(text))


# Places that the stacks below do not fill: no sensitive output, no drift, no webhook.
NOT_FILLED_HERE = {
    "second_factors.sealed_secret",
    "stack_outputs.sealed_value",
    *("operation_plans.sealed_transition", "stack_agreements.sealed_agreement"),
    *("webhooks.sealed_url", "webhooks.sealed_secret", "webhooks.sealed_previous_secret"),
}


def rings(landform: Landform) -> tuple[str, str]:
    """Return the ring after a new key was added, and the one without the old key."""
    first = landform.settings.encryption_keys.get_secret_value()
    return f"k2:{SECOND},{first}", f"k2:{SECOND}"


@pytest.fixture
def group(landform: Landform, network: Stack) -> Stack:
    """A stack with a sensitive parameter, states and plans."""
    return landform.made(
        "machine-group", "workers", parameters={"network": "net", "user_data": "canary-key-a1"}
    )


def place(report: KeyReport, name: str) -> Any:
    (found,) = [item for item in report.places if item.place == name]
    return found


def keep_an_answer(ctx: Context) -> RequestIdentity:
    request = RequestIdentity.of(Principal("usr_test", "test"), "key-1", "POST", "/x", b"{}")
    idempotency.perform_once(ctx, request, lambda _: Reply(201, {"kept": "canary-key-b2"}, {}))
    return request


def preview_an_upgrade(landform: Landform, group: Stack) -> Operation:
    """Queue a plan that looks at other parameters than its stack has."""
    with perform(landform.ctx, ADMIN) as work:
        _, operation = request_upgrade(
            work,
            group.id,
            OperationType.PLAN,
            group.blueprint_version,
            {"user_data": "canary-key-c3"},
        )
        return operation


def read_everything(ctx: Context, group: Stack) -> None:
    """Open what is sealed in every place, as the processes of a running Landform do."""
    store = ctx.state_store(group.id)
    for version in store.versions(group.id):
        store.read(group.id, version.serial, version.sha256)
    with ctx.read() as session:
        stack = session.get_one(Stack, group.id)
        assert open_parameters(ctx.keys, stack) == {"user_data": "canary-key-a1"}
        assert open_credentials(ctx.keys, stack.cloud_account)["token"]


def test_every_sealed_column_of_the_models_is_found(landform: Landform) -> None:
    binary = {
        f"{table.name}.{column.name}"
        for table in Base.metadata.sorted_tables
        for column in table.columns
        if isinstance(column.type, LargeBinary)
    }
    assert binary
    assert binary <= {item.place for item in key_status(landform.ctx).places}


def test_a_rotation_puts_everything_under_the_newest_key_and_frees_the_old_one(
    landform: Landform, group: Stack
) -> None:
    request = keep_an_answer(landform.ctx)
    preview = preview_an_upgrade(landform, group)
    _, parked = landform.create("network", "parked", auto_apply=AutoApply.NEVER)
    assert landform.carry_out(parked).status == "planned"
    both, newest = rings(landform)
    before = key_status(with_ring(landform.ctx, both))
    assert set(before.in_use) == {"k1"}
    assert {item.place for item in before.places if not item.by_key["k1"]} <= NOT_FILLED_HERE
    report = rotate_keys(with_ring(landform.ctx, both))
    assert report.outdated == 0
    assert sum(item.rewrapped for item in report.places) == before.in_use.total()
    assert (report.unused, report.missing) == (("k1",), ())
    alone = with_ring(landform.ctx, newest)
    read_everything(alone, group)
    with alone.read() as session:
        opened = open_preview(alone, session, session.get_one(Operation, preview.id))
    assert opened is not None
    assert opened.parameters["user_data"] == "canary-key-c3"
    kept = idempotency.perform_once(alone, request, lambda _: pytest.fail("it was answered before"))
    assert kept.body == {"kept": "canary-key-b2"}
    again = rotate_keys(with_ring(landform.ctx, both))
    assert sum(item.rewrapped for item in again.places) == 0, "a second rotation does nothing"


def test_a_plan_that_waits_is_applied_after_its_key_was_replaced(landform: Landform) -> None:
    stack, operation = landform.create("network", "web", auto_apply=AutoApply.NEVER)
    landform.carry_out(operation)
    both, newest = rings(landform)
    assert place(rotate_keys(with_ring(landform.ctx, both)), "runs waiting for approval").rewrapped
    landform.use(with_ring(landform.ctx, newest))
    with perform(landform.ctx, ADMIN) as work:
        control.approve(work, operation.id)
    assert landform.carry_out(operation).status == "applied"
    assert landform.stack(stack.id).status == "ready"


def test_work_goes_on_while_keys_are_rotated(landform: Landform, group: Stack) -> None:
    both, newest = rings(landform)
    rotated: list[KeyReport] = []
    landform.use(with_ring(landform.ctx, both))
    stop = threading.Event()

    def rotate_all_the_time() -> None:
        # Alternately to the one and to the other key, so that there is always something to do.
        old_first = ",".join(reversed(both.split(",")))
        while not stop.is_set():
            rotated.extend(rotate_keys(with_ring(landform.ctx, ring)) for ring in (both, old_first))

    thread = threading.Thread(target=rotate_all_the_time)
    thread.start()
    try:
        for number in range(2):
            landform.made("bucket", f"media-{number}")
            read_everything(landform.ctx, group)
    finally:
        stop.set()
        thread.join()
    assert sum(item.rewrapped for report in rotated for item in report.places) > 50
    assert [line for report in rotated for item in report.places for line in item.unreadable] == []
    final = rotate_keys(landform.ctx)
    assert (final.outdated, final.unused) == (0, ("k1",))
    landform.use(with_ring(landform.ctx, newest))
    landform.made("bucket", "after")


def test_a_reader_never_meets_a_closed_object_while_keys_are_rotated(
    landform: Landform, group: Stack
) -> None:
    both, _ = rings(landform)
    old_first = ",".join(reversed(both.split(",")))
    reader = with_ring(landform.ctx, both)
    stop = threading.Event()
    troubles: list[LandformError] = []

    def read_all_the_time() -> None:
        try:
            while not stop.is_set():
                read_everything(reader, group)
        except LandformError as error:
            troubles.append(error)

    thread = threading.Thread(target=read_all_the_time)
    thread.start()
    for _ in range(6):
        for ring in (both, old_first):
            assert rotate_keys(with_ring(landform.ctx, ring)).outdated == 0
    stop.set()
    thread.join()
    assert troubles == []


@pytest.fixture
def command(landform: Landform) -> Callable[..., subprocess.Popen[str]]:
    """Return a starter of the command ``landform`` with a key ring."""

    def start(name: str, ring: str, *more: str) -> subprocess.Popen[str]:
        database, nowhere = landform.settings.database, "sqlite:////nonexistent/landform.db"
        environment = {
            **os.environ,
            "LANDFORM_ENV": "test",
            "LANDFORM_HOME": str(landform.settings.home_dir),
            "LANDFORM_DATABASE_URL": nowhere if name == "state export" else database,
            "LANDFORM_SECRET_KEY": landform.settings.secret_key.get_secret_value(),
            "LANDFORM_ENCRYPTION_KEYS": ring,
        }
        return subprocess.Popen(
            [sys.executable, "-m", "app.cli", *name.split(), *more],
            cwd=ROOT,
            env=environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    return start


def test_the_commands_tell_what_is_used_and_what_can_go(
    landform: Landform, group: Stack, command: Any
) -> None:
    both, newest = rings(landform)
    with command("keys status", both) as told:
        out, _ = told.communicate()
    assert told.returncode == 0
    assert "objects are not under k2: run `landform admin keys rotate`" in out
    with command("keys rotate", both) as told:
        out, _ = told.communicate()
    assert (told.returncode, "Key k1 is used by nothing any more" in out) == (0, True)
    assert SECOND not in out
    with command("keys status", newest.replace("k2", "k3")) as told:
        out, _ = told.communicate()
    assert (told.returncode, "Key k2 is needed and not in the ring" in out) == (1, True)


def test_a_state_is_written_out_from_the_volume_and_the_key_ring_alone(
    landform: Landform, network: Stack, command: Any
) -> None:
    (version,) = landform.state_versions(network)
    ring = landform.settings.encryption_keys.get_secret_value()
    for serial in ([], ["--serial", str(version.serial)]):
        with command("state export", ring, network.id, *serial) as told:
            out, words = told.communicate()
        assert told.returncode == 0, words
        assert hashlib.sha256(out.encode()).hexdigest() == version.sha256
        assert "It holds secrets" in words
    with command("state export", ring, network.id, "--serial", "99") as told:
        out, words = told.communicate()
    assert (told.returncode, out, "[not_found]" in words) == (2, "", True)
    target = landform.settings.home_dir / "rescued.tfstate"
    for code in (0, 2):  # never over a file that is there
        with command("state export", ring, network.id, "-o", str(target)) as told:
            out, words = told.communicate()
        assert (told.returncode, out) == (code, ""), words
        assert hashlib.sha256(target.read_bytes()).hexdigest() == version.sha256
        assert target.stat().st_mode & 0o777 == 0o600
    with command("state export", f"k2:{SECOND}", network.id) as told:
        out, words = told.communicate()
    assert (told.returncode, out, "[state_corrupt]" in words) == (2, "", True)


def test_a_rotation_that_is_killed_leaves_everything_readable_and_is_finished_by_the_next(
    landform: Landform, group: Stack, command: Any
) -> None:
    both, newest = rings(landform)
    for number in range(4):
        landform.made("bucket", f"media-{number}")
    started = 0.4
    for _ in range(6):
        with command("keys rotate", both) as process:
            try:
                process.wait(started)
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
            process.communicate()
        read_everything(with_ring(landform.ctx, both), group)
        started += 0.15
    assert rotate_keys(with_ring(landform.ctx, both)).outdated == 0
    read_everything(with_ring(landform.ctx, newest), group)


def test_a_key_that_the_running_processes_do_not_know_is_refused(
    landform: Landform, group: Stack
) -> None:
    both, _ = rings(landform)
    record_scheduler_beat(landform.ctx)
    with pytest.raises(ConfigurationError, match="does not know key 'k2'") as caught:
        rotate_keys(with_ring(landform.ctx, both))
    assert "Restart" in caught.value.advice
    assert set(key_status(landform.ctx).in_use) == {"k1"}
    record_scheduler_beat(with_ring(landform.ctx, both))
    assert rotate_keys(with_ring(landform.ctx, both)).outdated == 0


@pytest.mark.parametrize("cut", [0, 3, 40])
def test_a_damaged_object_is_named_kept_and_stops_nothing(
    landform: Landform, group: Stack, cut: int
) -> None:
    both, _ = rings(landform)
    with landform.ctx.write() as session:
        row = session.get_one(Stack, group.id)
        assert row.sealed_parameters is not None
        damaged = bytes([row.sealed_parameters[cut] ^ 1])
        row.sealed_parameters = (
            row.sealed_parameters[:cut] + damaged + row.sealed_parameters[cut + 1 :]
        )
        kept = row.sealed_parameters
    report = rotate_keys(with_ring(landform.ctx, both))
    (line,) = place(report, "stacks.sealed_parameters").unreadable
    assert group.id in line
    assert report.outdated == 1
    assert landform.stack(group.id).sealed_parameters == kept
    with landform.ctx.read() as session:
        for account in session.query(CloudAccount):
            assert open_credentials(KeyRing.parse(rings(landform)[1]), account)["token"]


def flipped(sealed: bytes | None) -> bytes:
    assert sealed is not None
    return sealed[:-1] + bytes([sealed[-1] ^ 1])


@pytest.mark.parametrize("what", ["parameters", "credentials"])
def test_a_flipped_bit_in_what_an_operation_needs_ends_it_with_a_typed_error(
    landform: Landform, group: Stack, what: str
) -> None:
    with landform.ctx.write() as session:
        stack = session.get_one(Stack, group.id)
        if what == "parameters":
            stack.sealed_parameters = flipped(stack.sealed_parameters)
        else:
            stack.cloud_account.sealed_credentials = flipped(stack.cloud_account.sealed_credentials)
    done = landform.perform(group, OperationType.PLAN)
    assert (done.status, (done.error or {})["code"]) == ("errored", "decryption_failed")
    assert not landform.ctx.runs.of(done.id).exists


def test_a_flipped_bit_in_a_kept_plan_is_a_typed_error(landform: Landform, network: Stack) -> None:
    with landform.ctx.write() as session:
        plan = session.query(StoredPlan).first()
        assert plan is not None
        plan.sealed_changes = flipped(plan.sealed_changes)
    with landform.ctx.read() as session, pytest.raises(DecryptionError):
        queries.plan_of(landform.ctx, session, ADMIN, plan.operation_id)
