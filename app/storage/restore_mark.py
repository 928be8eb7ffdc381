"""A mark where state is kept for as long as a restore is unfinished: nothing may start on half."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from app.errors import ConfigurationError
from app.storage.durable import sync_directory, write_durably
from app.storage.s3_bucket import S3Bucket

MARK = ".landform-restore"
MARK_IN_BUCKET = "restore"


class RestoreMark(Protocol):
    """The mark of one place. All methods raise ``UnavailableError`` or ``OSError`` on trouble."""

    def read(self) -> str | None:
        """Return the id of the backup whose restore is not finished, if there is one."""

    def write(self, backup_id: str) -> None:
        """Say that a restore of this backup has begun."""

    def remove(self) -> None:
        """Say that the restore is finished."""


class VolumeRestoreMark:
    """``RestoreMark`` on the volume at ``root``."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def read(self) -> str | None:
        """See ``RestoreMark.read``."""
        try:
            return (self._root / MARK).read_text(encoding="utf-8").strip()
        except (FileNotFoundError, NotADirectoryError):
            return None

    def write(self, backup_id: str) -> None:
        """See ``RestoreMark.write``."""
        write_durably(self._root / MARK, f"{backup_id}\n".encode())

    def remove(self) -> None:
        """See ``RestoreMark.remove``."""
        (self._root / MARK).unlink(missing_ok=True)
        sync_directory(self._root)


class BucketRestoreMark:
    """``RestoreMark`` in the bucket, where every host sees it."""

    def __init__(self, bucket: S3Bucket) -> None:
        self._bucket = bucket
        self._key = bucket.place.key(MARK_IN_BUCKET)

    def read(self) -> str | None:
        """See ``RestoreMark.read``."""
        found = self._bucket.get(self._key)
        return None if found is None else found.data.decode(errors="replace").strip()

    def write(self, backup_id: str) -> None:
        """See ``RestoreMark.write``."""
        self._bucket.overwrite(self._key, f"{backup_id}\n".encode())

    def remove(self) -> None:
        """See ``RestoreMark.remove``."""
        self._bucket.delete(self._key)


def refuse_unfinished(mark: RestoreMark) -> None:
    """Refuse to go on where a restore was cut short.

    Raises:
        ConfigurationError: one was.
        StateBucketError: the bucket cannot be asked.
    """
    backup_id = mark.read()
    if backup_id is not None:
        raise ConfigurationError(
            f"The restore of {backup_id} was not finished: run `landform admin backup restore` "
            "with the same folder again."
        )
