"""The state of record is only ever a whole, validated file, whatever happens around it."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from app.crypto import KeyRing
from app.domain.state_errors import StateSerialError
from app.errors import LandformError, NotFoundError
from app.storage.volume import SENTINEL, Volume
from app.storage.volume_errors import (
    VolumeForeignError,
    VolumeFullError,
    VolumeMissingError,
    VolumeReadOnlyError,
)
from app.storage.volume_state_store import VolumeStateStore

MakeState = Callable[..., bytes]
STACK = "stk_01"


def folder_of(volume: Volume, stack_id: str = STACK) -> Path:
    return volume.root / "stacks" / stack_id


def version_file(volume: Volume) -> Path:
    (path,) = (folder_of(volume) / "versions").iterdir()
    return path


def all_files(root: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_state_is_private_and_encrypted_on_the_disk(
    store: VolumeStateStore, volume: Volume, make_state: MakeState
) -> None:
    store.promote(STACK, make_state(1, secret="s3cret-value"))
    for path, content in all_files(volume.root).items():
        assert b"s3cret-value" not in content
        assert Path(path).stat().st_mode & 0o777 == 0o600
    assert folder_of(volume).stat().st_mode & 0o777 == 0o700


def test_a_promotion_waits_for_the_one_before_it(
    store: VolumeStateStore, volume: Volume, make_state: MakeState
) -> None:
    store.promote(STACK, make_state(1))
    descriptor = os.open(folder_of(volume), os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    second = threading.Thread(target=store.promote, args=(STACK, make_state(2)))
    second.start()
    second.join(0.3)
    assert second.is_alive()
    assert [item.serial for item in store.versions(STACK)] == [1]
    os.close(descriptor)
    second.join(10)
    assert [item.serial for item in store.versions(STACK)] == [1, 2]


def test_bytes_reach_the_disk_before_their_name_and_names_before_the_answer(
    store: VolumeStateStore, volume: Volume, make_state: MakeState, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.promote(STACK, make_state(1))
    order: list[str] = []
    real_sync, real_replace = os.fsync, Path.replace

    def sync(descriptor: int) -> None:
        target = Path(f"/proc/self/fd/{descriptor}").readlink()
        order.append("sync folder" if target.is_dir() else "sync file")
        real_sync(descriptor)

    def replace(path: Path, target: Path) -> Path:
        order.append(f"name {target.name.partition('-')[0]}")
        return real_replace(path, target)

    monkeypatch.setattr(os, "fsync", sync)
    monkeypatch.setattr(Path, "replace", replace)
    store.promote(STACK, make_state(2))
    assert order == [
        *("sync file", "name 2", "sync folder"),
        *("sync file", "name current", "sync folder"),
    ]


@pytest.mark.parametrize(
    "stack_id",
    [
        "",
        ".",
        "..",
        "../etc",
        "stk_../../x",
        "/etc",
        "stk_a/b",
        "stk_a\n",
        "stk_a\x00",
        "STK_A",
        "stk_" + "a" * 300,
        "stk_ü",
        "stk_",
    ],
)
def test_a_hostile_stack_id_reaches_no_file(
    store: VolumeStateStore, volume: Volume, make_state: MakeState, stack_id: str
) -> None:
    before = sorted(volume.root.parent.rglob("*"))
    for call in (
        lambda: store.current(stack_id),
        lambda: store.versions(stack_id),
        lambda: store.read(stack_id, 1, "0" * 64),
        lambda: store.promote(stack_id, make_state(1)),
        lambda: store.delete_version(stack_id, 1, "0" * 64),
    ):
        with pytest.raises(NotFoundError):
            call()
    assert sorted(volume.root.parent.rglob("*")) == before


def test_a_full_disk_damages_nothing_leaves_nothing_and_heals(
    store: VolumeStateStore,
    volume: Volume,
    make_state: MakeState,
    full_disk: Callable[[int], AbstractContextManager[None]],
) -> None:
    stored = store.promote(STACK, make_state(1))
    before = all_files(volume.root)
    # 0: the first byte is refused; 300: the version is torn; 900: the version fits or nearly.
    for size_bytes in (0, 300, 500):
        with full_disk(size_bytes), pytest.raises(VolumeFullError):
            store.promote(STACK, make_state(2))
    assert all_files(volume.root) == before
    assert store.current(STACK) == stored
    assert store.promote(STACK, make_state(2)).serial == 2


def test_a_first_promotion_cut_before_its_end_leaves_a_stack_without_state(
    store: VolumeStateStore,
    make_state: MakeState,
    full_disk: Callable[[int], AbstractContextManager[None]],
) -> None:
    with full_disk(200), pytest.raises(VolumeFullError):
        store.promote(STACK, make_state(1))
    assert store.current(STACK) is None
    assert store.promote(STACK, make_state(1)).serial == 1


def test_a_read_only_volume_is_said_and_still_read(
    open_folder: Path,
    keys: KeyRing,
    make_state: MakeState,
    as_nobody: Callable[[], AbstractContextManager[None]],
) -> None:
    volume = Volume(open_folder)
    volume.initialize()
    store = VolumeStateStore(volume, keys)
    stored = store.promote(STACK, make_state(1))
    for path in open_folder.rglob("*"):
        path.chmod(0o555 if path.is_dir() else 0o444)
    with as_nobody():
        assert store.read(STACK, 1, stored.sha256) == make_state(1)
        with pytest.raises(VolumeReadOnlyError):
            store.promote(STACK, make_state(2))
    assert store.current(STACK) == stored


def test_an_unmounted_or_foreign_volume_is_refused_by_every_call(
    store: VolumeStateStore, volume: Volume, make_state: MakeState
) -> None:
    stored = store.promote(STACK, make_state(1))
    calls: list[Callable[[], object]] = [
        lambda: store.current(STACK),
        lambda: store.versions(STACK),
        lambda: store.read(STACK, 1, stored.sha256),
        lambda: store.promote(STACK, make_state(2)),
        lambda: store.delete_version(STACK, 1, stored.sha256),
    ]
    sentinel = volume.root / SENTINEL
    whole = sentinel.read_text()
    for content, error in (
        (None, VolumeMissingError),
        (whole.replace("vol_", "vol_x"), VolumeForeignError),
    ):
        sentinel.unlink() if content is None else sentinel.write_text(content)
        for call in calls:
            with pytest.raises(error):
                call()
    sentinel.write_text(whole)
    assert store.current(STACK) == stored


def test_writers_at_the_same_time_never_lower_the_serial(
    volume: Volume, keys: KeyRing, make_state: MakeState
) -> None:
    accepted: list[int] = []
    unexpected: list[Exception] = []

    def write(serials: range) -> None:
        store = VolumeStateStore(volume, keys)
        for serial in serials:
            try:
                accepted.append(store.promote(STACK, make_state(serial)).serial)
            except StateSerialError:
                continue
            except LandformError as error:
                unexpected.append(error)

    threads = [threading.Thread(target=write, args=(range(n, 40, 4),)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    current = VolumeStateStore(volume, keys).current(STACK)
    assert unexpected == []
    assert current is not None
    assert current.serial == max(accepted) == 39


WRITER = """
import sys
from pathlib import Path
from app.crypto import KeyRing
from app.storage.volume_state_store import VolumeStateStore
from app.storage.volume import Volume
root, template = Path(sys.argv[1]), sys.argv[2]
store = VolumeStateStore(Volume(root), KeyRing("k1", {"k1": bytes(range(32))}))
start = store.current("stk_01")
serial = start.serial if start else 0
while True:
    serial += 1
    store.promote("stk_01", template.replace("@SERIAL@", str(serial)).encode())
    print(serial, flush=True)
"""


def test_a_writer_killed_at_any_moment_loses_no_acknowledged_state(
    store: VolumeStateStore, volume: Volume, make_state: MakeState
) -> None:
    template = make_state(987654321).decode().replace("987654321", "@SERIAL@")
    for round_number in range(6):
        with subprocess.Popen(
            [sys.executable, "-c", WRITER, str(volume.root), template],
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
        ) as writer:
            assert writer.stdout is not None
            writer.stdout.readline()
            time.sleep(0.02 + 0.011 * round_number)
            os.kill(writer.pid, signal.SIGKILL)
            acknowledged = [int(line) for line in writer.stdout.read().split()]
        current = store.current(STACK)
        assert current is not None
        assert current.serial >= max(acknowledged, default=1)
        data = store.read(STACK, current.serial, current.sha256)
        assert data == template.replace("@SERIAL@", str(current.serial)).encode()


def test_temporary_files_of_killed_writers_are_swept_once_old(
    store: VolumeStateStore, volume: Volume, make_state: MakeState
) -> None:
    store.promote(STACK, make_state(1))
    old, young = (folder_of(volume) / "versions" / f".tmp-{age}" for age in ("old", "young"))
    old.write_bytes(b"x")
    young.write_bytes(b"x")
    os.utime(old, (0, 0))
    store.promote(STACK, make_state(2))
    assert not old.exists()
    assert young.exists()
