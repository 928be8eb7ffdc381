"""A full disk: the ballast makes room for the state, and neither copy is ever lost."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from io import RawIOBase
from pathlib import Path

import pytest

from app.crypto import KeyRing
from app.storage.ballast import BALLAST, SPARE_BYTES, Ballast
from app.storage.volume import Volume
from app.storage.volume_errors import VolumeFullError
from app.storage.volume_state_store import VolumeStateStore

MakeState = Callable[..., bytes]
STACK = "stk_01"
MIB = 1024 * 1024
DISK_BYTES = 8 * MIB


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of ``DISK_BYTES`` of its own."""
    root = tmp_path / "disk"
    root.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "landform-test", str(root)]
    try:
        subprocess.run(mount, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("this user may not mount a small file system: run the tests as root")
    yield root
    subprocess.run(["umount", "--lazy", str(root)], check=True)


@pytest.fixture
def small_store(small_disk: Path, keys: KeyRing) -> VolumeStateStore:
    volume = Volume(small_disk / "volume")
    volume.initialize()
    return VolumeStateStore(volume, keys)


def fill(folder: Path) -> Path:
    """Leave no room in the file system of ``folder``."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file:
        for size_bytes in (MIB, 4096):
            with pytest.raises(OSError, match="No space left"):
                write_without_end(file, bytes(size_bytes))
    return filler


def write_without_end(file: RawIOBase, data: bytes) -> None:
    while True:
        file.write(data)


def put_ballast(folder: Path, size_bytes: int) -> None:
    """Put a ballast there although the disk is too small for one."""
    with (folder / BALLAST).open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, size_bytes)


def test_on_a_full_volume_the_ballast_lets_a_promotion_finish(
    small_disk: Path, small_store: VolumeStateStore, make_state: MakeState
) -> None:
    first = small_store.promote(STACK, make_state(1))
    put_ballast(small_disk / "volume", MIB)
    fill(small_disk)
    data = make_state(2, secret="x" * 100_000)
    second = small_store.promote(STACK, data)
    assert small_store.current(STACK) == second
    assert small_store.read(STACK, 2, second.sha256) == data
    assert small_store.read(STACK, 1, first.sha256) == make_state(1)
    assert not (small_disk / "volume" / BALLAST).exists()


def test_without_any_room_the_old_state_stands_and_the_new_one_follows_when_there_is_some(
    small_disk: Path, small_store: VolumeStateStore, make_state: MakeState
) -> None:
    first = small_store.promote(STACK, make_state(1))
    filler = fill(small_disk)
    data = make_state(2, secret="x" * 100_000)
    for _ in range(3):
        with pytest.raises(VolumeFullError):
            small_store.promote(STACK, data)
        assert small_store.current(STACK) == first
        assert small_store.read(STACK, 1, first.sha256) == make_state(1)
    kept = [path.name for path in (small_disk / "volume" / "stacks" / STACK).rglob(".tmp-*")]
    assert kept == [], "a failed attempt takes no room"
    filler.unlink()
    assert small_store.promote(STACK, data).serial == 2


@pytest.mark.parametrize("room_bytes", [0, 4096, 8192, 16_384, 65_536])
def test_with_any_room_left_a_promotion_is_whole_or_did_not_happen(
    small_disk: Path, small_store: VolumeStateStore, make_state: MakeState, room_bytes: int
) -> None:
    first = small_store.promote(STACK, make_state(1))
    filler = fill(small_disk)
    os.truncate(filler, filler.stat().st_size - room_bytes)
    data = make_state(2, secret="x" * 20_000)
    try:
        stored = small_store.promote(STACK, data)
    except VolumeFullError:
        stored = first
    assert small_store.current(STACK) == stored
    assert small_store.read(STACK, stored.serial, stored.sha256)
    os.truncate(filler, 0)
    assert small_store.promote(STACK, data).serial == 2


def test_a_ballast_takes_real_room_and_gives_it_back(tmp_path: Path) -> None:
    ballast = Ballast(tmp_path, 4 * MIB)
    assert ballast.restore()
    found = (tmp_path / BALLAST).stat()
    assert (found.st_size, found.st_mode & 0o777) == (4 * MIB, 0o600)
    assert found.st_blocks * 512 >= 4 * MIB
    assert ballast.restore(), "once more changes nothing"
    assert (tmp_path / BALLAST).stat().st_ino == found.st_ino
    assert ballast.release()
    assert not ballast.release()
    assert list(tmp_path.iterdir()) == []


def test_a_ballast_is_not_made_where_room_is_scarce(small_disk: Path) -> None:
    assert SPARE_BYTES > DISK_BYTES
    assert not Ballast(small_disk, MIB).restore()
    assert list(small_disk.iterdir()) == []


def test_another_size_or_none_replaces_the_ballast(tmp_path: Path) -> None:
    Ballast(tmp_path, 2 * MIB).restore()
    assert Ballast(tmp_path, MIB).restore()
    assert (tmp_path / BALLAST).stat().st_size == MIB
    assert not Ballast(tmp_path, 0).restore()
    assert not (tmp_path / BALLAST).exists()


def test_the_ballast_of_a_running_terraform_goes_before_the_room_does(small_disk: Path) -> None:
    put_ballast(small_disk, 2 * MIB)
    ballast = Ballast(small_disk)
    assert not ballast.release_if_below(MIB)
    fill(small_disk)
    assert ballast.release_if_below(MIB)
    assert not ballast.release_if_below(MIB), "there is nothing more to give"


def test_a_folder_that_is_not_there_is_no_trouble(tmp_path: Path) -> None:
    ballast = Ballast(tmp_path / "absent", MIB)
    assert not ballast.restore()
    assert not ballast.release()
    assert not ballast.release_if_below(MIB)
