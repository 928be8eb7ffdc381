"""An instance is registered once for each start, and again after a reboot or in a container."""

from __future__ import annotations

import json
import shutil
from datetime import timedelta

import pytest

from app.clock import utc_now
from app.domain.host_roles import HostRole
from app.models import Instance
from app.services.context import Context, build_context
from app.services.installation.instances import (
    INSTANCE_FILE,
    beat_instance,
    begin_instance,
    end_instance,
    join_instance,
    own_instance,
)
from tests.conftest import MakeSettings


def row(ctx: Context, instance_id: str) -> Instance:
    with ctx.read() as session:
        return session.get_one(Instance, instance_id)


def test_processes_of_one_start_share_an_instance_and_tell_their_roles(ctx: Context) -> None:
    first = begin_instance(ctx, HostRole.WEB)
    assert join_instance(ctx, HostRole.WORKER) == first
    assert join_instance(ctx, HostRole.WORKER) == first
    assert own_instance(ctx) == first
    assert row(ctx, first).roles == ["web", "worker"]
    assert begin_instance(ctx, *HostRole) != first, "a new start is a new instance"


def test_two_hosts_of_one_name_are_two_instances(ctx: Context, make_settings: MakeSettings) -> None:
    home = ctx.settings.home_dir.with_name("second")
    other = build_context(
        make_settings(home=home, database_url=ctx.settings.database, redis_url=ctx.settings.redis)
    )
    first, second = begin_instance(ctx), begin_instance(other)
    assert first != second
    assert row(ctx, first).name == row(ctx, second).name
    other.db.close()


@pytest.mark.parametrize("moved", [{"boot_id": "earlier"}, {"pid_namespace": "pid:[1]"}])
def test_a_cloned_or_restarted_machine_is_not_the_one_in_its_file(
    ctx: Context, moved: dict[str, str]
) -> None:
    before = begin_instance(ctx)
    path = ctx.settings.home_dir / INSTANCE_FILE
    path.write_text(json.dumps(json.loads(path.read_text()) | moved))
    after = own_instance(ctx)
    assert after != before
    assert own_instance(ctx) == after
    assert row(ctx, before).gone_at is None, "the original may be working"


def test_a_damaged_file_makes_a_new_instance(ctx: Context) -> None:
    before = begin_instance(ctx)
    (ctx.settings.home_dir / INSTANCE_FILE).write_text('{"id": "ins_')
    assert own_instance(ctx) != before


def test_a_sign_of_life_is_renewed_and_an_orderly_end_is_told(ctx: Context) -> None:
    own = begin_instance(ctx)
    long_ago = utc_now() - timedelta(hours=1)
    with ctx.write() as session:
        session.get_one(Instance, own).heartbeat_at = long_ago
    beat_instance(ctx)
    assert row(ctx, own).heartbeat_at > long_ago
    end_instance(ctx)
    assert row(ctx, own).ended_at is not None
    join_instance(ctx, HostRole.AGENT)
    assert row(ctx, own).ended_at is None, "its agent was started again"


def test_a_database_that_was_brought_back_learns_of_the_instance_again(ctx: Context) -> None:
    own = begin_instance(ctx)
    with ctx.write() as session:
        session.delete(session.get_one(Instance, own))
    beat_instance(ctx)
    assert row(ctx, own).id == own


def test_a_home_that_is_gone_is_made_again(ctx: Context) -> None:
    if not ctx.db.is_shared:
        pytest.skip("SQLite is in that home")
    shutil.rmtree(ctx.settings.home_dir)
    assert row(ctx, own_instance(ctx)).id
