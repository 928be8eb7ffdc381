"""The S3 bucket that holds state: read, write under a condition, list; its trouble in typed errors.

Every write is encrypted by S3 beside Landform's own encryption. Owns what each refusal of S3 means
and what to do about it. It knows nothing of what it stores; how to sign in is the caller's.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    NoCredentialsError,
    PartialCredentialsError,
)

from app.storage.s3_errors import (
    StateBucketDeniedError,
    StateBucketError,
    StateBucketMissingError,
    StateBucketThrottledError,
    StateBucketUnversionedError,
)

# A transaction in SQL may be open meanwhile, so no call may take as long as others wait for SQL.
CLIENT = Config(
    connect_timeout=2,
    read_timeout=5,
    retries={"mode": "standard", "total_max_attempts": 2},
    proxies={},
)
# For so long nobody waits for an S3 that has not answered just now.
SILENT_SECONDS = 5.0
# For so long a bucket that was in order counts as that.
GOOD_SECONDS = 10.0
# What speaks S3's protocol elsewhere often has no host name for each bucket.
CLIENT_ELSEWHERE = Config(s3={"addressing_style": "path"}).merge(CLIENT)
NOT_SIGNED_IN = (NoCredentialsError, PartialCredentialsError, CredentialRetrievalError)
CHANGED = frozenset({"PreconditionFailed", "ConditionalRequestConflict"})
THROTTLED = frozenset({"SlowDown", "Throttling", "ThrottlingException", "RequestLimitExceeded"})
EXPIRED = frozenset({"ExpiredToken", "InvalidToken", "TokenRefreshRequired"})
ELSEWHERE = frozenset({"PermanentRedirect", "AuthorizationHeaderMalformed"})
UNKNOWN_KEY = frozenset({"NoSuchKey", "404"})


class ObjectChangedError(Exception):
    """The object is not as the condition of a write says: another writer was faster."""


@dataclass(frozen=True)
class BucketPlace:
    """Where state is kept.

    Args:
        bucket: name of the bucket.
        prefix: what all keys begin with, without slashes at its ends; may be empty.
        kms_key: id or ARN of the KMS key that S3 encrypts with; empty for a key of S3's own.
    """

    bucket: str
    prefix: str = ""
    kms_key: str = ""

    def key(self, *parts: str) -> str:
        """Return the key of an object."""
        return "/".join(filter(None, (self.prefix, *parts)))

    @property
    def encryption(self) -> dict[str, str]:
        """What S3 is asked for with each write."""
        if not self.kms_key:
            return {"ServerSideEncryption": "AES256"}
        return {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": self.kms_key}


@dataclass(frozen=True)
class BucketObject:
    """The bytes of an object, and the ETag by which a later write names it."""

    data: bytes
    etag: str


class S3Bucket:
    """The bucket at ``place``. All methods raise ``StateBucketError`` when S3 cannot or will not.

    Args:
        place: which bucket, and where in it.
        connect: returns a botocore client of S3 that is signed in; it is asked at each use, so it
            decides how long one client is kept.
    """

    def __init__(self, place: BucketPlace, connect: Callable[[], Any]) -> None:
        self.place = place
        self._connect = connect
        self._silent_until, self._silence = 0.0, ""
        self._good_until = 0.0

    def check(self, also: Callable[[], None] | None = None) -> None:
        """Prove that the bucket is there, that it may be asked, and that it keeps old versions.

        What was in order counts as that for a while.

        Args:
            also: proves what else is asked of it.

        Raises:
            StateBucketUnversionedError: what is overwritten there would be gone.
        """
        if time.monotonic() < self._good_until:
            return
        with self._asked() as client:
            answer = client.get_bucket_versioning(Bucket=self.place.bucket)
        if answer.get("Status") != "Enabled":
            raise StateBucketUnversionedError(
                f"Versioning of the bucket {self.place.bucket} is not enabled."
            )
        if also is not None:
            also()
        self._good_until = time.monotonic() + GOOD_SECONDS

    def get(self, key: str, first_bytes: int = 0) -> BucketObject | None:
        """Return an object, or nothing when there is none.

        Args:
            key: its key.
            first_bytes: how much of it is wanted; 0 means all.
        """
        part = {"Range": f"bytes=0-{first_bytes - 1}"} if first_bytes else {}
        try:
            with self._asked() as client:
                answer = client.get_object(Bucket=self.place.bucket, Key=key, **part)
                return BucketObject(answer["Body"].read(), answer["ETag"])
        except _UnknownKeyError:
            return None

    def put(self, key: str, data: bytes, replaces: BucketObject | None = None) -> BucketObject:
        """Write an object where there is none, or in the place of the one that was read.

        Returns:
            What is there now.

        Raises:
            ObjectChangedError: there is another one meanwhile; or this very one, if the answer to
                a first attempt was lost.
        """
        condition = {"IfMatch": replaces.etag} if replaces else {"IfNoneMatch": "*"}
        return BucketObject(data, self._put(key, data, condition))

    def overwrite(self, key: str, data: bytes) -> None:
        """Write an object whatever is there."""
        self._put(key, data, {})

    def delete(self, key: str, only: BucketObject | None = None) -> None:
        """Remove an object; S3 keeps it as an earlier version until its rules expire that.

        Args:
            key: its key.
            only: the object that was read; a store that knows conditional deletion, as AWS does,
                leaves another one alone.

        Raises:
            ObjectChangedError: there is another one meanwhile.
        """
        condition = {"IfMatch": only.etag} if only else {}
        with suppress(_UnknownKeyError), self._asked() as client:
            client.delete_object(Bucket=self.place.bucket, Key=key, **condition)

    def list(self, prefix: str) -> Iterator[tuple[str, datetime]]:
        """Yield key and time of writing of every object whose key begins so, in their order."""
        with self._asked() as client:
            pages = client.get_paginator("list_objects_v2").paginate(
                Bucket=self.place.bucket, Prefix=prefix
            )
            for page in pages:
                for item in page.get("Contents", ()):
                    yield item["Key"], item["LastModified"]

    def _put(self, key: str, data: bytes, condition: Mapping[str, str]) -> str:
        try:
            with self._asked() as client:
                answer = client.put_object(
                    Bucket=self.place.bucket,
                    Key=key,
                    Body=data,
                    **self.place.encryption,
                    **condition,
                )
                return str(answer["ETag"])
        except _UnknownKeyError as error:
            raise ObjectChangedError(key) from error  # what was to be replaced is gone

    @contextmanager
    def _asked(self) -> Iterator[Any]:
        """Give the client, and turn what it raises into errors of ours."""
        bucket = self.place.bucket
        if time.monotonic() < self._silent_until:
            raise StateBucketError(self._silence)
        try:
            yield self._connect()
        except ClientError as error:
            self._good_until = 0.0
            raise _judge(error, bucket) from error
        except NOT_SIGNED_IN as error:
            raise StateBucketDeniedError(
                f"There are no credentials for the bucket {bucket} ({type(error).__name__})."
            ) from error
        except (BotoCoreError, ValueError) as error:
            self._good_until, self._silent_until = 0.0, time.monotonic() + SILENT_SECONDS
            self._silence = f"The bucket {bucket} could not be asked ({type(error).__name__})."
            raise StateBucketError(self._silence) from error


class _UnknownKeyError(Exception):
    """There is no such object."""


def _judge(error: ClientError, bucket: str) -> Exception:
    """Return what a refusal of S3 means."""
    code = str(error.response.get("Error", {}).get("Code", ""))[:60]
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code in CHANGED or status == 412:
        return ObjectChangedError(code)
    if code in UNKNOWN_KEY:
        return _UnknownKeyError(code)
    return _explain(code, status, bucket)


def _explain(code: str, status: int, bucket: str) -> StateBucketError:
    if code == "NoSuchBucket":
        return StateBucketMissingError(f"There is no bucket {bucket} at this endpoint.")
    if code in ELSEWHERE:
        return StateBucketMissingError(f"The bucket {bucket} is in another region ({code}).")
    if code in THROTTLED or status == 429:
        return StateBucketThrottledError(f"S3 asks for fewer requests to {bucket} ({code}).")
    # KMS refuses with 400 what is wrong with the key.
    if status in (401, 403) or code in EXPIRED or code.startswith("KMS."):
        return StateBucketDeniedError(f"S3 refuses access to the bucket {bucket} ({code}).")
    return StateBucketError(f"The bucket {bucket} failed ({code or status}).")
