"""Plans for other hosts, on the volume and in a bucket: kept, replaced, removed."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.errors import NotFoundError
from app.storage.plan_store import PlanStore, S3PlanStore, VolumePlanStore
from app.storage.volume import Volume
from tests.state_bucket import StateBucket

STACK = "stk_01k0000000000000000000000a"
NAME = "op_01k0000000000000000000000a"


@pytest.fixture(params=["volume", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> PlanStore:
    if request.param == "volume":
        volume = Volume(tmp_path / "state")
        return VolumePlanStore(Volume(tmp_path / "state", volume.initialize()))
    return S3PlanStore(StateBucket(request.getfixturevalue("moto")).open())


def test_a_plan_is_kept_replaced_and_removed(store: PlanStore) -> None:
    assert store.read(STACK, NAME) is None
    store.keep(STACK, NAME, b"one")
    store.keep(STACK, NAME, b"two")
    assert store.read(STACK, NAME) == b"two"
    store.remove(STACK, NAME)
    store.remove(STACK, NAME)
    assert store.read(STACK, NAME) is None


@pytest.mark.parametrize("name", ["../current", "current", "", "op_1/../../x"])
def test_a_name_leads_nowhere_else(store: PlanStore, name: str) -> None:
    for work in (store.read, store.remove):
        with pytest.raises(NotFoundError):
            work(STACK, name)
    with pytest.raises(NotFoundError):
        store.keep(STACK, name, b"x")
