"""The places of state at a start: which are taken, which recognized, and which refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest

from app.config.settings import Settings
from app.errors import ConfigurationError
from app.services.audit_trail.anchors import Anchorer, read_all_anchors
from app.services.context import Context, build_context, known_places
from app.services.installation.health import check_all
from app.services.installation.setup import prepare
from app.storage.restore_mark import BucketRestoreMark
from app.storage.s3_errors import (
    StateBucketForeignError,
    StateBucketMissingError,
    StateBucketUnversionedError,
)
from app.storage.s3_identity import NAME, read_identity
from app.storage.volume import SENTINEL
from tests.aws_proxy import Proxy
from tests.conftest import MakeSettings
from tests.landform import NOWHERE
from tests.moto_cloud import Moto
from tests.services.some_stacks import create
from tests.state_bucket import StateBucket

Start = Callable[..., Context]


@pytest.fixture
def bucket(moto: Moto) -> StateBucket:
    return StateBucket(moto)


@pytest.fixture
def settings(make_settings: MakeSettings, bucket: StateBucket) -> Settings:
    """A Landform that keeps state on S3 and was never started."""
    return make_settings(redis_url=NOWHERE, state_backend="s3", **bucket.settings)


@pytest.fixture
def start() -> Iterator[Start]:
    """Return what starts a Landform and gives its context."""
    opened: list[Context] = []

    def make(settings: Settings) -> Context:
        prepare(settings, "a token of no cloud")
        opened.append(build_context(settings))
        return opened[-1]

    yield make
    for ctx in opened:
        ctx.db.close()


def on_volume(settings: Settings, **changed: Any) -> Settings:
    return settings.model_copy(update={"state_backend": "volume", **changed})


def checked(ctx: Context, name: str) -> tuple[bool, str, str | None]:
    (found,) = (item for item in check_all(ctx) if item.name == name)
    return found.is_ok, found.detail, found.code


def test_on_s3_alone_no_folder_is_made_for_a_volume(
    settings: Settings, bucket: StateBucket, start: Start
) -> None:
    ctx = start(settings)
    known = ctx.ask(known_places)
    assert (known.has_volume, known.has_bucket) == (False, True)
    assert read_identity(bucket.open()) == known.id
    assert not settings.state_dir.exists()
    assert checked(ctx, "volume") == (True, "not used: every state is in the bucket", None)
    assert start(settings).ask(known_places) == known
    assert bucket.names() == [f"landform/{NAME}"]


def test_a_volume_that_was_there_first_gives_its_id_to_the_bucket_and_its_anchors(
    settings: Settings, bucket: StateBucket, start: Start
) -> None:
    before = start(on_volume(settings, state_s3_bucket=""))
    Anchorer(before).write()
    ctx = start(settings)
    known = ctx.ask(known_places)
    assert (known.has_volume, known.has_bucket) == (True, True)
    assert read_identity(bucket.open()) == known.id == before.ask(known_places).id
    assert SENTINEL in {path.name for path in settings.state_dir.iterdir()}
    Anchorer(ctx).write()
    moved = settings.state_dir.rename(settings.state_dir.with_name("unmounted"))
    assert moved.is_dir()
    later = start(settings)
    assert len(list(read_all_anchors(later))) == 2
    assert checked(later, "volume")[0]


def test_a_bucket_that_was_there_first_gives_its_id_to_the_volume(
    settings: Settings, start: Start
) -> None:
    first = start(settings).ask(known_places)
    ctx = start(on_volume(settings))
    ctx.volume().check()
    assert ctx.ask(known_places).id == first.id
    assert ctx.ask(known_places).has_volume


def test_while_a_stack_is_on_the_volume_its_loss_is_told(settings: Settings, start: Start) -> None:
    create(start(on_volume(settings)), "web")
    ctx = start(settings)
    assert checked(ctx, "volume")[0]
    settings.state_dir.rename(settings.state_dir.with_name("unmounted"))
    is_ok, _, code = checked(ctx, "volume")
    assert (is_ok, code) == (False, "volume_missing")


def test_the_bucket_of_another_landform_is_refused_at_the_start_and_while_it_runs(
    settings: Settings, bucket: StateBucket, start: Start
) -> None:
    start(settings)
    other = settings.model_copy(update={"home": settings.home_dir.with_name("other")})
    other = other.model_copy(update={"database_url": f"sqlite:///{other.home_dir}/landform.db"})
    with pytest.raises(StateBucketForeignError, match="is expected"):
        prepare(other)
    bucket.write(f"landform/{NAME}", b'{"format": 1, "id": "vol_of_another"}')
    running = build_context(settings)
    with closing(running.db):
        assert checked(running, "state_bucket")[2] == "state_bucket_foreign"


def test_a_first_start_needs_a_good_bucket_and_a_later_one_goes_on_without_an_answer(
    settings: Settings, bucket: StateBucket, start: Start, moto: Moto
) -> None:
    proxy = Proxy(moto.port)
    through = settings.model_copy(update={"state_s3_endpoint": proxy.endpoint})
    bucket.set_versioning("Suspended")
    with pytest.raises(StateBucketUnversionedError):
        prepare(through)
    bucket.set_versioning("Enabled")
    with pytest.raises(StateBucketMissingError):
        prepare(settings.model_copy(update={"state_s3_bucket": "there-is-no-such-bucket"}))
    start(through)
    proxy.fail("*", 503, "ServiceUnavailable", times=1000)
    ctx = start(through)
    assert checked(ctx, "state_bucket")[2] == "state_bucket_unavailable"
    proxy.close()


def test_nothing_starts_on_any_host_while_a_restore_is_not_finished(
    settings: Settings, bucket: StateBucket, start: Start
) -> None:
    mark = BucketRestoreMark(bucket.open())
    mark.write("bkp_1")
    with pytest.raises(ConfigurationError, match="bkp_1"):
        prepare(settings)
    mark.remove()
    assert start(settings).ask(known_places).has_bucket


def test_without_the_setting_no_bucket_is_forgotten(settings: Settings, start: Start) -> None:
    start(settings)
    ctx = start(on_volume(settings, state_s3_bucket=""))
    assert ctx.ask(known_places).has_bucket
