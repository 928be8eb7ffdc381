"""The lock of whoever writes to a state on S3: an object beside it, written under conditions.

It has the form of Terraform's own S3 backend (``use_lockfile``), so a person who runs plain
Terraform on the same key is kept out, and keeps Landform out. Landform's own writers put their
fence and the end of their lease into it, by the database's clock. Whom SQL has made the writer
takes over from a lower fence at once; everybody else waits for the end of the lease.
"""

from __future__ import annotations

import json
import os
import socket
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from app.clock import boot_seconds, rfc3339, utc_now
from app.domain.fences import NO_FENCE, Fence
from app.domain.operation_errors import FenceLostError
from app.errors import StackBusyError, UnavailableError
from app.logs import get_logger
from app.storage.s3_bucket import BucketObject, ObjectChangedError, S3Bucket
from app.storage.s3_errors import StateLockedElsewhereError

SUFFIX = ".tflock"
OWN = "landform "
MORE = "Landform"
"""What Terraform does not know in its lock file, and leaves alone."""

LOCK_POLL_SECONDS = 1.0
RENEWALS = 3
"""How often the lease is renewed while it lasts."""

SHOWN = 80

log = get_logger(__name__)


@dataclass(frozen=True)
class LockTerms:
    """By what the locks of one installation go.

    Args:
        folder: for the locks that part the processes of this host.
        installation_id: by which a lock of our own is told from that of another Landform.
        now: returns the present time by the database, which all hosts share.
        lease_seconds: how long a lock holds that nobody renews.
        is_marked: whether the bucket names the installation, so that another one is noticed.
    """

    folder: Path
    installation_id: str
    now: Callable[[], datetime]
    lease_seconds: float
    is_marked: bool = False


class S3LockFile:
    """The lock file of the state at ``state_key``.

    Args:
        bucket: where it lies.
        state_key: key of the state that it locks.
        terms: of this installation.
        fence: of the writer that takes it.
    """

    def __init__(self, bucket: S3Bucket, state_key: str, terms: LockTerms, fence: Fence) -> None:
        self._bucket = bucket
        self._state_key = state_key
        self._key = state_key + SUFFIX
        self._terms = terms
        self._fence = fence
        self._info = OWN + terms.installation_id
        self._held: BucketObject | None = None
        self._began, self._began_at = 0.0, utc_now()
        self._renew_at = 0.0

    def take(self, wait_seconds: float, *, overtakes: bool) -> None:
        """Put the lock file there.

        Args:
            wait_seconds: how long somebody else may take to let go.
            overtakes: SQL says that every writer with a lower fence is over.

        Raises:
            FenceLostError: a newer writer has it.
            StackBusyError: an earlier writer of ours has it and may live.
            StateLockedElsewhereError: somebody else has not let go.
            StateBucketError: S3 cannot be asked.
        """
        self._began, self._began_at = boot_seconds(), self._terms.now()
        deadline = time.monotonic() + wait_seconds
        while (holder := self._try(overtakes)) is not None:
            if time.monotonic() >= deadline:
                raise self._refusal(holder)
            time.sleep(LOCK_POLL_SECONDS)

    def renew(self) -> None:
        """Prolong the lease when a part of it is over; an S3 that does not answer is asked later.

        Raises:
            FenceLostError: a newer writer has taken over.
        """
        if time.monotonic() < self._renew_at or self._held is None:
            return
        self._renew_at = time.monotonic() + self._terms.lease_seconds / RENEWALS
        try:
            self._put(self._held)
        except ObjectChangedError:
            self._take_back()
        except UnavailableError as error:
            log.warning("lock_file_not_renewed", key=self._key, detail=error.detail)

    def release(self) -> None:
        """Take the lock file away if it is still ours; one that stays is taken over."""
        try:
            found = self._bucket.get(self._key)
            if found is not None and self._held is not None and self._is_own(found):
                self._bucket.delete(self._key, only=found)
        except ObjectChangedError:
            return  # a newer writer has it now
        except UnavailableError as error:
            log.warning("lock_file_left", key=self._key, detail=error.detail)

    def clear(self) -> None:
        """Take away the lock file of an earlier writer of ours, which is over.

        Raises:
            StateBucketError: S3 cannot be asked.
        """
        found = self._bucket.get(self._key)
        if found is None:
            return
        lock = _parse(found)
        if lock.get("Info") == self._info and not self._fence.is_passed_by(_fence_in(lock)):
            with suppress(ObjectChangedError):
                self._bucket.delete(self._key, only=found)

    def is_held(self) -> bool:
        """Tell whether a writer has it whose lease is not over, or somebody else.

        Raises:
            StateBucketError: S3 cannot be asked.
        """
        found = self._bucket.get(self._key)
        if found is None:
            return False
        lock = _parse(found)
        return lock.get("Info") != self._info or not self._is_over(lock, self._terms.now())

    def newest_fence(self) -> Fence:
        """Return the fence of whichever writer of ours has it.

        Raises:
            StateBucketError: S3 cannot be asked.
        """
        found = self._bucket.get(self._key)
        lock = _parse(found) if found is not None else {}
        return _fence_in(lock) if lock.get("Info") == self._info else NO_FENCE

    def _try(self, overtakes: bool) -> dict[str, Any] | None:
        """Take the lock, or return who has it.

        Raises:
            FenceLostError: a newer writer has it.
        """
        try:
            self._put(None)
            return None
        except ObjectChangedError:
            found = self._bucket.get(self._key)
        # Nothing is there when it was let go just now.
        return self._try_over(found, overtakes) if found is not None else {}

    def _try_over(self, found: BucketObject, overtakes: bool) -> dict[str, Any] | None:
        """Take the lock in the place of one that is there; as ``_try``."""
        lock = _parse(found)
        if lock.get("Info") != self._info:
            return lock
        if self._is_own(found):
            self._held = found  # the answer to a write of ours was lost
            return None
        if self._fence.is_passed_by(_fence_in(lock)):
            raise FenceLostError(f"A newer writer has the lock {self._key}.")
        if not overtakes and not self._is_over(lock, self._time()):
            return lock
        try:
            self._put(found)
        except ObjectChangedError:
            return {}
        return None

    def _take_back(self) -> None:
        """Put the lock file there again after somebody has removed it by force.

        Raises:
            FenceLostError: a newer writer has it.
        """
        with suppress(UnavailableError):
            holder = self._try(overtakes=True)
            if holder is not None:  # the fence in the pointer keeps the state right all the same
                log.error("lock_file_taken", key=self._key, holder=_describe(holder))

    def _put(self, replaces: BucketObject | None) -> None:
        self._held = self._bucket.put(self._key, self._content(), replaces)
        self._renew_at = time.monotonic() + self._terms.lease_seconds / RENEWALS

    def _is_own(self, found: BucketObject) -> bool:
        lock = _parse(found)
        is_ours = lock.get("Info") == self._info and _fence_in(lock) == self._fence
        return is_ours and (self._fence != NO_FENCE or found == self._held)

    def _is_over(self, lock: dict[str, Any], now: datetime) -> bool:
        """Tell whether the lease of a lock of ours has ended; former versions gave it none."""
        try:
            return datetime.fromisoformat(lock[MORE]["expires"]) < now
        except (KeyError, TypeError, ValueError):
            return True

    def _time(self) -> datetime:
        """Return the shared time, without asking for it again."""
        return self._began_at + timedelta(seconds=boot_seconds() - self._began)

    def _refusal(self, holder: dict[str, Any]) -> StackBusyError:
        described = _describe(holder)
        if holder.get("Info") == self._info:
            return StackBusyError(f"Another process holds the lock {self._key}: {described}.")
        return StateLockedElsewhereError(
            f"Somebody else holds the lock {self._key}: {described}.",
            context={"lock": {name: holder.get(name) for name in ("ID", "Who", "Created")}},
        )

    def _content(self) -> bytes:
        """Return what Terraform's ``statemgr.LockInfo`` holds, and what a writer of ours needs."""
        now = self._time()
        lock = {
            "ID": str(uuid.uuid4()),
            "Operation": "Landform",
            "Info": self._info,
            "Who": f"landform@{socket.gethostname()}:{os.getpid()}",
            "Version": "",
            "Created": rfc3339(now),
            "Path": f"{self._bucket.place.bucket}/{self._state_key}",
            MORE: {
                "fence": self._fence.number,
                "writer": self._fence.writer,
                "expires": rfc3339(now + timedelta(seconds=self._terms.lease_seconds)),
            },
        }
        return json.dumps(lock).encode()


def _parse(found: BucketObject) -> dict[str, Any]:
    try:
        lock = json.loads(found.data)
    except (ValueError, RecursionError):
        lock = None
    return lock if isinstance(lock, dict) else {"Who": "unreadable lock file"}


def _fence_in(lock: dict[str, Any]) -> Fence:
    more = lock.get(MORE)
    number = more.get("fence") if isinstance(more, dict) else None
    return Fence(number, str(more["writer"])) if isinstance(number, int) and more else NO_FENCE


def _describe(lock: dict[str, Any]) -> str:
    said = [(name, str(lock.get(name) or "unknown")[:SHOWN]) for name in ("Who", "Created", "ID")]
    return ", ".join(f"{name} {text}" for name, text in said)
