"""The lock file beside a state on S3, as Terraform's own S3 backend writes it (``use_lockfile``).

So a person who runs plain Terraform on the same key is kept out, and keeps Landform out. Between
Landform's own processes the writer's lock on the volume decides: whoever takes the lock file holds
that, so a lock file of the same volume is one that a dead process left, and is taken over.
"""

from __future__ import annotations

import json
import os
import socket
import time
import uuid
from typing import Any

from app.clock import utc_now
from app.errors import UnavailableError
from app.logs import get_logger
from app.storage.s3_bucket import BucketObject, ObjectChangedError, S3Bucket
from app.storage.s3_errors import StateLockedElsewhereError

SUFFIX = ".tflock"
OWN = "landform "
LOCK_POLL_SECONDS = 1.0
SHOWN = 80

log = get_logger(__name__)


class S3LockFile:
    """The lock file of the state at ``state_key``.

    Args:
        bucket: where it lies.
        state_key: key of the state that it locks.
        volume_id: id of the volume whose writer's lock the caller holds.
    """

    def __init__(self, bucket: S3Bucket, state_key: str, volume_id: str) -> None:
        self._bucket = bucket
        self._state_key = state_key
        self._key = state_key + SUFFIX
        self._info = OWN + volume_id

    def take(self, wait_seconds: float) -> None:
        """Put the lock file there.

        Raises:
            StateLockedElsewhereError: somebody else has not let go within ``wait_seconds``.
            StateBucketError: S3 cannot be asked.
        """
        deadline = time.monotonic() + wait_seconds
        while (holder := self._try()) is not None:
            if time.monotonic() >= deadline:
                raise StateLockedElsewhereError(
                    f"Somebody else holds the lock {self._key}: {_describe(holder)}.",
                    context={"lock": {name: holder.get(name) for name in ("ID", "Who", "Created")}},
                )
            time.sleep(LOCK_POLL_SECONDS)

    def release(self) -> None:
        """Take the lock file away; one that stays is taken over by whoever comes next."""
        try:
            self._bucket.delete(self._key)
        except UnavailableError as error:
            log.warning("lock_file_left", key=self._key, detail=error.detail)

    def find_other_holder(self) -> dict[str, Any] | None:
        """Return what the lock file of another holder says, if there is one.

        Raises:
            StateBucketError: S3 cannot be asked.
        """
        found = self._bucket.get(self._key)
        return None if found is None else self._other_holder(found)

    def _try(self) -> dict[str, Any] | None:
        """Take the lock, or return who has it."""
        try:
            self._bucket.put(self._key, self._content())
            return None
        except ObjectChangedError:
            found = self._bucket.get(self._key)
        if found is None:
            return {}  # it was let go just now
        holder = self._other_holder(found)
        if holder is not None:
            return holder
        try:
            self._bucket.put(self._key, self._content(), replaces=found)
        except ObjectChangedError:
            return {}
        return None

    def _other_holder(self, found: BucketObject) -> dict[str, Any] | None:
        try:
            lock = json.loads(found.data)
        except (ValueError, RecursionError):
            lock = None
        lock = lock if isinstance(lock, dict) else {"Who": "unreadable lock file"}
        return None if lock.get("Info") == self._info else lock

    def _content(self) -> bytes:
        """Return what Terraform's ``statemgr.LockInfo`` holds."""
        lock = {
            "ID": str(uuid.uuid4()),
            "Operation": "Landform",
            "Info": self._info,
            "Who": f"landform@{socket.gethostname()}:{os.getpid()}",
            "Version": "",
            "Created": utc_now().isoformat().replace("+00:00", "Z"),
            "Path": f"{self._bucket.place.bucket}/{self._state_key}",
        }
        return json.dumps(lock).encode()


def _describe(lock: dict[str, Any]) -> str:
    said = [(name, str(lock.get(name) or "unknown")[:SHOWN]) for name in ("Who", "Created", "ID")]
    return ", ".join(f"{name} {text}" for name, text in said)
