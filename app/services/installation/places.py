"""Take the places of state into possession at the first start; later only check that they are ours.

The volume and the bucket have one id, which SQL knows. Where new state is kept on S3 the volume is
left alone: what all hosts have to see is in the bucket then.
"""

from __future__ import annotations

from contextlib import suppress

from sqlalchemy import func, select

from app.clock import utc_now
from app.domain import ids
from app.domain.plain_words import counted
from app.domain.stacks import StateBackend
from app.errors import ConfigurationError
from app.logs import get_logger
from app.models import InstallationFact, Stack
from app.services.context import INSTALLATION, Context, KnownPlaces, known_places
from app.storage.audit_anchors import AnchorFile
from app.storage.s3_anchors import BucketAnchors
from app.storage.s3_bucket import S3Bucket
from app.storage.s3_errors import (
    StateBucketError,
    StateBucketForeignError,
    StateBucketUnconditionalError,
)
from app.storage.s3_identity import require_conditions, take_possession
from app.storage.volume import Volume
from app.storage.volume_errors import VolumeError

log = get_logger(__name__)


def adopt_places(ctx: Context) -> None:
    """Make each place that the settings name this installation's.

    Raises:
        ConfigurationError: states are in a bucket that no setting names.
        VolumeError: the volume is foreign or cannot be used.
        StateBucketError: the bucket is foreign, ignores conditions, or cannot be used at first.
    """
    known = ctx.ask(known_places)
    installation_id = known.id
    needs_volume = not ctx.settings.keeps_state_on_s3
    if needs_volume and not known.has_volume:
        installation_id = _adopt_volume(ctx, installation_id)
    if ctx.bucket is None:
        _refuse_without_bucket(ctx)
    else:
        installation_id = installation_id or ids.new_id(ids.VOLUME)
        _adopt_bucket(ctx, ctx.bucket, installation_id, known)
    places = [
        *([StateBackend.VOLUME.value] if needs_volume or known.has_volume else []),
        *([StateBackend.S3.value] if ctx.bucket is not None or known.has_bucket else []),
    ]
    _record(ctx, {"id": installation_id, "places": places})
    if ctx.bucket is not None and known.has_volume and ctx.settings.keeps_state_on_s3:
        _carry_anchors(ctx, ctx.bucket)


def _adopt_volume(ctx: Context, installation_id: str | None) -> str:
    volume = Volume(ctx.settings.state_dir)
    if installation_id is None:
        return volume.initialize()
    volume.adopt(installation_id)
    return installation_id


def _adopt_bucket(ctx: Context, bucket: S3Bucket, installation_id: str, known: KnownPlaces) -> None:
    """Take the bucket into possession; one that was ours need not answer at every start."""
    try:
        bucket.check()
        require_conditions(bucket)
        take_possession(bucket, installation_id, lambda stack_id: _is_stack(ctx, stack_id))
    except (StateBucketForeignError, StateBucketUnconditionalError):
        raise
    except StateBucketError as error:
        if not known.has_bucket:
            raise
        log.warning("state_bucket_not_checked", detail=error.detail)


def _is_stack(ctx: Context, stack_id: str) -> bool:
    with ctx.read() as session:
        return session.get(Stack, stack_id) is not None


def _refuse_without_bucket(ctx: Context) -> None:
    """Refuse to start without the bucket that has states."""
    query = select(func.count()).where(
        Stack.state_backend == StateBackend.S3, Stack.deleted_at.is_(None)
    )
    with ctx.read() as session:
        count = session.scalar(query)
    if count:
        raise ConfigurationError(
            "LANDFORM_STATE_S3_BUCKET is empty, but S3 holds the state of "
            f"{counted(count, 'stack')}."
        )


def _record(ctx: Context, value: dict[str, object]) -> None:
    with ctx.write() as session:
        fact = session.get(InstallationFact, INSTALLATION)
        if fact is None or fact.value != value:
            session.merge(InstallationFact(name=INSTALLATION, value=value, updated_at=utc_now()))


def _carry_anchors(ctx: Context, bucket: S3Bucket) -> None:
    """Keep the anchors of the volume in the bucket; a volume that is gone was carried over."""
    with suppress(VolumeError, StateBucketError):
        lines = AnchorFile(ctx.volume()).lines()
        if lines:
            BucketAnchors(bucket).take_over(lines)
