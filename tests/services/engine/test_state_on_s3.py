"""Stacks whose state is kept on S3: the same life, and what happens when the bucket is in trouble.

The whole of this folder's tests runs on S3 with ``--state-backend=s3``.
"""

from __future__ import annotations

import base64
import hashlib
import json
from argparse import Namespace
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app.cli_state import export_state
from app.crypto import KeyRing
from app.domain.operations import OperationType
from app.domain.stacks import StateBackend
from app.errors import ConfigurationError
from app.models import Operation, Stack
from app.services.context import build_context
from app.services.engine.recovery import run_directories
from app.services.installation.health import check_all, record_trouble
from app.services.installation.key_rotation import key_status, rotate_keys
from app.services.installation.setup import prepare
from app.services.queue.dispatch import choose_next
from app.services.state.contents import list_resources
from app.storage.s3_errors import StateBucketMissingError
from sandbox.provider.install import install
from tests.aws_proxy import Proxy
from tests.conftest import MakeSettings
from tests.landform import NOWHERE, Landform
from tests.moto_cloud import Moto
from tests.sandbox_cloud import Cloud, Service
from tests.services.engine.conftest import numbered_account
from tests.state_bucket import StateBucket, bucket_variables

SECOND = base64.b64encode(bytes(range(32, 64))).decode()
LOCK = {"ID": "8d6b1d2e", "Who": "anna@laptop", "Created": "2026-11-20T08:15:30Z", "Info": ""}


@pytest.fixture
def bucket(moto: Moto) -> StateBucket:
    return StateBucket(moto)


@pytest.fixture
def proxy(moto: Moto) -> Iterator[Proxy]:
    """A proxy before S3, through which Landform goes."""
    proxy = Proxy(moto.port)
    yield proxy
    proxy.close()


@pytest.fixture
def landform(
    make_prepared_settings: MakeSettings,
    sandbox_service: Service,
    bucket: StateBucket,
    proxy: Proxy,
) -> Iterator[Landform]:
    """A Landform that keeps the state of new stacks in the bucket."""
    place = {**bucket.settings, "state_backend": "s3", "state_s3_endpoint": proxy.endpoint}
    settings = make_prepared_settings(redis_url=NOWHERE, sandbox_port=sandbox_service.port, **place)
    install(settings.sandbox_mirror)
    token = sandbox_service.make_account(numbered_account())
    made = Landform(settings, Cloud(sandbox_service.endpoint, token))
    yield made
    made.close()


def go_on_volume(landform: Landform) -> None:
    """Have new stacks on the volume, as after a change of the setting."""
    changed = landform.settings.model_copy(update={"state_backend": "volume"})
    landform.use(replace(landform.ctx, settings=changed))


def error_of(operation: Operation) -> tuple[str, str]:
    return operation.status, (operation.error or {}).get("code", "")


def chosen(landform: Landform) -> str | None:
    """Return the operation whose turn it is."""
    found = choose_next(landform.ctx)
    return found.id if found else None


def lock_key(stack: Stack) -> str:
    return f"landform/stacks/{stack.id}/terraform.tfstate.tflock"


def test_a_stack_lives_and_ends_with_its_state_in_the_bucket(
    landform: Landform, bucket: StateBucket
) -> None:
    stack = landform.made("network", "net", parameters={"zones": 2})
    assert stack.state_backend == StateBackend.S3
    (version,) = landform.state_versions(stack)
    start = f"landform/stacks/{stack.id}"
    assert bucket.names() == [
        "landform/installation.json",
        f"{start}/terraform.tfstate",
        f"{start}/versions/{version.serial}-{version.sha256}.tfstate",
    ]
    assert not (landform.settings.state_dir / "stacks" / stack.id / "current").exists()
    assert len(list_resources(landform.ctx, stack.id)) == 3
    assert landform.perform(stack, OperationType.DRIFT_CHECK).status == "planned_and_finished"
    assert landform.perform(stack, OperationType.DESTROY).status == "applied"
    assert landform.stack(stack.id).status == "deleted"
    assert version.serial in [item.serial for item in landform.state_versions(stack)]
    assert lock_key(stack) not in bucket.names()


@pytest.mark.thorough
def test_stacks_on_the_volume_and_on_s3_live_side_by_side(landform: Landform) -> None:
    landform.made("network", "net", parameters={"zones": 1})
    go_on_volume(landform)
    bucket = landform.made("bucket", "media")
    assert bucket.state_backend == StateBackend.VOLUME
    assert (landform.settings.state_dir / "stacks" / bucket.id / "current").exists()
    group = landform.made("machine-group", "workers", parameters={"network": "net"})
    assert landform.perform(group, OperationType.PLAN).status == "planned_and_finished"


@pytest.mark.thorough
def test_operations_on_s3_wait_while_the_bucket_is_away_and_others_go_on(
    landform: Landform, bucket: StateBucket
) -> None:
    stack = landform.made("network", "net", parameters={"zones": 1})
    bucket.set_versioning("Suspended")
    landform.use(build_context(landform.settings))  # another process, which knows nothing yet
    waiting = landform.perform(stack, OperationType.PLAN)
    assert (waiting.status, waiting.steps) == ("pending", [])
    record_trouble(landform.ctx)
    reason = landform.waiting_for(waiting)
    assert reason is not None
    assert (reason["reason"], reason["code"]) == ("state_bucket", "state_bucket_unversioned")
    assert chosen(landform) is None
    go_on_volume(landform)
    _, other = landform.create("bucket", "media")
    assert landform.waiting_for(other) != reason
    assert chosen(landform) == other.id
    bucket.set_versioning("Enabled")
    record_trouble(landform.ctx)
    assert chosen(landform) in {waiting.id, other.id}
    assert landform.carry_out(waiting).status == "planned_and_finished"


@pytest.mark.thorough
def test_a_state_that_s3_does_not_take_is_saved_once_it_does(
    landform: Landform, bucket: StateBucket, proxy: Proxy
) -> None:
    stack, operation = landform.create("network", "net", parameters={"zones": 1})
    proxy.fail("PUT */versions/*", 403, "AccessDenied", times=1000)
    done = landform.carry_out(operation)
    assert error_of(done) == ("errored", "state_unsaved")
    assert "AccessDenied" in (done.error or {})["detail"]
    again = landform.request(stack, OperationType.APPLY)
    assert landform.carry_out(again).status == "pending", "the state is saved first"
    run_directories.save_unsaved(landform.ctx)
    assert landform.operation(operation.id).has_unsaved_state
    proxy.rules.clear()
    run_directories.save_unsaved(landform.ctx)
    assert not landform.operation(operation.id).has_unsaved_state
    known = {item.id for item in list_resources(landform.ctx, stack.id)}
    assert known == {item["id"] for item in landform.cloud.list()}
    assert landform.carry_out(again).status == "planned_and_finished"


@pytest.mark.thorough
def test_faults_on_the_way_are_noted_and_lose_nothing(landform: Landform, proxy: Proxy) -> None:
    landform.cloud.set_faults(create_delay_seconds=1)
    proxy.fail("PUT */versions/*", 503, "SlowDown", times=2)
    _, operation = landform.create("network", "net", parameters={"zones": 1})
    assert landform.carry_out(operation).status == "applied"
    told = [text for text in landform.messages(operation) if "snapshot" in text]
    assert len(told) == 1
    assert "SlowDown" in told[0]


@pytest.mark.thorough
def test_a_person_with_plain_terraform_on_the_state_keeps_operations_out(
    landform: Landform, bucket: StateBucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.services.engine.run.LOCK_WAIT_SECONDS", 0)
    stack = landform.made("network", "net", parameters={"zones": 1})
    bucket.write(lock_key(stack), json.dumps(LOCK).encode())
    for kind in (OperationType.APPLY, OperationType.DRIFT_CHECK):
        done = landform.perform(stack, kind)
        assert error_of(done) == ("errored", "state_locked_elsewhere")
        assert "anna@laptop" in (done.error or {})["detail"]
    assert landform.stack(stack.id).status == "ready"
    bucket.remove(lock_key(stack))
    assert landform.perform(stack, OperationType.APPLY).status == "planned_and_finished"


@pytest.mark.thorough
def test_a_rotation_of_keys_reaches_the_bucket(landform: Landform, bucket: StateBucket) -> None:
    stack = landform.made("network", "net", parameters={"zones": 1})
    (version,) = landform.state_versions(stack)
    first = landform.settings.encryption_keys.get_secret_value()
    both = replace(landform.ctx, keys=KeyRing.parse(f"k2:{SECOND},{first}"))
    name = "state versions in the bucket"
    (before,) = (item for item in key_status(both).places if item.place == name)
    assert before.by_key == {"k1": 1}
    (after,) = (item for item in rotate_keys(both).places if item.place == name)
    assert (after.by_key, after.rewrapped, after.unreadable) == ({"k2": 1}, 1, [])
    alone = replace(landform.ctx, keys=KeyRing.parse(f"k2:{SECOND}"))
    assert alone.state_store(stack.id).read(stack.id, version.serial, version.sha256)
    damaged = next(key for key in bucket.names() if "/versions/" in key)
    bucket.write(damaged, b"LFE1 is not all")
    (told,) = (item for item in rotate_keys(both).places if item.place == name)
    assert told.by_key == {"(damaged)": 1}
    assert damaged in told.unreadable[0]


def test_the_bucket_is_a_part_of_readiness(landform: Landform, bucket: StateBucket) -> None:
    def checked() -> Any:
        ctx = build_context(landform.settings)
        (found,) = (item for item in check_all(ctx) if item.name == "state_bucket")
        ctx.db.close()
        return found

    assert (checked().is_ok, checked().detail) == (True, bucket.place.bucket)
    bucket.set_versioning("Suspended")
    assert (checked().is_ok, checked().code) == (False, "state_bucket_unversioned")


@pytest.mark.thorough
def test_a_state_is_written_out_of_the_bucket_on_a_host_that_never_had_a_volume(
    landform: Landform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack = landform.made("network", "net", parameters={"zones": 1})
    (version,) = landform.state_versions(stack)
    known = {
        "LANDFORM_ENV": "test",
        "LANDFORM_HOME": str(tmp_path / "rescue"),
        "LANDFORM_SECRET_KEY": landform.settings.secret_key.get_secret_value(),
        "LANDFORM_ENCRYPTION_KEYS": landform.settings.encryption_keys.get_secret_value(),
        **bucket_variables(landform.settings),
    }
    for name, value in known.items():
        monkeypatch.setenv(name, value)
    target = tmp_path / "rescued.tfstate"
    assert export_state(Namespace(stack=stack.id, serial=None, output=target)) == 0
    assert hashlib.sha256(target.read_bytes()).hexdigest() == version.sha256
    assert not (tmp_path / "rescue").exists()


def test_without_the_setting_stacks_on_s3_are_refused_and_landform_does_not_start(
    landform: Landform,
) -> None:
    stack = landform.made("network", "net", parameters={"zones": 1})
    bare = landform.settings.model_copy(update={"state_s3_bucket": "", "state_backend": "volume"})
    with pytest.raises(ConfigurationError, match=r"LANDFORM_STATE_S3_BUCKET .* 1 stack\."):
        prepare(bare)
    landform.use(build_context(bare))
    with pytest.raises(StateBucketMissingError):
        list_resources(landform.ctx, stack.id)
    assert landform.perform(stack, OperationType.APPLY).status == "pending"
