"""What workers note of their leases is read back, whatever else lies there."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from app.storage.lease_files import FILE_BYTES, LeaseFiles, LeaseNote

NOTE = LeaseNote("op_1", {"pid": 1}, 12.5, 60.0)


def test_a_note_is_overwritten_in_place_and_removed(tmp_path: Path) -> None:
    files = LeaseFiles(tmp_path)
    assert files.read_all() == []
    files.write(NOTE)
    path = tmp_path / "leases" / "op_1"
    number = path.stat().st_ino
    stopping = replace(NOTE, renewed_at=3.0, is_stopping=True)
    files.write(stopping)
    assert files.read_all() == [stopping]
    assert (path.stat().st_ino, path.stat().st_size) == (number, FILE_BYTES)
    assert path.stat().st_mode & 0o077 == 0
    files.remove("op_1")
    files.remove("op_1")
    assert files.read_all() == []


def test_a_torn_or_foreign_file_hides_no_other(tmp_path: Path) -> None:
    files = LeaseFiles(tmp_path)
    files.write(NOTE)
    for name, text in (("torn", '{"operation_id": "op'), ("foreign", '{"a": 1}'), ("list", "[1]")):
        (tmp_path / "leases" / name).write_text(text)
    assert files.read_all() == [NOTE]


def test_a_link_in_the_place_of_a_note_is_not_followed(tmp_path: Path) -> None:
    files, victim = LeaseFiles(tmp_path), tmp_path / "victim"
    files.write(NOTE)
    files.remove("op_1")
    victim.write_text("untouched")
    (tmp_path / "leases" / "op_1").symlink_to(victim)
    with pytest.raises(OSError, match="symbolic links"):
        files.write(NOTE)
    assert victim.read_text() == "untouched"
