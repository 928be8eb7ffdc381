"""The volume is recognised by its sentinel, and each trouble is said in one sentence."""

from __future__ import annotations

import errno
import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from app.storage.volume import SENTINEL, Volume, describe_os_error
from app.storage.volume_errors import (
    VolumeError,
    VolumeForeignError,
    VolumeFullError,
    VolumeMissingError,
    VolumeReadOnlyError,
)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_new_volume_gets_an_id_and_keeps_it(tmp_path: Path) -> None:
    root = tmp_path / "a" / "volume"
    first = Volume(root).initialize()
    assert first.startswith("vol_")
    assert Volume(root).initialize() == first
    assert Volume(root, first).initialize() == first
    Volume(root, first).check()
    assert names(root) == [SENTINEL]
    assert (root / SENTINEL).stat().st_mode & 0o777 == 0o600


def test_an_empty_mount_point_is_never_taken_for_an_expected_volume(tmp_path: Path) -> None:
    for root in (tmp_path / "empty", tmp_path / "absent"):
        volume = Volume(root, "vol_expected")
        with pytest.raises(VolumeMissingError, match="mount it"):
            volume.initialize()
        with pytest.raises(VolumeMissingError):
            volume.check()
    assert names(tmp_path) == []


def test_a_folder_with_other_files_is_not_taken_over(tmp_path: Path) -> None:
    (tmp_path / "letters").mkdir()
    with pytest.raises(VolumeForeignError, match="'letters'"):
        Volume(tmp_path).initialize()
    assert names(tmp_path) == ["letters"]


def test_a_fresh_file_system_and_a_start_cut_short_are_taken(tmp_path: Path) -> None:
    (tmp_path / "lost+found").mkdir()
    (tmp_path / ".tmp-0123").write_bytes(b"{")
    assert Volume(tmp_path).initialize().startswith("vol_")


def test_another_volume_is_foreign(tmp_path: Path) -> None:
    found = Volume(tmp_path).initialize()
    with pytest.raises(VolumeForeignError, match=f"{found}.*vol_expected"):
        Volume(tmp_path, "vol_expected").check()
    with pytest.raises(VolumeForeignError):
        Volume(tmp_path, "vol_expected").initialize()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"{}",
        b'{"id": 1, "format": 1}',
        b'{"id": "", "format": 1}',
        json.dumps({"id": "vol_x", "format": 2}).encode(),
        b"\xff\xfe",
    ],
)
def test_a_damaged_sentinel_is_foreign_and_never_overwritten(
    tmp_path: Path, content: bytes
) -> None:
    (tmp_path / SENTINEL).write_bytes(content)
    for volume in (Volume(tmp_path), Volume(tmp_path, "vol_x")):
        with pytest.raises(VolumeForeignError, match="damaged"):
            volume.initialize()
        with pytest.raises(VolumeForeignError, match="damaged"):
            volume.check()
    assert (tmp_path / SENTINEL).read_bytes() == content


def test_a_file_in_the_place_of_the_root_is_missing(tmp_path: Path) -> None:
    (tmp_path / "root").write_text("x")
    with pytest.raises(VolumeError):
        Volume(tmp_path / "root").initialize()
    with pytest.raises(VolumeMissingError):
        Volume(tmp_path / "root").check()


def test_a_volume_that_vanishes_is_noticed(volume: Volume) -> None:
    volume.root.rename(volume.root.with_name("elsewhere"))
    with pytest.raises(VolumeMissingError):
        volume.check()
    with pytest.raises(VolumeMissingError):
        volume.free_bytes()


def test_a_read_only_volume_is_said(
    open_folder: Path, as_nobody: Callable[[], AbstractContextManager[None]]
) -> None:
    volume = Volume(open_folder)
    volume.initialize()
    (open_folder / SENTINEL).chmod(0o644)
    open_folder.chmod(0o555)
    with as_nobody(), pytest.raises(VolumeReadOnlyError, match="remount it read-write"):
        volume.check()
    assert names(open_folder) == [SENTINEL]


def test_a_volume_without_room_is_full(volume: Volume) -> None:
    with pytest.raises(VolumeFullError, match="make room"):
        volume.check(min_free_bytes=volume.free_bytes() + 2**40)


def test_a_disk_that_takes_no_more_bytes_is_full_and_the_probe_is_gone(
    volume: Volume, full_disk: Callable[[int], AbstractContextManager[None]]
) -> None:
    with full_disk(4), pytest.raises(VolumeFullError):
        volume.check()
    assert names(volume.root) == [SENTINEL]
    volume.check()


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (errno.ENOSPC, VolumeFullError),
        (errno.EDQUOT, VolumeFullError),
        (errno.EROFS, VolumeReadOnlyError),
        (errno.EACCES, VolumeReadOnlyError),
        (errno.ENOENT, VolumeMissingError),
        (errno.ESTALE, VolumeMissingError),
        (errno.EIO, VolumeError),
        (errno.ELOOP, VolumeError),
    ],
)
def test_each_answer_of_the_system_has_its_error_in_one_sentence(
    number: int, expected: type[VolumeError]
) -> None:
    found = describe_os_error(OSError(number, "reason"), Path("/state-root"))
    assert type(found) is expected
    assert "/state-root" in found.detail
    assert "reason" in found.detail
    assert found.detail.count(". ") == 0
