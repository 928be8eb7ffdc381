"""How long a backup of a fleet takes to make, to verify and to restore, and how large it is."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from sqlalchemy import func, insert, select

from app.clock import utc_now
from app.config.settings import Settings
from app.domain import ids
from app.domain.state_file import StateFile
from app.models import Operation, OperationEvent, Stack, StateVersion
from app.services.backup.create import create_backup
from app.services.backup.restore import restore_backup
from app.services.backup.verify import verify_backup
from app.services.context import Context, build_context
from app.services.installation.setup import prepare
from app.storage.sealed_states import VolumeSealedStates
from app.storage.state_format import StoredState, seal_version
from tests.bench.fleet import fill
from tests.conftest import ENCRYPTION_KEYS, SECRET_KEY
from tests.landform import NOWHERE

VERSIONS = 2
STATE_BYTES = 12_000
EVENTS = 20
CHUNK = 500


def backup_rows(folder: Path, stacks: int) -> dict[str, str]:
    """Return what was measured with a fleet of this size, on SQLite and the volume."""
    folder.mkdir(parents=True)
    source, target = _context(folder / "source"), _context(folder / "target")
    with closing(source.db), closing(target.db):
        prepare(source.settings, "a token of no cloud")
        fill(source, stacks)
        add_history(source)
        backup = folder / "backup"
        made = _seconds(lambda: create_backup(source, backup))
        size = sum(path.stat().st_size for path in backup.rglob("*") if path.is_file())
        checked = _seconds(lambda: _require(verify_backup(source.keys, backup).is_whole))
        restored = _seconds(lambda: restore_backup(target, backup))
        assert count(target) == count(source)
    shutil.rmtree(folder)
    load = os.getloadavg()[0]
    what = f"backup of {stacks:,} stacks with {VERSIONS} states and {EVENTS} events each"
    return {
        f"{what}: create": f"{made:.0f} s, {size / 1e6:.0f} MB (load average {load:.1f})",
        f"{what}: verify": f"{checked:.0f} s",
        f"{what}: restore, which verifies first": f"{restored:.0f} s",
    }


def add_history(ctx: Context) -> None:
    """Give every stack its states on the volume, and events of its operation."""
    volume = ctx.volume()
    states = VolumeSealedStates(volume)
    with ctx.db.read() as session:
        found = session.execute(select(Operation.stack_id, Operation.id)).all()
    for start in range(0, len(found), CHUNK):
        versions: list[dict[str, Any]] = []
        events: list[dict[str, Any]] = []
        for stack_id, operation_id in found[start : start + CHUNK]:
            for serial in range(1, VERSIONS + 1):
                stored, data = _state(serial)
                sealed = seal_version(ctx.keys, stack_id, serial, data)
                states.put(stack_id, serial, stored.sha256, sealed)
                versions.append(_version_row(stack_id, operation_id, stored))
            states.point_to(stack_id, stored)
            events += [_event_row(operation_id, number) for number in range(EVENTS)]
        with ctx.db.write() as session:
            session.execute(insert(StateVersion), versions)
            session.execute(insert(OperationEvent), events)
    states.sync()


def count(ctx: Context) -> tuple[int, ...]:
    """Return how many stacks, states and events there are."""
    with ctx.db.read() as session:
        return tuple(
            session.scalar(select(func.count()).select_from(model)) or 0
            for model in (Stack, StateVersion, OperationEvent)
        )


def _state(serial: int) -> tuple[StoredState, bytes]:
    document = {
        "version": 4,
        "terraform_version": "1.9.0",
        "serial": serial,
        "lineage": "8d1a5d3e-0000-4000-8000-000000000000",
        "resources": [],
        "outputs": {"noise": {"value": os.urandom(STATE_BYTES // 2).hex(), "type": "string"}},
    }
    data = json.dumps(document).encode()
    return StoredState.describe(StateFile.parse(data), data), data


def _version_row(stack_id: str, operation_id: str, stored: StoredState) -> dict[str, Any]:
    return {
        "id": ids.new_id(ids.STATE_VERSION),
        "stack_id": stack_id,
        "serial": stored.serial,
        "lineage": stored.lineage,
        "sha256": stored.sha256,
        "size_bytes": stored.size_bytes,
        "terraform_version": stored.terraform_version,
        "operation_id": operation_id,
        "created_at": utc_now(),
        "created_by": "admin",
        "has_keys": True,
    }


def _event_row(operation_id: str, number: int) -> dict[str, Any]:
    return {
        "operation_id": operation_id,
        "at": utc_now(),
        "type": "apply_complete",
        "level": "info",
        "message": f"sandbox_subnet.zone[{number}]: Creation complete after 0s",
        "data": {"address": f"sandbox_subnet.zone[{number}]", "action": "create"},
    }


def _context(home: Path) -> Context:
    keys = {"secret_key": SecretStr(SECRET_KEY), "encryption_keys": SecretStr(ENCRYPTION_KEYS)}
    settings = Settings(env="test", home=home, redis_url=NOWHERE, ballast_bytes=0, **keys)
    return build_context(settings)


def _require(is_so: bool) -> None:
    assert is_so


def _seconds(work: Callable[[], object]) -> float:
    began = time.monotonic()
    work()
    return time.monotonic() - began
