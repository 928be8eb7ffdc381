"""Where plans that wait for approval are kept for other hosts: beside the state of their stack.

Owns the place of a sealed plan, and nothing of what is in it. A plan that is lost is made again, so
nothing here needs to be compared, fenced or kept in versions.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Protocol

from app.errors import NotFoundError
from app.storage.durable import make_directory, sync_directory, write_durably
from app.storage.s3_bucket import S3Bucket
from app.storage.state_format import check_stack_id
from app.storage.volume import WORK_SECONDS, Volume

PLAN_NAME = re.compile(r"[a-z]{1,8}_[0-9a-z]{1,48}(-[0-9]{1,6})?")
"""The id of its operation."""

FOLDER = "plans"


class PlanStore(Protocol):
    """Sealed plans by stack and name. All methods raise ``UnavailableError`` on trouble."""

    def keep(self, stack_id: str, name: str, sealed: bytes) -> None:
        """Keep a plan durably, in the place of one of the same name."""

    def read(self, stack_id: str, name: str) -> bytes | None:
        """Return a plan, or None when there is none."""

    def remove(self, stack_id: str, name: str) -> None:
        """Remove a plan; there need be none."""


class VolumePlanStore:
    """``PlanStore`` on a mounted volume."""

    def __init__(self, volume: Volume) -> None:
        self._volume = volume

    def keep(self, stack_id: str, name: str, sealed: bytes) -> None:
        """See ``PlanStore.keep``."""
        path = self._path(stack_id, name)

        def work() -> None:
            make_directory(path.parent)
            write_durably(path, sealed)

        self._volume.ask_own(work, WORK_SECONDS)

    def read(self, stack_id: str, name: str) -> bytes | None:
        """See ``PlanStore.read``."""
        path = self._path(stack_id, name)
        return self._volume.ask_own(
            lambda: path.read_bytes() if path.is_file() else None, WORK_SECONDS
        )

    def remove(self, stack_id: str, name: str) -> None:
        """See ``PlanStore.remove``."""
        path = self._path(stack_id, name)

        def work() -> None:
            if path.is_file():
                path.unlink(missing_ok=True)
                sync_directory(path.parent)

        self._volume.ask_own(work, WORK_SECONDS)

    def _path(self, stack_id: str, name: str) -> Path:
        folder = self._volume.root / "stacks" / check_stack_id(stack_id) / FOLDER
        return folder / _checked(name)


class S3PlanStore:
    """``PlanStore`` in a bucket."""

    def __init__(self, bucket: S3Bucket) -> None:
        self._bucket = bucket

    def keep(self, stack_id: str, name: str, sealed: bytes) -> None:
        """See ``PlanStore.keep``."""
        self._bucket.overwrite(self._key(stack_id, name), sealed)

    def read(self, stack_id: str, name: str) -> bytes | None:
        """See ``PlanStore.read``."""
        found = self._bucket.get(self._key(stack_id, name))
        return None if found is None else found.data

    def remove(self, stack_id: str, name: str) -> None:
        """See ``PlanStore.remove``; S3 keeps it until a rule of the bucket expires it."""
        self._bucket.delete(self._key(stack_id, name))

    def _key(self, stack_id: str, name: str) -> str:
        stack = check_stack_id(stack_id)
        return self._bucket.place.key("stacks", stack, FOLDER, _checked(name))


def _checked(name: str) -> str:
    """Return the name of a plan if it is one; it could lead elsewhere.

    Raises:
        NotFoundError: it is not.
    """
    if PLAN_NAME.fullmatch(name) is None:
        raise NotFoundError(f"{name[:60]!r} is not the name of a plan.")
    return name
