"""What holds of a state store on the volume and in a bucket alike."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from app.crypto import KeyRing
from app.domain.state_errors import (
    StateCorruptError,
    StateError,
    StateLineageError,
    StateSerialError,
)
from app.errors import ConflictError, NotFoundError, StackBusyError
from app.storage.s3_errors import StateMovedError
from app.storage.s3_lock import LockTerms
from app.storage.s3_state_store import S3StateStore
from app.storage.state_store import StateStore
from app.storage.volume import Volume
from app.storage.volume_state_store import VolumeStateStore
from tests.state_bucket import StateBucket

MakeState = Callable[..., bytes]
STACK = "stk_01"


@dataclass(frozen=True)
class Form:
    """One form of the store, and what it keeps as somebody sees who looks underneath."""

    store: StateStore
    open: Callable[[KeyRing], StateStore]
    objects: Callable[[], dict[str, bytes]]
    write: Callable[[str, bytes], object]
    remove: Callable[[str], object]
    pointer_name: str
    step: int
    """How far apart the positions are at which damage is tried."""

    @property
    def pointer(self) -> str:
        return f"stacks/{STACK}/{self.pointer_name}"

    def version(self, serial: int) -> str:
        (found,) = (name for name in self.objects() if f"{STACK}/versions/{serial}-" in name)
        return found


@pytest.fixture
def on_volume(volume: Volume, store: VolumeStateStore) -> Form:
    root = volume.root

    def objects() -> dict[str, bytes]:
        found = (path for path in (root / "stacks").rglob("*") if path.is_file())
        return {str(path.relative_to(root)): path.read_bytes() for path in found}

    return Form(
        store,
        lambda keys: VolumeStateStore(volume, keys),
        objects,
        lambda name, data: (root / name).write_bytes(data),
        lambda name: (root / name).unlink(),
        "current",
        step=1,
    )


@pytest.fixture
def in_bucket(terms: LockTerms, bucket: StateBucket, s3_store: S3StateStore) -> Form:
    start = f"{bucket.place.prefix}/"
    return Form(
        s3_store,
        lambda keys: S3StateStore(bucket.open(), keys, terms),
        lambda: {key.removeprefix(start): data for key, data in bucket.objects().items()},
        lambda name, data: bucket.write(start + name, data),
        lambda name: bucket.remove(start + name),
        "terraform.tfstate",
        step=83,
    )


@pytest.fixture(params=["on_volume", "in_bucket"])
def form(request: pytest.FixtureRequest) -> Form:
    found: Form = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def any_store(form: Form) -> StateStore:
    return form.store


def test_a_stack_without_state_has_none(form: Form) -> None:
    assert form.store.current(STACK) is None
    assert form.store.versions(STACK) == ()
    assert form.objects() == {}


def test_a_promoted_state_is_current_and_read_back(
    any_store: StateStore, make_state: MakeState
) -> None:
    data = make_state(3)
    stored = any_store.promote(STACK, data)
    assert stored.sha256 == hashlib.sha256(data).hexdigest()
    assert (stored.serial, stored.lineage, stored.size_bytes) == (3, "lineage-a", len(data))
    assert any_store.current(STACK) == stored
    assert any_store.read(STACK, 3, stored.sha256) == data


def test_nothing_secret_of_a_state_is_kept_in_plain_text(form: Form, make_state: MakeState) -> None:
    form.store.promote(STACK, make_state(1, secret="s3cret-value"))
    assert len(form.objects()) == 2
    for content in form.objects().values():
        assert b"s3cret-value" not in content


def test_the_same_bytes_again_change_nothing(form: Form, make_state: MakeState) -> None:
    first = form.store.promote(STACK, make_state(1))
    before = form.objects()
    assert form.store.promote(STACK, make_state(1)) == first
    assert form.store.promote(STACK, make_state(1).rstrip()) == first
    assert form.objects() == before


def test_newer_states_follow_and_older_versions_stay(
    any_store: StateStore, make_state: MakeState
) -> None:
    first, second = any_store.promote(STACK, make_state(1)), any_store.promote(STACK, make_state(4))
    assert [item.serial for item in any_store.versions(STACK)] == [1, 4]
    assert any_store.current(STACK) == second
    assert any_store.read(STACK, 1, first.sha256) == make_state(1)


@pytest.mark.parametrize(
    ("serial", "lineage", "secret", "error"),
    [
        (4, "lineage-a", "s3cret-value", StateSerialError),
        (5, "lineage-a", "another", StateSerialError),
        (6, "lineage-b", "s3cret-value", StateLineageError),
    ],
)
def test_a_state_that_may_not_follow_changes_nothing(
    form: Form,
    make_state: MakeState,
    serial: int,
    lineage: str,
    secret: str,
    error: type[StateError],
) -> None:
    stored = form.store.promote(STACK, make_state(5))
    before = form.objects()
    with pytest.raises(error):
        form.store.promote(STACK, make_state(serial, lineage, secret))
    assert form.store.current(STACK) == stored
    assert form.objects() == before


def test_a_candidate_torn_at_any_byte_is_never_promoted(form: Form, make_state: MakeState) -> None:
    stored = form.store.promote(STACK, make_state(1))
    candidate = make_state(2)
    for length in range(0, len(candidate) - 1, form.step):
        with pytest.raises(StateError):
            form.store.promote(STACK, candidate[:length])
    assert form.store.current(STACK) == stored


def test_a_version_that_is_torn_or_changed_anywhere_is_said(
    form: Form, make_state: MakeState
) -> None:
    stored = form.store.promote(STACK, make_state(1))
    name = form.version(1)
    whole = form.objects()[name]
    for position in range(0, len(whole), form.step):
        changed = bytearray(whole)
        changed[position] ^= 1 << (position % 8)
        for damaged in (whole[:position], bytes(changed)):
            form.write(name, damaged)
            with pytest.raises(StateCorruptError):
                form.store.read(STACK, 1, stored.sha256)
    with pytest.raises(StateCorruptError):
        form.store.promote(STACK, make_state(2))
    form.write(name, whole)
    assert form.store.read(STACK, 1, stored.sha256) == make_state(1)


def test_a_pointer_that_is_torn_or_changed_anywhere_is_said(
    form: Form, make_state: MakeState
) -> None:
    stored = form.store.promote(STACK, make_state(1))
    whole = form.objects()[form.pointer]
    for position in range(0, len(whole) - 1, form.step):
        changed = bytearray(whole)
        changed[position] ^= 1 << (position % 7)
        for damaged in (whole[:position], bytes(changed)):
            form.write(form.pointer, damaged)
            with pytest.raises(StateCorruptError, match="pointer"):
                form.store.current(STACK)
    with pytest.raises(StateCorruptError):
        form.store.promote(STACK, make_state(2))
    form.write(form.pointer, whole)
    assert form.store.current(STACK) == stored


def test_a_lost_pointer_is_damage_and_not_a_new_stack(form: Form, make_state: MakeState) -> None:
    form.store.promote(STACK, make_state(5))
    form.remove(form.pointer)
    for call in (
        lambda: form.store.current(STACK),
        lambda: form.store.promote(STACK, make_state(1)),
    ):
        with pytest.raises(StateCorruptError, match="gone"):
            call()


@pytest.mark.parametrize("damage", ["torn pointer", "lost pointer", "lost version"])
def test_a_state_that_was_compared_elsewhere_may_follow_damage(
    form: Form, make_state: MakeState, damage: str
) -> None:
    form.store.promote(STACK, make_state(5))
    if damage == "torn pointer":
        form.write(form.pointer, b"{")
    else:
        form.remove(form.pointer if damage == "lost pointer" else form.version(5))
    stored = form.store.promote(STACK, make_state(6), over_damage=True)
    assert form.store.current(STACK) == stored
    assert form.store.read(STACK, 6, stored.sha256) == make_state(6)


def test_a_present_version_that_is_gone_lets_nothing_follow(
    form: Form, make_state: MakeState
) -> None:
    stored = form.store.promote(STACK, make_state(1))
    form.remove(form.version(1))
    with pytest.raises(NotFoundError):
        form.store.read(STACK, 1, stored.sha256)
    with pytest.raises(StateCorruptError, match="gone"):
        form.store.promote(STACK, make_state(2))


def test_a_state_put_in_the_place_of_another_stack_does_not_open(
    form: Form, make_state: MakeState
) -> None:
    stored = form.store.promote(STACK, make_state(1))
    form.store.promote("stk_02", make_state(1))
    name = form.version(1)
    form.write(name.replace(STACK, "stk_02"), form.objects()[name])
    with pytest.raises(StateCorruptError):
        form.store.read("stk_02", 1, stored.sha256)


def test_a_version_under_the_name_of_another_is_said(form: Form, make_state: MakeState) -> None:
    form.store.promote(STACK, make_state(1))
    name = form.version(1)
    form.write(f"stacks/{STACK}/versions/1-{'0' * 64}.tfstate", form.objects()[name])
    with pytest.raises(StateCorruptError, match="checksum"):
        form.store.read(STACK, 1, "0" * 64)


def test_a_lost_key_is_said_with_the_setting_to_check(form: Form, make_state: MakeState) -> None:
    stored = form.store.promote(STACK, make_state(1))
    other = form.open(KeyRing("k2", {"k2": bytes(32)}))
    with pytest.raises(StateCorruptError) as caught:
        other.read(STACK, 1, stored.sha256)
    assert "LANDFORM_ENCRYPTION_KEYS" in caught.value.advice


@pytest.mark.parametrize("stack_id", ["", "..", "../etc", "stk_a/b", "stk_a\n", "STK_A", "stk_ü"])
def test_a_hostile_stack_id_reaches_nothing(
    form: Form, make_state: MakeState, stack_id: str
) -> None:
    for call in (
        lambda: form.store.current(stack_id),
        lambda: form.store.versions(stack_id),
        lambda: form.store.read(stack_id, 1, "0" * 64),
        lambda: form.store.promote(stack_id, make_state(1)),
        lambda: form.store.delete_version(stack_id, 1, "0" * 64),
        lambda: form.store.is_held(stack_id),
        lambda: form.store.hold(stack_id, 0).__enter__(),
    ):
        with pytest.raises(NotFoundError):
            call()
    assert form.objects() == {}


@pytest.mark.parametrize("sha256", ["", "../../current", "0" * 63, "A" * 64, "0" * 64 + "\n"])
def test_a_hostile_checksum_reaches_nothing(
    any_store: StateStore, make_state: MakeState, sha256: str
) -> None:
    any_store.promote(STACK, make_state(1))
    with pytest.raises(NotFoundError):
        any_store.read(STACK, 1, sha256)
    with pytest.raises(NotFoundError):
        any_store.delete_version(STACK, -1, sha256)


def test_old_versions_can_be_deleted_and_the_present_one_cannot(
    any_store: StateStore, make_state: MakeState
) -> None:
    first, second = any_store.promote(STACK, make_state(1)), any_store.promote(STACK, make_state(2))
    any_store.delete_version(STACK, 1, first.sha256)
    assert [item.serial for item in any_store.versions(STACK)] == [2]
    with pytest.raises(NotFoundError):
        any_store.delete_version(STACK, 1, first.sha256)
    with pytest.raises(ConflictError):
        any_store.delete_version(STACK, 2, second.sha256)
    assert any_store.read(STACK, 2, second.sha256) == make_state(2)


def test_young_versions_are_left_out_when_old_ones_are_asked_for(
    any_store: StateStore, make_state: MakeState
) -> None:
    any_store.promote(STACK, make_state(1))
    assert any_store.versions(STACK, min_age_seconds=3600) == ()
    assert len(any_store.versions(STACK, min_age_seconds=-3600)) == 1


def test_a_version_from_a_cut_promotion_is_finished_by_the_next(
    form: Form, make_state: MakeState
) -> None:
    form.store.promote(STACK, make_state(1))
    pointer = form.objects()[form.pointer]
    second = form.store.promote(STACK, make_state(2))
    form.write(form.pointer, pointer)
    assert form.store.promote(STACK, make_state(2)) == second
    form.write(form.pointer, pointer)
    form.write(form.version(2), b"torn")
    form.store.promote(STACK, make_state(2))
    assert form.store.current(STACK) == second
    assert form.store.read(STACK, 2, second.sha256) == make_state(2)


def test_a_state_that_comes_from_elsewhere_is_kept_before_it_is_present(
    any_store: StateStore, make_state: MakeState
) -> None:
    first, second = any_store.keep(STACK, make_state(1)), any_store.keep(STACK, make_state(4))
    assert any_store.current(STACK) is None
    any_store.point_to(STACK, second)
    any_store.point_to(STACK, second)
    assert any_store.current(STACK) == second
    assert any_store.read(STACK, 1, first.sha256) == make_state(1)
    with pytest.raises(StateSerialError):
        any_store.point_to(STACK, first)
    with pytest.raises(StateSerialError):
        any_store.point_to(STACK, None)
    assert any_store.promote(STACK, make_state(5)).serial == 5


def test_a_place_that_a_state_has_left_says_so_and_takes_nothing_until_it_comes_back(
    form: Form, make_state: MakeState
) -> None:
    form.store.promote(STACK, make_state(1))
    second = form.store.promote(STACK, make_state(2))
    form.store.retire(STACK)
    assert list(form.objects()) == [form.pointer]
    for call in (
        lambda: form.store.current(STACK),
        lambda: form.store.promote(STACK, make_state(3)),
        lambda: form.store.promote(STACK, make_state(3), over_damage=True),
    ):
        with pytest.raises(StateMovedError):
            call()
    form.store.retire(STACK)
    assert form.store.keep(STACK, make_state(2)) == second
    form.store.point_to(STACK, second)
    assert form.store.current(STACK) == second


def test_a_stack_without_state_may_leave_and_come_back(any_store: StateStore) -> None:
    any_store.retire(STACK)
    with pytest.raises(StateMovedError):
        any_store.current(STACK)
    any_store.point_to(STACK, None)
    assert any_store.current(STACK) is None


def test_a_stack_has_one_writer_at_a_time(any_store: StateStore) -> None:
    assert not any_store.is_held(STACK)
    with any_store.hold(STACK, 0):
        assert any_store.is_held(STACK)
        with pytest.raises(StackBusyError), any_store.hold(STACK, 0.2):
            pass
        with any_store.hold("stk_other", 0):
            pass
    assert not any_store.is_held(STACK)
    with any_store.hold(STACK, 0):
        pass


def test_the_writers_lock_is_not_taken_for_a_state(any_store: StateStore) -> None:
    with any_store.hold(STACK, 0):
        assert any_store.current(STACK) is None
    assert any_store.versions(STACK) == ()
