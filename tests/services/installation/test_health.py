"""Each part that is missing is named, with the reason, and hides no other part."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from app.clock import utc_now
from app.models import InstallationFact
from app.services.context import Context, build_context
from app.services.installation.health import SCHEDULER, Check, check_all, record_scheduler_beat
from app.services.installation.setup import prepare
from tests.conftest import MakeSettings
from tests.landform import NOWHERE


@pytest.fixture
def heard(make_settings: MakeSettings, fresh_redis_url: str) -> Iterator[Context]:
    settings = make_settings(redis_url=fresh_redis_url)
    prepare(settings)
    ctx = build_context(settings)
    yield ctx
    ctx.notifier.connection.close()
    ctx.db.close()


def checks_of(ctx: Context) -> dict[str, Check]:
    return {check.name: check for check in check_all(ctx)}


def failed(ctx: Context) -> set[str]:
    return {name for name, check in checks_of(ctx).items() if not check.is_ok}


def beat(ctx: Context, key: str, seconds_ago: float) -> None:
    """Register a worker in Redis as RQ does, whose last heartbeat was so long ago."""
    moment = utc_now() - timedelta(seconds=seconds_ago)
    redis = ctx.notifier.connection
    redis.sadd("rq:workers", key)
    redis.hset(key, "last_heartbeat", moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ"))


def test_every_part_is_there(heard: Context) -> None:
    record_scheduler_beat(heard)
    beat(heard, "rq:worker:one", 1)
    assert failed(heard) == set()
    assert checks_of(heard)["workers"].detail == "1 running"


def test_workers_that_went_silent_do_not_count(heard: Context) -> None:
    beat(heard, "rq:worker:killed", 120)
    assert "workers" in failed(heard)
    beat(heard, "rq:worker:alive", 20)
    assert checks_of(heard)["workers"].detail == "1 running"


def test_a_worker_of_which_only_the_name_is_left_does_not_count(heard: Context) -> None:
    heard.notifier.connection.sadd("rq:workers", "rq:worker:expired")
    assert "workers" in failed(heard)


def test_a_scheduler_that_went_silent_is_missed_with_its_last_tick(heard: Context) -> None:
    assert "never" in checks_of(heard)["scheduler"].detail
    record_scheduler_beat(heard)
    assert "scheduler" not in failed(heard)
    with heard.write() as session:
        fact = session.get_one(InstallationFact, SCHEDULER)
        fact.updated_at -= timedelta(minutes=5)
    assert "scheduler" in failed(heard)


def test_a_volume_that_is_not_mounted_is_named(heard: Context) -> None:
    root = heard.settings.state_dir
    root.rename(root.with_name("elsewhere"))
    check = checks_of(heard)["volume"]
    assert not check.is_ok
    assert str(root) in check.detail


def test_a_missing_terraform_is_named(heard: Context, make_settings: MakeSettings) -> None:
    settings = heard.settings.model_copy(update={"terraform": "/nowhere/terraform"})
    ctx = build_context(settings)
    check = checks_of(ctx)["terraform"]
    ctx.notifier.connection.close()
    ctx.db.close()
    assert not check.is_ok
    assert "/nowhere/terraform" in check.detail


def test_without_redis_only_what_lives_in_redis_is_missed(ctx: Context) -> None:
    record_scheduler_beat(ctx)
    assert failed(ctx) == {"redis", "workers"}


def test_without_a_database_everything_else_is_still_checked(
    make_settings: MakeSettings,
) -> None:
    settings = make_settings(redis_url=NOWHERE, database_url="sqlite:////nowhere/landform.db")
    ctx = build_context(settings)
    found = checks_of(ctx)
    ctx.db.close()
    assert not found["database"].is_ok
    assert found["terraform"].is_ok
