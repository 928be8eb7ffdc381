"""What ``landform admin state`` does on disaster days, with the states and the key ring alone."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path

from app.clock import utc_now
from app.config.settings import Settings
from app.crypto import KeyRing
from app.domain.state_errors import StateCorruptError
from app.errors import ConflictError, NotFoundError
from app.services.context import LOCKS
from app.services.state_bucket import open_state_bucket
from app.storage.durable import write_synced
from app.storage.s3_errors import StateMovedError
from app.storage.s3_lock import LockTerms
from app.storage.s3_state_store import S3StateStore
from app.storage.state_store import StateStore
from app.storage.volume import Volume
from app.storage.volume_errors import VolumeError
from app.storage.volume_state_store import VolumeStateStore


def export_state(chosen: argparse.Namespace) -> int:
    """Write a state in plain text to a new file or standard output, from where it is kept.

    For disaster days: it needs the key ring, and asks neither the database nor Redis.
    """
    settings = Settings.from_env()
    store = _store_with(settings, chosen.stack)
    serial, sha256 = _find_version(store, chosen.stack, chosen.serial)
    data = store.read(chosen.stack, serial, sha256)
    if chosen.output is not None:
        write_new_file(chosen.output, data)
    else:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    print(f"Serial {serial} of {chosen.stack}, verified. It holds secrets.", file=sys.stderr)
    return 0


def _store_with(settings: Settings, stack_id: str) -> StateStore:
    """Return the store that has versions of the stack: the volume, or the bucket if one is set."""
    keys = KeyRing.parse(settings.encryption_keys.get_secret_value())
    volume, bucket = Volume(settings.state_dir), open_state_bucket(settings)
    on_volume = VolumeStateStore(volume, keys)
    if bucket is None:
        return on_volume
    try:
        is_here = on_volume.current(stack_id) is not None
    except StateCorruptError:
        is_here = True
    except (StateMovedError, VolumeError):  # on S3 alone there is no volume
        is_here = False
    terms = LockTerms(settings.work_dir / LOCKS, "", utc_now, settings.lease_seconds)
    return on_volume if is_here else S3StateStore(bucket, keys, terms)


def _find_version(store: StateStore, stack_id: str, serial: int | None) -> tuple[int, str]:
    if serial is None:
        current = store.current(stack_id)
        found = [(current.serial, current.sha256)] if current else []
    else:
        versions = store.versions(stack_id)
        found = [(item.serial, item.sha256) for item in versions if item.serial == serial]
    if not found:
        kept = ", ".join(str(item.serial) for item in store.versions(stack_id)) or "none"
        raise NotFoundError(f"There is no such state of {stack_id}; kept are the serials: {kept}.")
    return found[-1]


def write_new_file(path: Path, data: bytes | Iterable[bytes]) -> None:
    """Write a file that only its owner may read, durably; never over one that exists."""
    try:
        write_synced(path, data)
    except OSError as error:
        raise ConflictError(
            f"{path} cannot be written ({error.strerror}).",
            advice="Name a file that does not exist yet, in a folder that you may write.",
        ) from error
