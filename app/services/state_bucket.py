"""The bucket of this installation for states: how Landform signs in to it.

Owns that there is one client for each process. What is kept there is ``app.storage``'s.
"""

from __future__ import annotations

import os
from typing import Any

from app.clouds.aws_session import AwsError, open_trusted_client
from app.config.settings import Settings
from app.domain.addresses import PRIVATE
from app.domain.webhook_target import parse_target
from app.errors import ConfigurationError
from app.storage.s3_bucket import CLIENT, CLIENT_ELSEWHERE, BucketPlace, S3Bucket
from app.storage.s3_errors import StateBucketDeniedError


def open_state_bucket(settings: Settings) -> S3Bucket | None:
    """Return the bucket that the settings name, or nothing; asks S3 for nothing yet.

    Raises:
        ConfigurationError: its endpoint is no address at which an S3 may be.
    """
    if not settings.state_s3_bucket:
        return None
    if settings.state_s3_endpoint:
        try:
            parse_target(settings.state_s3_endpoint, PRIVATE)
        except ValueError as error:
            raise ConfigurationError(f"LANDFORM_STATE_S3_ENDPOINT: {error}") from error
    place = BucketPlace(
        settings.state_s3_bucket, settings.state_s3_prefix, settings.state_s3_kms_key
    )
    return S3Bucket(place, _Connection(settings))


class _Connection:
    """The client of this process, made when it is first needed and not shared over a fork."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._client: Any = None
        self._pid = 0

    def __call__(self) -> Any:
        """Return the client.

        Raises:
            StateBucketDeniedError: nobody can sign in so.
        """
        if self._pid != os.getpid():
            self._client, self._pid = self._connect(), os.getpid()
        return self._client

    def _connect(self) -> Any:
        settings, credentials = self._settings, {}
        if settings.state_s3_access_key_id.get_secret_value():
            credentials = {
                "access_key_id": settings.state_s3_access_key_id.get_secret_value(),
                "secret_access_key": settings.state_s3_secret_access_key.get_secret_value(),
            }
        config = CLIENT
        if settings.state_s3_endpoint:
            credentials["endpoint"], config = settings.state_s3_endpoint, CLIENT_ELSEWHERE
        try:
            return open_trusted_client("s3", credentials, settings.state_s3_region, config)
        except AwsError as error:
            raise StateBucketDeniedError(
                f"Landform cannot sign in to the bucket {settings.state_s3_bucket}. {error}"
            ) from error
