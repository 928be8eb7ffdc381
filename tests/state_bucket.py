"""A bucket for states on a moto server, as an operator sets it up, and what is in it."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

from botocore.config import Config

from app.clouds.aws_session import open_client
from app.storage.s3_bucket import CLIENT_ELSEWHERE, BucketPlace, S3Bucket
from tests.moto_cloud import KEYS, Moto

REGION = "eu-west-1"
_numbers = itertools.count()


class StateBucket:
    """A bucket of its own with versioning, empty, and ways to look into it and to damage it."""

    def __init__(self, moto: Moto, prefix: str = "landform") -> None:
        self.moto = moto
        self.place = BucketPlace(f"states-{next(_numbers)}", prefix)
        self.client = moto.client("s3", REGION)
        where = {"LocationConstraint": REGION}
        self.client.create_bucket(Bucket=self.place.bucket, CreateBucketConfiguration=where)
        self.set_versioning("Enabled")

    def set_versioning(self, status: str) -> None:
        self.client.put_bucket_versioning(
            Bucket=self.place.bucket, VersioningConfiguration={"Status": status}
        )

    def open(self, endpoint: str | None = None, client: Any = None) -> S3Bucket:
        """Return the bucket as Landform uses it, by the server itself or by ``endpoint``."""
        made = client or connect(endpoint or self.moto.endpoint)
        return S3Bucket(self.place, lambda: made)

    def names(self) -> list[str]:
        found = self.client.list_objects_v2(Bucket=self.place.bucket).get("Contents", [])
        return [item["Key"] for item in found]

    def read(self, key: str) -> bytes:
        return bytes(self.client.get_object(Bucket=self.place.bucket, Key=key)["Body"].read())

    def write(self, key: str, data: bytes) -> None:
        self.client.put_object(Bucket=self.place.bucket, Key=key, Body=data)

    def remove(self, key: str) -> None:
        self.client.delete_object(Bucket=self.place.bucket, Key=key)

    def objects(self) -> dict[str, bytes]:
        return {key: self.read(key) for key in self.names()}


def connect(endpoint: str, **config: Any) -> Any:
    """Return a client that signs in as Landform does; ``config`` makes it less patient."""
    wanted = CLIENT_ELSEWHERE.merge(Config(**config))
    return open_client("s3", {**KEYS, "endpoint": endpoint}, REGION, wanted)


def before_writing(client: Any, key_end: str, act: Callable[[], object], times: int = 1) -> None:
    """Have a rival act right before the next ``times`` writes to such a key."""
    left = iter(range(times))

    def handler(params: dict[str, Any], **_: Any) -> None:
        if params["url_path"].endswith(key_end) and next(left, None) is not None:
            act()

    client.meta.events.register("before-call.s3.PutObject", handler)
