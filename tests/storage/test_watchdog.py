"""A mount that hangs holds nobody for long, and is as good as new when it answers again."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from app.storage.volume import SENTINEL, Volume
from app.storage.volume_errors import VolumeHungError
from app.storage.volume_state_store import VolumeStateStore
from app.storage.watchdog import NoAnswerError, ask_within

STACK = "stk_01"
TOLD_WITHIN_SECONDS = 5


@contextmanager
def hung(volume: Volume, path: Path | None = None) -> Iterator[None]:
    """Make every reader of the sentinel (or ``path``) wait, as a mount does without its server."""
    sentinel = path or volume.root / SENTINEL
    aside = volume.root.with_name("sentinel")
    sentinel.rename(aside)
    os.mkfifo(sentinel)
    try:
        yield
    finally:
        # The server is back: whoever still waits gets an answer.
        os.close(os.open(sentinel, os.O_RDWR | os.O_NONBLOCK))
        waiting = os.open(sentinel, os.O_RDWR | os.O_NONBLOCK)
        aside.replace(sentinel)
        os.close(waiting)


def took_seconds(work: Callable[[], object]) -> float:
    started = time.monotonic()
    with pytest.raises(VolumeHungError, match="does not answer"):
        work()
    return time.monotonic() - started


def test_a_hung_volume_is_said_in_time_at_once_from_then_on_and_work_resumes(
    volume: Volume, store: VolumeStateStore, make_state: Callable[[int], bytes]
) -> None:
    stored = store.promote(STACK, make_state(1))
    with hung(volume):
        assert took_seconds(volume.check) < TOLD_WITHIN_SECONDS
        for work in (
            volume.check,
            volume.free_bytes,
            lambda: store.current(STACK),
            lambda: store.promote(STACK, make_state(2)),
        ):
            assert took_seconds(work) < TOLD_WITHIN_SECONDS
        threads = [thread for thread in threading.enumerate() if thread.name.startswith("asks")]
        assert len(threads) == 1, "nobody else is sent after the one who waits"
        with pytest.raises(VolumeHungError), store.hold(STACK, 0):
            pass
    threads[0].join(TOLD_WITHIN_SECONDS)
    volume.check()
    assert store.current(STACK) == stored
    assert store.promote(STACK, make_state(2)).serial == 2


def test_a_volume_that_hangs_in_the_middle_of_work_is_given_up_on_and_nothing_is_lost(
    volume: Volume,
    store: VolumeStateStore,
    make_state: Callable[[int], bytes],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first = store.promote(STACK, make_state(1))
    monkeypatch.setattr("app.storage.volume_state_store.WORK_SECONDS", 0.3)
    pointer = volume.root / "stacks" / STACK / "current"
    with hung(volume, pointer):
        assert took_seconds(lambda: store.promote(STACK, make_state(2))) < TOLD_WITHIN_SECONDS
        assert took_seconds(lambda: store.current(STACK)) < TOLD_WITHIN_SECONDS
        (waiting,) = [item for item in threading.enumerate() if item.name.startswith("asks")]
    waiting.join(TOLD_WITHIN_SECONDS)
    assert store.current(STACK) == first
    assert store.promote(STACK, make_state(2)).serial == 2


def test_two_mounts_do_not_wait_for_each_other(volume: Volume, tmp_path: os.PathLike[str]) -> None:
    other = Volume(volume.root.with_name("other"))
    other.initialize()
    with hung(volume):
        took_seconds(volume.check)
        other.check()


def test_an_error_of_the_question_goes_on_to_the_one_who_asked(volume: Volume) -> None:
    def refuse() -> None:
        raise PermissionError("not you")

    with pytest.raises(PermissionError, match="not you"):
        ask_within(volume.root, 1, refuse)
    with pytest.raises(NoAnswerError):
        ask_within(volume.root, 0, lambda: time.sleep(0.2))
