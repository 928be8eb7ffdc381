"""Anchors of the audit trail in the bucket: none is lost, whoever writes beside, and none twice."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from app.domain.audit_chain import Anchor
from app.errors import ConflictError
from app.storage.s3_anchors import BucketAnchors
from tests.aws_proxy import Proxy
from tests.moto_cloud import Moto
from tests.state_bucket import StateBucket, before_writing, connect

HOUR = "2026-12-01T02"


def anchor(sequence: int, at: str = f"{HOUR}:10:00Z") -> Anchor:
    return Anchor(sequence, f"hash-{sequence}", at, "vol_1", "k1", "signature")


@pytest.fixture
def proxy(moto: Moto) -> Iterator[Proxy]:
    proxy = Proxy(moto.port)
    yield proxy
    proxy.close()


def test_anchors_are_read_as_they_were_written_one_object_for_each_hour(
    bucket: StateBucket,
) -> None:
    anchors, later = BucketAnchors(bucket.open()), "2026-12-01T03:00:00Z"
    assert list(anchors.read()) == []
    written = [anchor(1), anchor(2), anchor(3, later)]
    for item in written:
        anchors.append(item)
    assert list(anchors.read()) == written
    assert bucket.names() == [
        f"landform/audit/anchors-{HOUR}.jsonl",
        "landform/audit/anchors-2026-12-01T03.jsonl",
    ]


def test_two_that_write_at_once_both_have_their_line(bucket: StateBucket, moto: Moto) -> None:
    client = connect(moto.endpoint)
    before_writing(client, ".jsonl", lambda: BucketAnchors(bucket.open()).append(anchor(1)))
    BucketAnchors(bucket.open(client=client)).append(anchor(2))
    assert list(BucketAnchors(bucket.open()).read()) == [anchor(1), anchor(2)]


def test_one_that_others_always_outrun_gives_up(bucket: StateBucket, moto: Moto) -> None:
    client, numbers = connect(moto.endpoint), iter(range(100))
    rival = BucketAnchors(bucket.open())
    before_writing(client, ".jsonl", lambda: rival.append(anchor(next(numbers))), times=100)
    with pytest.raises(ConflictError):
        BucketAnchors(bucket.open(client=client)).append(anchor(1000))


def test_a_line_whose_answer_was_lost_is_there_once(bucket: StateBucket, proxy: Proxy) -> None:
    proxy.hold_answer_of("PUT *.jsonl*")
    BucketAnchors(bucket.open(client=connect(proxy.endpoint, read_timeout=2))).append(anchor(1))
    assert list(BucketAnchors(bucket.open()).read()) == [anchor(1)]


def test_a_damaged_line_is_told_and_hides_no_other(bucket: StateBucket) -> None:
    anchors = BucketAnchors(bucket.open())
    anchors.append(anchor(1))
    (key,) = bucket.names()
    bucket.write(key, bucket.read(key) + b"torn\n" + anchor(2).to_line())
    assert list(anchors.read()) == [anchor(1), None, anchor(2)]


def test_what_a_volume_had_is_taken_over_and_never_made_shorter(bucket: StateBucket) -> None:
    anchors = BucketAnchors(bucket.open())
    lines = anchor(1).to_line() + anchor(2).to_line()
    anchors.take_over(lines)
    anchors.take_over(anchor(1).to_line())
    assert list(anchors.read()) == [anchor(1), anchor(2)]
    anchors.take_over(lines + anchor(3).to_line())
    assert list(anchors.read()) == [anchor(1), anchor(2), anchor(3)]
