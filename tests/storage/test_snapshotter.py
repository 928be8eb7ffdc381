"""Each newer whole state is promoted while the file is being rewritten; a torn one never."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.domain.state_errors import StateError, StateLineageError
from app.domain.state_file import StateFile
from app.storage.snapshotter import Snapshotter
from app.storage.volume_errors import VolumeFullError

MakeState = Callable[..., bytes]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "terraform.tfstate"


def test_nothing_is_promoted_before_there_is_a_file(path: Path) -> None:
    promoted: list[bytes] = []
    snapshotter = Snapshotter(path, promoted.append)
    assert not snapshotter.poll()
    assert not snapshotter.finish()
    assert promoted == []


def test_each_newer_state_is_promoted_once(path: Path, make_state: MakeState) -> None:
    promoted: list[bytes] = []
    snapshotter = Snapshotter(path, promoted.append)
    for serial in (1, 2, 3):
        path.write_bytes(make_state(serial, secret="x" * serial))
        assert snapshotter.poll()
        assert not snapshotter.poll()
    assert not snapshotter.finish()
    assert [StateFile.parse(data).serial for data in promoted] == [1, 2, 3]


def test_the_state_a_run_began_with_is_not_promoted_again(
    path: Path, make_state: MakeState
) -> None:
    promoted: list[bytes] = []
    path.write_bytes(make_state(7))
    snapshotter = Snapshotter(path, promoted.append, baseline=make_state(7))
    assert not snapshotter.poll()
    assert not snapshotter.finish()
    assert promoted == []


def test_a_file_torn_at_any_byte_is_skipped_and_promoted_once_whole(
    path: Path, make_state: MakeState
) -> None:
    promoted: list[bytes] = []
    snapshotter = Snapshotter(path, promoted.append, baseline=make_state(1))
    whole = make_state(2)
    for length in range(len(whole) - 1):
        path.write_bytes(whole[:length])
        assert not snapshotter.poll()
    path.write_bytes(whole)
    assert snapshotter.poll()
    assert promoted == [whole]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(
    writes=st.lists(
        st.tuples(st.integers(0, 9), st.one_of(st.none(), st.integers(0, 700))), max_size=12
    )
)
def test_whatever_is_written_the_promoted_serials_only_rise(
    path: Path, make_state: MakeState, writes: list[tuple[int, int | None]]
) -> None:
    serials: list[int] = []
    snapshotter = Snapshotter(path, lambda data: serials.append(StateFile.parse(data).serial))
    path.unlink(missing_ok=True)
    best = -1
    for serial, cut in writes:
        data = make_state(serial, secret="y" * (serial + 1))
        torn = data if cut is None else data[:cut]
        path.write_bytes(torn)
        snapshotter.poll()
        if torn.rstrip() == data.rstrip():
            best = max(best, serial)
    assert serials == sorted(set(serials))
    assert (serials[-1] if serials else -1) == best


def test_a_torn_end_is_an_error(path: Path, make_state: MakeState) -> None:
    snapshotter = Snapshotter(path, lambda data: None, baseline=make_state(1))
    path.write_bytes(b"")
    assert not snapshotter.poll()
    with pytest.raises(StateError, match="empty"):
        snapshotter.finish()


def test_a_state_that_is_gone_at_the_end_is_an_error(path: Path, make_state: MakeState) -> None:
    with pytest.raises(StateError, match="gone"):
        Snapshotter(path, lambda data: None, baseline=make_state(1)).finish()


@pytest.mark.parametrize("in_its_place", ["nothing", "file", "link", "folder"])
def test_a_run_directory_that_is_replaced_ends_no_run_and_is_told_at_the_end(
    tmp_path: Path, make_state: MakeState, in_its_place: str
) -> None:
    path = tmp_path / "run" / "terraform.tfstate"
    path.parent.mkdir()
    path.write_bytes(make_state(2))
    promoted: list[bytes] = []
    snapshotter = Snapshotter(path, promoted.append)
    assert snapshotter.poll()
    path.parent.rename(tmp_path / "moved")
    if in_its_place == "file":
        path.parent.write_text("not a folder")
    elif in_its_place == "link":
        path.parent.symlink_to("run")
    elif in_its_place == "folder":
        path.mkdir(parents=True)
    assert not snapshotter.poll()
    with pytest.raises(StateError):
        snapshotter.finish()
    assert promoted == [make_state(2)]


def test_another_lineage_is_never_promoted(path: Path, make_state: MakeState) -> None:
    promoted: list[bytes] = []
    snapshotter = Snapshotter(path, promoted.append, baseline=make_state(1))
    path.write_bytes(make_state(2, lineage="lineage-b"))
    assert not snapshotter.poll()
    with pytest.raises(StateLineageError):
        snapshotter.finish()
    assert promoted == []


def test_promotions_keep_their_distance_and_the_end_does_not_wait(
    path: Path, make_state: MakeState
) -> None:
    promoted: list[bytes] = []
    snapshotter = Snapshotter(path, promoted.append, min_interval_seconds=0.2)
    path.write_bytes(make_state(1))
    assert snapshotter.poll()
    path.write_bytes(make_state(2, secret="longer than before"))
    assert not snapshotter.poll()
    time.sleep(0.21)
    assert snapshotter.poll()
    path.write_bytes(make_state(3))
    assert snapshotter.finish()
    assert len(promoted) == 3


def test_a_promotion_that_fails_is_told_and_tried_again(path: Path, make_state: MakeState) -> None:
    answers = [VolumeFullError("full"), StateError("refused"), None]
    promoted: list[bytes] = []

    def promote(data: bytes) -> None:
        answer = answers.pop(0)
        if answer is not None:
            raise answer
        promoted.append(data)

    snapshotter = Snapshotter(path, promote)
    path.write_bytes(make_state(1))
    with pytest.raises(VolumeFullError):
        snapshotter.poll()
    with pytest.raises(StateError, match="refused"):
        snapshotter.poll()
    assert snapshotter.poll()
    assert promoted == [make_state(1)]
