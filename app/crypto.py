"""Envelope encryption of what is kept at rest: AES-256-GCM under a key ring.

Each object gets its own random data key; the data key is wrapped by the newest key of the ring.
``associated`` binds an object to its place (say ``state:stk_…:7``), so that a valid object put
elsewhere does not open. Format: ``LFE1 | key id length | key id | nonce | wrapped | nonce | body``.
The key can be changed without touching the body: only the head, up to ``wrapped``, is made anew.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
from collections.abc import Mapping
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from app.errors import ConfigurationError, DecryptionError

MAGIC = b"LFE1"
NONCE_BYTES = 12
KEY_BYTES = 32
WRAPPED_BYTES = KEY_BYTES + 16
# The longest head that an object can have; reading so many bytes is enough to re-wrap it.
MAX_HEAD_BYTES = len(MAGIC) + 1 + 255 + NONCE_BYTES + WRAPPED_BYTES
FINGERPRINT_HEX = 16


@dataclass(frozen=True)
class SealedHead:
    """The first part of a sealed object: which key wrapped its data key, and the data key."""

    key_id: str
    nonce: bytes
    wrapped: bytes
    size_bytes: int

    @classmethod
    def parse(cls, sealed: bytes) -> SealedHead:
        """Read the head of an object; ``MAX_HEAD_BYTES`` of it are enough.

        Raises:
            DecryptionError: the bytes do not begin like a sealed object.
        """
        start = len(MAGIC) + 1 + (sealed[len(MAGIC)] if len(sealed) > len(MAGIC) else 0)
        size_bytes = start + NONCE_BYTES + WRAPPED_BYTES
        if sealed[: len(MAGIC)] != MAGIC or len(sealed) < size_bytes:
            raise DecryptionError("The data is not in Landform's encrypted format.")
        try:
            key_id = sealed[len(MAGIC) + 1 : start].decode()
        except UnicodeDecodeError as error:
            raise DecryptionError("The name of the key is damaged.") from error
        nonce, wrapped = sealed[start : start + NONCE_BYTES], sealed[start + NONCE_BYTES :]
        return cls(key_id, nonce, wrapped[:WRAPPED_BYTES], size_bytes)


@dataclass(frozen=True)
class KeyRing:
    """Key-encryption keys by id; ``primary`` wraps new objects, all of them open old ones."""

    primary: str
    keys: Mapping[str, bytes]

    @classmethod
    def parse(cls, text: str) -> KeyRing:
        """Read ``id:base64,id:base64``, newest first.

        Raises:
            ConfigurationError: an entry is malformed or a key has not 32 bytes.
        """
        keys: dict[str, bytes] = {}
        for entry in filter(None, (part.strip() for part in text.split(","))):
            key_id, _, encoded = entry.partition(":")
            keys[key_id] = _decode_key(key_id, encoded)
        if not keys:
            raise ConfigurationError("LANDFORM_ENCRYPTION_KEYS lists no key.")
        return cls(primary=next(iter(keys)), keys=keys)

    def fingerprints(self) -> tuple[str, ...]:
        """Return ``id:hash`` of each key: tells rings apart and gives nothing of a key away."""
        return tuple(
            f"{key_id}:{hashlib.sha256(b'landform key ' + key).hexdigest()[:FINGERPRINT_HEX]}"
            for key_id, key in self.keys.items()
        )

    def encrypt(self, plain: bytes, associated: str) -> bytes:
        """Seal ``plain``; it opens only with a key of the ring and the same ``associated``."""
        data_key, nonce = AESGCM.generate_key(bit_length=256), os.urandom(NONCE_BYTES)
        body = AESGCM(data_key).encrypt(nonce, plain, associated.encode())
        return b"".join([self._wrap(data_key), nonce, body])

    def decrypt(self, sealed: bytes, associated: str) -> bytes:
        """Open what ``encrypt`` sealed.

        Raises:
            DecryptionError: wrong key, wrong ``associated``, or a changed byte.
        """
        head = SealedHead.parse(sealed)
        data_key, rest = self._unwrap(head), sealed[head.size_bytes :]
        try:
            return AESGCM(data_key).decrypt(
                rest[:NONCE_BYTES], rest[NONCE_BYTES:], associated.encode()
            )
        except (InvalidTag, ValueError) as error:
            raise DecryptionError(
                f"The data of {associated} was changed, or belongs to another place."
            ) from error

    def rewrap(self, head: bytes) -> bytes | None:
        """Return a new head that the newest key wraps, or nothing when it does already.

        The data key stays, so the body that follows the head stays as it is, whatever its size.

        Args:
            head: the first bytes of an object, ``MAX_HEAD_BYTES`` or all of it; the new head takes
                the place of the first ``SealedHead.parse(head).size_bytes``.

        Raises:
            DecryptionError: no key of the ring opens the head.
        """
        parsed = SealedHead.parse(head)
        if parsed.key_id == self.primary:
            return None
        return self._wrap(self._unwrap(parsed))

    def sign(self, message: bytes, purpose: str) -> tuple[str, str]:
        """Return the id of the newest key, and what it makes of ``message`` (HMAC-SHA-256, hex).

        Args:
            message: what is to be proven genuine later.
            purpose: keeps signatures of one kind from passing for those of another.
        """
        return self.primary, self._signature(self.primary, message, purpose)

    def is_signed(self, message: bytes, purpose: str, key_id: str, signature: str) -> bool:
        """Tell whether ``sign`` gave this signature.

        Raises:
            DecryptionError: the key is not in the ring, so nobody can tell.
        """
        expected = self._signature(key_id, message, purpose)
        return hmac.compare_digest(expected.encode(), signature.encode())

    def _signature(self, key_id: str, message: bytes, purpose: str) -> str:
        own = hmac.digest(self._key(key_id), f"landform {purpose}".encode(), "sha256")
        return hmac.digest(own, message, "sha256").hex()

    def _wrap(self, data_key: bytes) -> bytes:
        key_id, nonce = self.primary.encode(), os.urandom(NONCE_BYTES)
        wrapped = AESGCM(self.keys[self.primary]).encrypt(nonce, data_key, key_id)
        return b"".join([MAGIC, bytes([len(key_id)]), key_id, nonce, wrapped])

    def _unwrap(self, head: SealedHead) -> bytes:
        key = self._key(head.key_id)
        try:
            return AESGCM(key).decrypt(head.nonce, head.wrapped, head.key_id.encode())
        except InvalidTag as error:
            raise DecryptionError(
                f"Key {head.key_id!r} of LANDFORM_ENCRYPTION_KEYS does not open it: the data was "
                "changed, or another key has this name now."
            ) from error

    def _key(self, key_id: str) -> bytes:
        try:
            return self.keys[key_id]
        except KeyError as error:
            raise DecryptionError(
                f"Key {key_id!r} is not in LANDFORM_ENCRYPTION_KEYS any more."
            ) from error


def _decode_key(key_id: str, encoded: str) -> bytes:
    try:
        key = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not 0 < len(key_id.encode()) < 256 or len(key) != KEY_BYTES:
        raise ConfigurationError(
            "LANDFORM_ENCRYPTION_KEYS: each entry is `id:` followed by 32 bytes in base64, "
            f"entry {key_id!r} is not."
        )
    return key
