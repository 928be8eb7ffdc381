"""Writers of a state on S3 on several hosts: fences and leases decide, no lock of a file system.

Each store here has a folder of its own for the locks of its host.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from app.clock import utc_now
from app.crypto import KeyRing
from app.domain.fences import Fence
from app.domain.operation_errors import FenceLostError
from app.errors import StackBusyError
from app.storage import s3_lock
from app.storage.s3_lock import MORE, LockTerms, S3LockFile
from app.storage.s3_state_store import S3StateStore
from app.storage.state_format import Pointer
from tests.aws_proxy import Proxy
from tests.moto_cloud import Moto
from tests.state_bucket import StateBucket, before_writing, connect

MakeState = Callable[..., bytes]
STACK = "stk_01"
POINTER = f"landform/stacks/{STACK}/terraform.tfstate"
LOCK_FILE = f"{POINTER}.tflock"
OLD, NEW = Fence(4, "old"), Fence(5, "new")


@dataclass
class Clock:
    """The clock that the hosts share."""

    offset: timedelta = timedelta(0)

    def now(self) -> datetime:
        return utc_now() + self.offset


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def make_host(
    tmp_path: Path, bucket: StateBucket, keys: KeyRing, clock: Clock
) -> Callable[..., S3StateStore]:
    """Return a factory of the store as a writer on a host of its own sees it."""

    def make(fence: Fence, host: str, client: Any = None) -> S3StateStore:
        terms = LockTerms(tmp_path / host, "vol_01", clock.now, 60.0)
        return S3StateStore(bucket.open(client=client), keys, terms, fence)

    return make


@pytest.fixture
def killed(
    make_host: Callable[..., S3StateStore], tmp_path: Path, bucket: StateBucket, clock: Clock
) -> Callable[[Fence, str], None]:
    """Return what leaves a state as a writer does that is killed while it holds it."""

    def kill(fence: Fence, host: str) -> None:
        make_host(fence, host).fence_off(STACK)
        terms = LockTerms(tmp_path / host, "vol_01", clock.now, 60.0)
        S3LockFile(bucket.open(), POINTER, terms, fence).take(0, overtakes=True)

    return kill


@pytest.fixture
def proxy(moto: Moto) -> Iterator[Proxy]:
    proxy = Proxy(moto.port)
    yield proxy
    proxy.close()


def pointer_in(bucket: StateBucket) -> Pointer:
    return Pointer.parse(bucket.read(POINTER), STACK)


def lock_in(bucket: StateBucket) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(bucket.read(LOCK_FILE))
    return found


def test_a_writer_that_wakes_up_after_a_newer_one_writes_nothing_more(
    make_host: Callable[..., S3StateStore], bucket: StateBucket, make_state: MakeState
) -> None:
    old, new = make_host(OLD, "a"), make_host(NEW, "b")
    with old.hold(STACK, 0, overtakes=True) as held:
        first = old.promote(STACK, make_state(1))
        with new.hold(STACK, 0, overtakes=True):
            before = bucket.objects()
            for late in (
                lambda: old.promote(STACK, make_state(2)),
                lambda: old.promote(STACK, make_state(2), over_damage=True),
                lambda: old.point_to(STACK, first),
                lambda: old.retire(STACK),
                lambda: old.fence_off(STACK),
                lambda: old.hold(STACK, 0, overtakes=True).__enter__(),
            ):
                with pytest.raises((FenceLostError, StackBusyError)):
                    late()
            assert bucket.objects() == before
            assert new.current(STACK) == first
            assert new.promote(STACK, make_state(2)).serial == 2
    assert held.descriptor >= 0
    assert pointer_in(bucket).fence == NEW


def test_a_promotion_that_is_on_its_way_when_a_newer_writer_begins_is_refused(
    make_host: Callable[..., S3StateStore], bucket: StateBucket, make_state: MakeState, moto: Moto
) -> None:
    make_host(OLD, "a").promote(STACK, make_state(1))
    client, new = connect(moto.endpoint), make_host(NEW, "b")
    # The old writer has compared everything and is stopped right before its write.
    before_writing(client, "terraform.tfstate", lambda: new.fence_off(STACK))
    with pytest.raises(FenceLostError):
        make_host(OLD, "a", client=client).promote(STACK, make_state(2))
    present = new.current(STACK)
    assert present is not None
    assert present.serial == 1
    assert new.promote(STACK, make_state(2, secret="new")).serial == 2


def test_two_writers_that_got_the_same_number_are_told_apart(
    make_host: Callable[..., S3StateStore], make_state: MakeState
) -> None:
    make_host(Fence(4, "one"), "a").promote(STACK, make_state(1))
    with pytest.raises(FenceLostError):
        make_host(Fence(4, "other"), "b").promote(STACK, make_state(2))


def test_whom_sql_has_made_the_writer_takes_over_at_once_and_others_wait_for_the_lease(
    make_host: Callable[..., S3StateStore],
    killed: Callable[[Fence, str], None],
    bucket: StateBucket,
    clock: Clock,
) -> None:
    killed(OLD, "a")
    assert make_host(NEW, "b").is_held(STACK)
    with pytest.raises(StackBusyError), make_host(NEW, "b").hold(STACK, 0):
        pass
    clock.offset = timedelta(seconds=61)
    assert not make_host(NEW, "b").is_held(STACK)
    with make_host(NEW, "b").hold(STACK, 0):
        assert lock_in(bucket)[MORE]["fence"] == NEW.number
    clock.offset = timedelta(0)
    third = make_host(Fence(6, "third"), "c")
    killed(NEW, "b")
    with third.hold(STACK, 0, overtakes=True):
        assert lock_in(bucket)[MORE]["fence"] == 6
    assert LOCK_FILE not in bucket.names()


def test_the_lease_is_renewed_and_a_newer_writer_is_noticed_by_it(
    make_host: Callable[..., S3StateStore],
    bucket: StateBucket,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(s3_lock, "RENEWALS", 10_000)
    old = make_host(OLD, "a")
    with old.hold(STACK, 0) as held:
        first = lock_in(bucket)["ID"]
        wait_and_renew(held.renew)
        assert lock_in(bucket)["ID"] != first
        bucket.remove(LOCK_FILE)  # as `terraform force-unlock` does
        wait_and_renew(held.renew)
        assert lock_in(bucket)[MORE]["fence"] == OLD.number
        bucket.write(LOCK_FILE, json.dumps({"Who": "anna@laptop"}).encode())
        wait_and_renew(held.renew)
        assert lock_in(bucket) == {"Who": "anna@laptop"}, "a person's lock is left alone"
        bucket.remove(LOCK_FILE)
        with make_host(NEW, "b").hold(STACK, 0, overtakes=True):
            with pytest.raises(FenceLostError):
                wait_and_renew(held.renew)
            assert lock_in(bucket)[MORE]["fence"] == NEW.number


def wait_and_renew(renew: Callable[[], None]) -> None:
    """Renew once a part of the lease is over, which is 6 ms here."""
    time.sleep(0.02)
    renew()


def test_the_end_of_an_old_writer_leaves_the_lock_of_the_newer_one(
    make_host: Callable[..., S3StateStore], bucket: StateBucket
) -> None:
    old = make_host(OLD, "a").hold(STACK, 0)
    old.__enter__()
    with make_host(NEW, "b").hold(STACK, 0, overtakes=True):
        old.__exit__(None, None, None)
        assert lock_in(bucket)[MORE]["fence"] == NEW.number


def test_who_saves_what_a_dead_writer_left_takes_its_lock_away(
    make_host: Callable[..., S3StateStore],
    killed: Callable[[Fence, str], None],
    bucket: StateBucket,
    make_state: MakeState,
) -> None:
    old, saver = make_host(OLD, "a"), make_host(NEW, "b")
    old.hold(STACK, 0).__enter__()
    saver.fence_off(STACK)
    assert LOCK_FILE not in bucket.names()
    with pytest.raises(FenceLostError):
        old.promote(STACK, make_state(1))
    assert saver.promote(STACK, make_state(1)).serial == 1
    bucket.write(LOCK_FILE, b'{"Who": "anna@laptop"}')
    saver.fence_off(STACK)
    assert bucket.read(LOCK_FILE) == b'{"Who": "anna@laptop"}'


@pytest.mark.parametrize("held_back", ["PUT *tflock*", "PUT *.tfstate"])
def test_a_lock_whose_answer_was_lost_is_recognized(
    make_host: Callable[..., S3StateStore], proxy: Proxy, bucket: StateBucket, held_back: str
) -> None:
    impatient = connect(proxy.endpoint, read_timeout=2)
    rule = proxy.hold_answer_of(held_back)
    with make_host(NEW, "b", client=impatient).hold(STACK, 0):
        assert rule.reached.is_set()
        assert lock_in(bucket)[MORE]["fence"] == NEW.number
        assert pointer_in(bucket).fence == NEW


def test_the_newest_fence_is_that_of_lock_and_pointer_also_when_one_is_damaged(
    make_host: Callable[..., S3StateStore],
    killed: Callable[[Fence, str], None],
    bucket: StateBucket,
    make_state: MakeState,
) -> None:
    store = make_host(OLD, "a")
    assert store.newest_fence(STACK) == Fence()
    store.promote(STACK, make_state(1))
    assert store.newest_fence(STACK) == OLD
    killed(NEW, "b")
    assert store.newest_fence(STACK) == NEW
    bucket.write(POINTER, b"torn")
    assert store.newest_fence(STACK) == NEW
    bucket.write(LOCK_FILE, json.dumps({**lock_in(bucket), MORE: {"fence": "x"}}).encode())
    assert store.newest_fence(STACK) == Fence()


def test_a_damaged_pointer_keeps_no_rollback_from_writing_over_it(
    make_host: Callable[..., S3StateStore], bucket: StateBucket, make_state: MakeState
) -> None:
    make_host(OLD, "a").promote(STACK, make_state(1))
    bucket.write(POINTER, b"torn")
    new = make_host(NEW, "b")
    with new.hold(STACK, 0, overtakes=True):
        new.promote(STACK, make_state(2), over_damage=True)
    assert pointer_in(bucket).fence == NEW


def test_a_pointer_of_a_former_version_has_no_fence_and_is_read_by_both(
    bucket: StateBucket, make_host: Callable[..., S3StateStore], make_state: MakeState
) -> None:
    unfenced = replace(Pointer(), state=None).to_bytes()
    assert b"fence" not in unfenced
    bucket.write(POINTER, unfenced)
    store = make_host(NEW, "b")
    assert store.current(STACK) is None
    store.promote(STACK, make_state(1))
    body = json.loads(bucket.read(POINTER))
    assert body["fence"] == {"number": 5, "writer": "new"}
    assert set(body) == {"format", "state", "fence", "checksum"}
