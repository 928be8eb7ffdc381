"""Fixtures of the storage tests: a real volume, a key ring, states, and a disk that refuses."""

from __future__ import annotations

import json
import os
import resource
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from app.clock import utc_now
from app.crypto import KeyRing
from app.storage.s3_lock import LockTerms
from app.storage.s3_state_store import S3StateStore
from app.storage.volume import Volume
from app.storage.volume_state_store import VolumeStateStore
from tests.moto_cloud import Moto
from tests.state_bucket import StateBucket

MakeState = Callable[..., bytes]
FullDisk = Callable[[int], AbstractContextManager[None]]
NOBODY = 65534


@pytest.fixture
def volume(tmp_path: Path) -> Volume:
    volume = Volume(tmp_path / "volume")
    volume.initialize()
    return volume


@pytest.fixture
def keys() -> KeyRing:
    return KeyRing("k1", {"k1": bytes(range(32))})


@pytest.fixture
def store(volume: Volume, keys: KeyRing) -> VolumeStateStore:
    return VolumeStateStore(volume, keys)


@pytest.fixture
def bucket(moto: Moto) -> StateBucket:
    return StateBucket(moto)


@pytest.fixture
def terms(tmp_path: Path) -> LockTerms:
    """By what the locks of the tests' installation go, on a host of its own."""
    return LockTerms(tmp_path / "locks", "vol_01", utc_now, 60.0)


@pytest.fixture
def s3_store(bucket: StateBucket, terms: LockTerms, keys: KeyRing) -> S3StateStore:
    return S3StateStore(bucket.open(), keys, terms)


@pytest.fixture(scope="session")
def make_state() -> MakeState:
    """Return a factory of state bytes: ``make_state(serial, lineage=..., secret=...)``."""

    def make(serial: int, lineage: str = "lineage-a", secret: str = "s3cret-value") -> bytes:
        instance: dict[str, Any] = {"schema_version": 0, "attributes": {"id": secret}}
        resource_block = {
            "mode": "managed",
            "type": "terraform_data",
            "name": "a",
            "provider": 'provider["terraform.io/builtin/terraform"]',
            "instances": [instance],
        }
        document = {
            "version": 4,
            "terraform_version": "1.11.4",
            "serial": serial,
            "lineage": lineage,
            "outputs": {},
            "resources": [resource_block],
            "check_results": None,
        }
        return json.dumps(document, indent=2).encode() + b"\n"

    return make


@pytest.fixture
def full_disk() -> FullDisk:
    """Return a context in which no file of this process may grow past a size in bytes."""

    @contextmanager
    def limit(size_bytes: int) -> Iterator[None]:
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, before[1]))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)

    return limit


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user of the machine can reach (the tests' own is private)."""
    folder = Path(tempfile.mkdtemp(prefix="landform-test-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def as_nobody() -> Callable[[], AbstractContextManager[None]]:
    """Return a context without root's rights, which ignore every mode."""

    @contextmanager
    def drop() -> Iterator[None]:
        user = os.geteuid()
        if user == 0:
            os.seteuid(NOBODY)
        try:
            yield
        finally:
            os.seteuid(user)

    return drop
