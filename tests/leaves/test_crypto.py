"""What is sealed opens only with its key, at its place, and unchanged."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.crypto import MAX_HEAD_BYTES, KeyRing, SealedHead
from app.errors import ConfigurationError, DecryptionError

OLD, NEW = bytes(range(32)), bytes(range(32, 64))


def encoded(key: bytes) -> str:
    return base64.b64encode(key).decode()


@pytest.fixture(scope="module")
def ring() -> KeyRing:
    return KeyRing.parse(f"k1:{encoded(OLD)}")


@given(plain=st.binary(max_size=500), place=st.text(max_size=50))
def test_what_was_sealed_comes_back(plain: bytes, place: str) -> None:
    ring = KeyRing.parse(f"k1:{encoded(OLD)}")
    sealed = ring.encrypt(plain, place)
    assert ring.decrypt(sealed, place) == plain


def test_the_plain_text_is_not_in_it_and_no_two_are_alike(ring: KeyRing) -> None:
    one, other = ring.encrypt(b"secret value", "here"), ring.encrypt(b"secret value", "here")
    assert b"secret" not in one
    assert one != other


def test_it_does_not_open_at_another_place(ring: KeyRing) -> None:
    with pytest.raises(DecryptionError):
        ring.decrypt(ring.encrypt(b"x", "state:stk_a:1"), "state:stk_a:2")


def test_no_single_byte_can_be_changed_or_cut(ring: KeyRing) -> None:
    sealed = ring.encrypt(b"state", "here")
    for index in range(len(sealed)):
        flipped = bytearray(sealed)
        flipped[index] ^= 1
        with pytest.raises(DecryptionError):
            ring.decrypt(bytes(flipped), "here")
        with pytest.raises(DecryptionError):
            ring.decrypt(sealed[:index], "here")


def test_a_new_key_seals_and_the_old_one_still_opens(ring: KeyRing) -> None:
    both = KeyRing.parse(f"k2:{encoded(NEW)}, k1:{encoded(OLD)}")
    assert both.decrypt(ring.encrypt(b"old", "here"), "here") == b"old"
    sealed = both.encrypt(b"new", "here")
    with pytest.raises(DecryptionError, match="k2"):
        ring.decrypt(sealed, "here")


@given(plain=st.binary(max_size=500), tail=st.integers(0, 500))
def test_the_newest_key_takes_over_an_object_without_touching_its_body(
    plain: bytes, tail: int
) -> None:
    old, new = KeyRing.parse(f"k1:{encoded(OLD)}"), KeyRing.parse(f"a-longer-id:{encoded(NEW)}")
    both = KeyRing.parse(f"a-longer-id:{encoded(NEW)}, k1:{encoded(OLD)}")
    sealed = old.encrypt(plain, "here")
    size_bytes = SealedHead.parse(sealed).size_bytes
    head = both.rewrap(sealed[: size_bytes + tail])
    assert head is not None
    rewrapped = head + sealed[size_bytes:]
    assert new.decrypt(rewrapped, "here") == plain
    assert SealedHead.parse(rewrapped).key_id == "a-longer-id"
    assert both.rewrap(rewrapped) is None, "there is nothing left to do"


def test_no_flipped_bit_of_a_head_is_carried_over(ring: KeyRing) -> None:
    both = KeyRing.parse(f"k2:{encoded(NEW)}, k1:{encoded(OLD)}")
    sealed = ring.encrypt(b"state", "here")
    for index in range(SealedHead.parse(sealed).size_bytes):
        flipped = bytearray(sealed)
        flipped[index] ^= 4
        with pytest.raises(DecryptionError):
            both.rewrap(bytes(flipped))


def test_the_longest_head_fits_what_is_read_of_it() -> None:
    ring = KeyRing.parse(f"{'i' * 255}:{encoded(OLD)}")
    sealed = ring.encrypt(bytes(1000), "here")
    assert SealedHead.parse(sealed[:MAX_HEAD_BYTES]).size_bytes == MAX_HEAD_BYTES


def test_a_fingerprint_tells_keys_apart_and_gives_none_away(ring: KeyRing) -> None:
    other = KeyRing.parse(f"k1:{encoded(NEW)}")
    assert ring.fingerprints() == KeyRing.parse(f"k1:{encoded(OLD)}").fingerprints()
    assert ring.fingerprints() != other.fingerprints()
    assert encoded(OLD)[:8] not in ring.fingerprints()[0]
    assert OLD.hex()[:8] not in ring.fingerprints()[0]


def test_a_key_of_the_same_name_but_other_bytes_opens_nothing(ring: KeyRing) -> None:
    other = KeyRing.parse(f"k1:{encoded(NEW)}")
    with pytest.raises(DecryptionError):
        other.decrypt(ring.encrypt(b"x", "here"), "here")


@pytest.mark.parametrize(
    "text",
    ["", " , ", "k1", "k1:", ":" + encoded(OLD), "k1:short", f"k1:{encoded(OLD[:31])}", "k1:§§§"],
)
def test_a_malformed_ring_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(ConfigurationError, match="LANDFORM_ENCRYPTION_KEYS") as caught:
        KeyRing.parse(text)
    assert encoded(OLD[:31]) not in caught.value.detail
