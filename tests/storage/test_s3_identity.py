"""A bucket that is another's, lost its name, or does not keep the conditions of a write."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from app.storage.s3_bucket import ObjectChangedError
from app.storage.s3_errors import (
    StateBucketError,
    StateBucketForeignError,
    StateBucketUnconditionalError,
    StateBucketUnversionedError,
)
from app.storage.s3_identity import (
    NAME,
    check_bucket,
    read_identity,
    require_conditions,
    take_possession,
)
from tests.aws_proxy import Proxy
from tests.moto_cloud import Moto
from tests.state_bucket import StateBucket, before_writing, connect

KEY = f"landform/{NAME}"


@pytest.fixture
def proxy(moto: Moto) -> Iterator[Proxy]:
    proxy = Proxy(moto.port)
    yield proxy
    proxy.close()


def is_ours(stack_id: str) -> bool:
    return stack_id == "stk_ours"


def test_an_empty_bucket_is_taken_and_recognized(bucket: StateBucket) -> None:
    assert read_identity(bucket.open()) is None
    take_possession(bucket.open(), "vol_1", is_ours)
    take_possession(bucket.open(), "vol_1", is_ours)
    assert read_identity(bucket.open()) == "vol_1"
    check_bucket(bucket.open(), "vol_1")
    assert bucket.names() == [KEY]


def test_the_bucket_of_another_landform_is_refused(bucket: StateBucket) -> None:
    take_possession(bucket.open(), "vol_1", is_ours)
    for ask in (take_possession_as_other, check_as_other):
        with pytest.raises(StateBucketForeignError, match="is vol_1, but vol_2 is expected"):
            ask(bucket.open())
    assert read_identity(bucket.open()) == "vol_1"


def take_possession_as_other(opened: Any) -> None:
    take_possession(opened, "vol_2", is_ours)


def check_as_other(opened: Any) -> None:
    check_bucket(opened, "vol_2")


def test_a_bucket_whose_name_is_gone_is_refused(bucket: StateBucket) -> None:
    with pytest.raises(StateBucketForeignError, match="There is no Landform"):
        check_bucket(bucket.open(), "vol_1")


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"format": 9, "id": "vol_1"}', b"null"])
def test_a_damaged_name_is_refused_and_left(bucket: StateBucket, content: bytes) -> None:
    bucket.write(KEY, content)
    with pytest.raises(StateBucketForeignError, match="damaged"):
        take_possession(bucket.open(), "vol_1", is_ours)
    assert bucket.read(KEY) == content


def test_of_two_that_take_it_at_once_one_wins(bucket: StateBucket, moto: Moto) -> None:
    client = connect(moto.endpoint)
    before_writing(client, NAME, lambda: take_possession(bucket.open(), "vol_1", is_ours))
    with pytest.raises(StateBucketForeignError):
        take_possession(bucket.open(client=client), "vol_2", is_ours)
    assert read_identity(bucket.open()) == "vol_1"


def test_states_of_a_former_version_are_taken_over_and_those_of_another_refused(
    bucket: StateBucket,
) -> None:
    bucket.write("landform/stacks/stk_another/terraform.tfstate", b"x")
    with pytest.raises(StateBucketForeignError, match="stk_another"):
        take_possession(bucket.open(), "vol_1", is_ours)
    assert read_identity(bucket.open()) is None
    bucket.write("landform/stacks/stk_ours/terraform.tfstate", b"x")
    take_possession(bucket.open(), "vol_1", is_ours)
    assert read_identity(bucket.open()) == "vol_1"


def test_a_store_that_keeps_conditions_passes_and_is_left_as_it_was(bucket: StateBucket) -> None:
    require_conditions(bucket.open())
    assert bucket.names() == []


@pytest.mark.parametrize("header", ["If-None-Match", "If-Match"])
def test_a_store_that_ignores_conditions_is_refused_in_a_sentence(
    bucket: StateBucket, moto: Moto, header: str
) -> None:
    client = connect(moto.endpoint)

    def drop(request: Any, **_: Any) -> None:
        if header in request.headers:
            del request.headers[header]

    client.meta.events.register("before-sign.s3.PutObject", drop)
    with pytest.raises(StateBucketUnconditionalError, match=f"ignores {header}") as caught:
        require_conditions(bucket.open(client=client))
    assert bucket.place.bucket in caught.value.detail
    assert bucket.names() == []


def test_a_store_that_knows_no_conditions_is_refused(bucket: StateBucket, proxy: Proxy) -> None:
    proxy.fail("PUT *", 501, "NotImplemented", times=10)
    with pytest.raises(StateBucketError, match="NotImplemented"):
        require_conditions(bucket.open(proxy.endpoint))


def test_a_probe_whose_answer_is_lost_proves_that_conditions_are_kept(
    bucket: StateBucket, proxy: Proxy
) -> None:
    proxy.hold_answer_of("PUT *probe-*")
    require_conditions(bucket.open(client=connect(proxy.endpoint, read_timeout=2)))
    assert bucket.names() == []


def test_an_answer_is_trusted_for_a_while_and_a_foreign_one_never(bucket: StateBucket) -> None:
    take_possession(bucket.open(), "vol_1", is_ours)
    opened = bucket.open()
    check_bucket(opened, "vol_1")
    bucket.write(KEY, b'{"format": 1, "id": "vol_2"}')
    check_bucket(opened, "vol_1")
    for _ in range(2):
        with pytest.raises(StateBucketForeignError):
            check_bucket(bucket.open(), "vol_1")
    bucket.set_versioning("Suspended")
    with pytest.raises(StateBucketUnversionedError):
        check_bucket(bucket.open(), "vol_1")


def test_a_deletion_names_the_object_that_was_read(bucket: StateBucket, proxy: Proxy) -> None:
    opened = bucket.open(proxy.endpoint)
    first = opened.put("landform/x", b"1")
    proxy.fail("DELETE *", 412, "PreconditionFailed")
    with pytest.raises(ObjectChangedError):
        opened.delete("landform/x", only=first)
    opened.delete("landform/x", only=first)
    opened.delete("landform/x", only=first)
    assert bucket.names() == []
