"""The manifest of a backup: what is in it, signed, so that nothing can be changed unseen.

Written as the last file: a folder without it is no backup. It holds fingerprints of the encryption
keys that the backup needs, never a key.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.crypto import KeyRing
from app.errors import ConflictError, DecryptionError
from app.services.backup.tables import TableForm

FORMAT = 1
NAME = "manifest.json"
PURPOSE = "backup manifest"
USE_ANOTHER = "Use another backup; this one proves nothing."


@dataclass(frozen=True, order=True)
class NamedVersion:
    """A state version by what SQL says of it."""

    stack_id: str
    serial: int
    sha256: str

    @property
    def path(self) -> str:
        """Its file in a backup."""
        return f"states/{self.stack_id}/{self.serial}-{self.sha256}.tfstate"


@dataclass(frozen=True)
class BackupFile:
    """What a file of a backup must be."""

    sha256: str
    size_bytes: int


@dataclass(frozen=True)
class DumpedTable:
    """A table in a backup, and how many rows it has."""

    form: TableForm
    rows: int

    @property
    def path(self) -> str:
        """Its file in a backup."""
        return f"sql/{self.form.name}.jsonl"


@dataclass(frozen=True)
class Manifest:
    """What is in a backup.

    Attributes:
        id: of this backup.
        created_at: when SQL was as it is in it (RFC 3339).
        version: of the Landform that made it.
        revision: of its schema.
        engine: of its database.
        volume_id: of its state volume.
        tables: in the order in which rows can be inserted.
        files: by their path.
        keys: fingerprints of the keys that it needs.
        pruned: versions that SQL names and that retention removed while it was made.
        damaged: versions that were missing, or did not open, where they are kept.
    """

    id: str
    created_at: str
    version: str
    revision: str
    engine: str
    volume_id: str
    tables: tuple[DumpedTable, ...]
    files: Mapping[str, BackupFile]
    keys: tuple[str, ...]
    pruned: tuple[NamedVersion, ...] = ()
    damaged: tuple[NamedVersion, ...] = ()

    def to_bytes(self, keys: KeyRing) -> bytes:
        """Return it as a signed document."""
        body = {
            "format": FORMAT,
            "id": self.id,
            "created_at": self.created_at,
            "version": self.version,
            "revision": self.revision,
            "engine": self.engine,
            "volume_id": self.volume_id,
            "tables": [{**item.form.to_dict(), "rows": item.rows} for item in self.tables],
            "files": {
                path: {"sha256": item.sha256, "size_bytes": item.size_bytes}
                for path, item in sorted(self.files.items())
            },
            "keys": list(self.keys),
            "pruned": [_version_to_list(item) for item in self.pruned],
            "damaged": [_version_to_list(item) for item in self.damaged],
        }
        key_id, signature = keys.sign(_signed(body), PURPOSE)
        told = {"manifest": body, "sha256": _digest(body)}
        return json.dumps({**told, "key": key_id, "signature": signature}).encode() + b"\n"

    def table(self, name: str) -> DumpedTable:
        """Return one table.

        Raises:
            ConflictError: the backup has none of this name.
        """
        for item in self.tables:
            if item.form.name == name:
                return item
        raise ConflictError(f"The backup has no table {name}.", advice=USE_ANOTHER)


def read_manifest(folder: Path, keys: KeyRing) -> Manifest:
    """Return the manifest of a backup, once its signature is checked.

    Raises:
        ConflictError: there is none, it is cut short, it was changed, or the key that signed it is
            not in the ring of this host.
    """
    try:
        data = (folder / NAME).read_bytes()
    except OSError as error:
        raise ConflictError(
            f"{folder} has no readable {NAME} ({error.strerror}): it is no backup, or was never "
            "finished.",
            advice=USE_ANOTHER,
        ) from error
    try:
        told = json.loads(data)
        body, digest = told["manifest"], told["sha256"]
        key_id, signature = told["key"], told["signature"]
        is_whole = _digest(body) == digest and body["format"] == FORMAT
        found = _parse(body) if is_whole else None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        found = None
    if found is None:
        raise ConflictError(
            f"{NAME} is cut short or was changed ({len(data)} bytes).", advice=USE_ANOTHER
        )
    try:
        is_genuine = keys.is_signed(_signed(body), PURPOSE, str(key_id), str(signature))
    except DecryptionError as error:
        raise ConflictError(
            f"{NAME} was signed with key {key_id!r}, which is not in LANDFORM_ENCRYPTION_KEYS.",
            advice="Give this host the key ring of the time of the backup.",
        ) from error
    if not is_genuine:
        raise ConflictError(
            f"{NAME} was changed, or signed with another key named {key_id!r} than this host has.",
            advice=USE_ANOTHER,
        )
    return found


def _parse(body: Mapping[str, Any]) -> Manifest:
    return Manifest(
        id=body["id"],
        created_at=body["created_at"],
        version=body["version"],
        revision=body["revision"],
        engine=body["engine"],
        volume_id=body["volume_id"],
        tables=tuple(
            DumpedTable(TableForm.from_dict(item), item["rows"]) for item in body["tables"]
        ),
        files={
            path: BackupFile(item["sha256"], item["size_bytes"])
            for path, item in body["files"].items()
        },
        keys=tuple(body["keys"]),
        pruned=tuple(NamedVersion(*item) for item in body["pruned"]),
        damaged=tuple(NamedVersion(*item) for item in body["damaged"]),
    )


def _version_to_list(item: NamedVersion) -> list[Any]:
    return [item.stack_id, item.serial, item.sha256]


def _signed(body: Any) -> bytes:
    return json.dumps(body, sort_keys=True, separators=(",", ":")).encode()


def _digest(body: Any) -> str:
    return hashlib.sha256(_signed(body)).hexdigest()
