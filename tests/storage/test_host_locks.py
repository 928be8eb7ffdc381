"""Each host holds one lock on the volume while it lives, and nobody else is granted it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from app.storage.host_locks import FOLDER, HostLock, forget_locks, is_granted
from app.storage.volume import Volume
from app.storage.volume_errors import VolumeMissingError

OWN, OTHER = "ins_own", "ins_other"


@pytest.fixture
def volume(tmp_path: Path) -> Volume:
    made = Volume(tmp_path / "state")
    made.initialize()
    return made


def test_what_a_host_holds_is_granted_to_nobody_until_it_ends(volume: Volume) -> None:
    assert not is_granted(volume, OWN), "nobody has ever taken it"
    lock = HostLock()
    for _ in range(2):  # a second time changes nothing
        lock.keep(volume, OWN)
        assert not is_granted(volume, OWN)
    lock.release()
    assert is_granted(volume, OWN)


def test_a_second_process_of_a_host_waits_for_the_first(volume: Volume) -> None:
    first, second = HostLock(), HostLock()
    first.keep(volume, OWN)
    second.keep(volume, OWN)
    first.release()
    assert is_granted(volume, OWN)
    second.keep(volume, OWN)
    assert not is_granted(volume, OWN)
    second.release()


def test_a_volume_that_was_mounted_again_is_locked_again(volume: Volume, tmp_path: Path) -> None:
    lock = HostLock()
    lock.keep(volume, OWN)
    shutil.copytree(volume.root, tmp_path / "other")
    volume.root.rename(tmp_path / "away")
    (tmp_path / "other").rename(volume.root)
    assert is_granted(volume, OWN)
    lock.keep(volume, OWN)
    assert not is_granted(volume, OWN)
    lock.release()


def test_another_instance_of_the_host_gives_the_former_lock_back(volume: Volume) -> None:
    lock = HostLock()
    lock.keep(volume, OWN)
    lock.keep(volume, OTHER)
    assert (is_granted(volume, OWN), is_granted(volume, OTHER)) == (True, False)
    lock.release()


def test_files_of_forgotten_instances_go(volume: Volume) -> None:
    forget_locks(volume, {OWN})  # there is no folder yet
    for name in (OWN, OTHER):
        lock = HostLock()
        lock.keep(volume, name)
        lock.release()
    forget_locks(volume, {OWN})
    assert [path.name for path in (volume.root / FOLDER).iterdir()] == [OWN]


def test_a_volume_that_is_not_mounted_is_not_written(volume: Volume) -> None:
    shutil.rmtree(volume.root)
    with pytest.raises(VolumeMissingError):
        HostLock().keep(volume, OWN)
    with pytest.raises(VolumeMissingError):
        is_granted(volume, OWN)
    assert not volume.root.exists()
