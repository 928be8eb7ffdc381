"""Envelope encryption of what is kept at rest: AES-256-GCM under a key ring.

Each object gets its own random data key; the data key is wrapped by the newest key of the ring.
``associated`` binds an object to its place (say ``state:stk_…:7``), so that a valid object put
elsewhere does not open. Format: ``LFE1 | key id length | key id | nonce | wrapped | nonce | body``.
"""

from __future__ import annotations

import base64
import binascii
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

    def encrypt(self, plain: bytes, associated: str) -> bytes:
        """Seal ``plain``; it opens only with a key of the ring and the same ``associated``."""
        data_key = AESGCM.generate_key(bit_length=256)
        key_id = self.primary.encode()
        wrap_nonce, nonce = os.urandom(NONCE_BYTES), os.urandom(NONCE_BYTES)
        wrapped = AESGCM(self.keys[self.primary]).encrypt(wrap_nonce, data_key, key_id)
        body = AESGCM(data_key).encrypt(nonce, plain, associated.encode())
        return b"".join([MAGIC, bytes([len(key_id)]), key_id, wrap_nonce, wrapped, nonce, body])

    def decrypt(self, sealed: bytes, associated: str) -> bytes:
        """Open what ``encrypt`` sealed.

        Raises:
            DecryptionError: wrong key, wrong ``associated``, or a changed byte.
        """
        try:
            if sealed[:4] != MAGIC:
                raise DecryptionError("The data is not in Landform's encrypted format.")
            start = 5 + sealed[4]
            key_id = sealed[5:start].decode()
            wrap_nonce, rest = sealed[start : start + NONCE_BYTES], sealed[start + NONCE_BYTES :]
            wrapped, rest = rest[:WRAPPED_BYTES], rest[WRAPPED_BYTES:]
            data_key = AESGCM(self._key(key_id)).decrypt(wrap_nonce, wrapped, key_id.encode())
            return AESGCM(data_key).decrypt(
                rest[:NONCE_BYTES], rest[NONCE_BYTES:], associated.encode()
            )
        except (InvalidTag, IndexError, ValueError) as error:
            raise DecryptionError(
                f"The data of {associated} was changed, or sealed with another key."
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
