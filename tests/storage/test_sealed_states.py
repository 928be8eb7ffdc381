"""Sealed versions are copied as they are, and put back so that the store finds them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app.clock import utc_now
from app.crypto import KeyRing
from app.errors import NotFoundError
from app.storage.s3_lock import LockTerms
from app.storage.s3_state_store import S3StateStore
from app.storage.sealed_states import S3SealedStates, SealedStates, VolumeSealedStates
from app.storage.state_store import StateStore
from app.storage.volume import Volume
from app.storage.volume_state_store import VolumeStateStore
from tests.conftest import ENCRYPTION_KEYS
from tests.services.backup.conftest import state
from tests.state_bucket import StateBucket

STACK = "stk_1"
KEYS = KeyRing.parse(ENCRYPTION_KEYS)
Place = tuple[StateStore, SealedStates]


@pytest.fixture(params=["volume", "s3"])
def make_place(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[str], Place]:
    """Return a factory of places, each with its store."""

    def make(name: str) -> Place:
        volume = Volume(tmp_path / name)
        volume.initialize()
        if request.param == "volume":
            return VolumeStateStore(volume, KEYS), VolumeSealedStates(volume)
        bucket: Any = StateBucket(request.getfixturevalue("moto")).open()
        terms = LockTerms(tmp_path / "locks", "vol_1", utc_now, 60.0)
        return S3StateStore(bucket, KEYS, terms), S3SealedStates(bucket)

    return make


def test_a_version_is_the_same_at_another_place(make_place: Callable[[str], Place]) -> None:
    (store, states), (other_store, other_states) = make_place("one"), make_place("two")
    assert states.stacks() == set()
    first, second = store.promote(STACK, state(1)), store.promote(STACK, state(2))
    for stored in (first, second):
        sealed = states.read(STACK, stored.serial, stored.sha256)
        assert sealed is not None
        other_states.put(STACK, stored.serial, stored.sha256, sealed)
        other_states.put(STACK, stored.serial, stored.sha256, sealed)  # again, over itself
    assert other_store.current(STACK) is None
    other_states.point_to(STACK, second)
    other_states.sync()
    assert other_store.current(STACK) == second
    assert other_store.read(STACK, 1, first.sha256) == state(1)
    assert other_store.read(STACK, 2, second.sha256) == state(2)
    assert other_states.stacks() == states.stacks() == {STACK}
    assert [item.serial for item in other_store.versions(STACK)] == [1, 2]


def test_what_is_not_there_is_none_and_a_path_is_no_name(
    make_place: Callable[[str], Place],
) -> None:
    _, states = make_place("one")
    assert states.read(STACK, 1, "0" * 64) is None
    for stack_id, sha256 in (("../../etc", "0" * 64), (STACK, "../x")):
        with pytest.raises(NotFoundError):
            states.put(stack_id, 1, sha256, b"x")
