"""A mark on the state volume for as long as a restore is unfinished: nothing may start on half."""

from __future__ import annotations

from pathlib import Path

from app.errors import ConfigurationError
from app.storage.durable import sync_directory, write_durably

MARK = ".landform-restore"


def read_mark(root: Path) -> str | None:
    """Return the id of the backup whose restore is not finished, if there is one."""
    try:
        return (root / MARK).read_text(encoding="utf-8").strip()
    except (FileNotFoundError, NotADirectoryError):
        return None


def write_mark(root: Path, backup_id: str) -> None:
    """Say that a restore of this backup has begun."""
    write_durably(root / MARK, f"{backup_id}\n".encode())


def remove_mark(root: Path) -> None:
    """Say that the restore is finished."""
    (root / MARK).unlink(missing_ok=True)
    sync_directory(root)


def refuse_unfinished(root: Path) -> None:
    """Refuse to go on where a restore was cut short.

    Raises:
        ConfigurationError: one was.
    """
    backup_id = read_mark(root)
    if backup_id is not None:
        raise ConfigurationError(
            f"The restore of {backup_id} was not finished: run `landform backup restore` with the "
            "same folder again."
        )
