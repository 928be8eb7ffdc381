"""A manifest is read as it was written, by whoever has the key ring, and by nobody else."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.crypto import KeyRing
from app.errors import ConflictError
from app.services.backup.manifest import (
    NAME,
    BackupFile,
    DumpedTable,
    Manifest,
    NamedVersion,
    read_manifest,
)
from app.services.backup.tables import TableForm
from tests.conftest import ENCRYPTION_KEYS

KEYS = KeyRing.parse(ENCRYPTION_KEYS)
MANIFEST = Manifest(
    id="bkp_1",
    created_at="2026-11-30T20:00:00.000Z",
    version="1.0.0",
    revision="0041",
    engine="sqlite",
    volume_id="vol_1",
    tables=(DumpedTable(TableForm("users", (("id", "text"),)), 2),),
    files={"sql/users.jsonl": BackupFile("a" * 64, 7)},
    keys=KEYS.fingerprints(),
    pruned=(NamedVersion("stk_1", 1, "b" * 64),),
    damaged=(NamedVersion("stk_1", 2, "c" * 64),),
)


def test_it_is_read_as_it_was_written(tmp_path: Path) -> None:
    (tmp_path / NAME).write_bytes(MANIFEST.to_bytes(KEYS))
    assert read_manifest(tmp_path, KEYS) == MANIFEST


def test_every_changed_byte_is_seen(tmp_path: Path) -> None:
    whole = MANIFEST.to_bytes(KEYS)
    for place in range(0, len(whole) - 1, 7):
        changed = bytearray(whole)
        changed[place] ^= 2
        (tmp_path / NAME).write_bytes(changed)
        with pytest.raises(ConflictError):
            read_manifest(tmp_path, KEYS)


def test_a_table_that_is_not_in_it_is_said() -> None:
    assert MANIFEST.table("users").path == "sql/users.jsonl"
    with pytest.raises(ConflictError, match="no table stacks"):
        MANIFEST.table("stacks")
