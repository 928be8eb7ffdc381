"""A bucket for states on a moto server, as an operator sets it up, and what is in it."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

from botocore.config import Config
from pydantic import SecretStr

from app.clouds.aws_session import open_trusted_client
from app.config.settings import Settings
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

    @property
    def settings(self) -> dict[str, Any]:
        """Settings with which Landform uses this bucket."""
        return {
            "state_s3_bucket": self.place.bucket,
            "state_s3_region": REGION,
            "state_s3_endpoint": self.moto.endpoint,
            "state_s3_access_key_id": SecretStr(KEYS["access_key_id"]),
            "state_s3_secret_access_key": SecretStr(KEYS["secret_access_key"]),
        }

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


def bucket_variables(settings: Settings) -> dict[str, str]:
    """Return the environment that tells another process of the bucket."""
    values = settings.model_dump()
    named = {key: value for key, value in values.items() if key.startswith("state_s3_")}
    plain = {
        key: value.get_secret_value() if isinstance(value, SecretStr) else str(value)
        for key, value in {**named, "state_backend": values["state_backend"]}.items()
    }
    return {f"LANDFORM_{key.upper()}": value for key, value in plain.items()}


def connect(endpoint: str, **config: Any) -> Any:
    """Return a client that signs in as Landform does; ``config`` makes it less patient."""
    wanted = CLIENT_ELSEWHERE.merge(Config(**config))
    return open_trusted_client("s3", {**KEYS, "endpoint": endpoint}, REGION, wanted)


def before_writing(client: Any, key_end: str, act: Callable[[], object], times: int = 1) -> None:
    """Have a rival act right before the next ``times`` writes to such a key."""
    left = iter(range(times))

    def handler(params: dict[str, Any], **_: Any) -> None:
        if params["url_path"].endswith(key_end) and next(left, None) is not None:
            act()

    client.meta.events.register("before-call.s3.PutObject", handler)
