"""An administrator says that a host is gone: others take over at once, and a mistake heals."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from app.domain.operations import OperationType
from app.errors import ConflictError, NotFoundError, PermissionDeniedError
from app.models import AuditEvent, Instance, Operation
from app.services.access import Principal
from app.services.context import Context
from app.services.engine.claims import INSTANCE, claim
from app.services.engine.recovery import dead_runs
from app.services.engine.recovery.run_directories import save_unsaved
from app.services.installation import hosts
from app.services.installation.hosts import InstanceStatus, declare_gone, forget_instances
from app.services.installation.instances import (
    beat_instance,
    begin_instance,
    end_instance,
    is_draining,
)
from app.services.paging import PageRequest
from app.services.work import perform
from app.terraform.identity import ProcessIdentity
from tests.landform import ADMIN
from tests.services.some_stacks import ask, create, make_ready, set_to

AGO = timedelta(minutes=10)


def register(ctx: Context, *, silent_for: timedelta = AGO) -> str:
    """Register a host that was heard of so long ago."""
    made = begin_instance(ctx)
    with ctx.write() as session:
        row = session.get_one(Instance, made)
        row.heartbeat_at -= silent_for
    return made


def status_of(ctx: Context, instance_id: str) -> InstanceStatus:
    with ctx.read() as session:
        return hosts.host_by_id(session, ADMIN, instance_id).status


def say_gone(ctx: Context, instance_id: str, principal: Principal = ADMIN) -> hosts.Host:
    with perform(ctx, principal) as work:
        return declare_gone(work, instance_id)


def held_elsewhere(ctx: Context, instance_id: str, **columns: Any) -> str:
    """Return an operation that a host holds whose processes nobody here can see."""
    stack = create(ctx, "web")
    make_ready(ctx, stack)
    operation_id = ask(ctx, stack, OperationType.APPLY)
    process = replace(ProcessIdentity.of(os.getpid()), pid_namespace="pid:[1]").to_dict()
    assert claim(ctx, operation_id, "there:1", process | {INSTANCE: instance_id}) is not None
    if columns:
        set_to(ctx, operation_id, **columns)
    return operation_id


def shown(ctx: Context, operation_id: str) -> Operation:
    with ctx.read() as session:
        return session.get_one(Operation, operation_id)


def audited(ctx: Context, action: str) -> list[dict[str, Any]]:
    with ctx.read() as session:
        events = session.scalars(select(AuditEvent).where(AuditEvent.action == action))
        return [event.detail for event in events]


def test_hosts_are_listed_with_what_they_hold(ctx: Context) -> None:
    silent, stopped = register(ctx), register(ctx)
    held_elsewhere(ctx, silent)
    end_instance(ctx)
    alive = register(ctx, silent_for=timedelta(0))
    with ctx.read() as session:
        found = hosts.list_hosts(session, ADMIN, PageRequest()).items
    seen = [(host.row.id, host.status, host.held) for host in found]
    assert seen[:3] == [
        (alive, InstanceStatus.ALIVE, 0),
        (stopped, InstanceStatus.STOPPED, 0),
        (silent, InstanceStatus.SILENT, 1),
    ]


def test_what_a_gone_host_holds_is_taken_over_at_once(ctx: Context) -> None:
    gone = register(ctx)
    planning = held_elsewhere(ctx, gone)
    assert dead_runs.reap(ctx) == [], "its lease holds"
    assert say_gone(ctx, gone).status is InstanceStatus.GONE
    assert dead_runs.reap(ctx) == [planning]
    row = shown(ctx, planning)
    assert (row.status, row.fence) == ("pending", 2)
    assert row.taken_over_at is not None
    say_gone(ctx, gone)
    assert [event["held"] for event in audited(ctx, "instance.gone")] == [1], "said once"


def test_a_host_that_lives_cannot_be_declared_gone(ctx: Context) -> None:
    alive = register(ctx, silent_for=timedelta(0))
    with pytest.raises(ConflictError, match="sign of life"):
        say_gone(ctx, alive)
    assert status_of(ctx, alive) is InstanceStatus.ALIVE


def test_only_an_administrator_says_so(ctx: Context) -> None:
    silent = register(ctx)
    person = replace(ADMIN, is_admin=False)
    with pytest.raises(PermissionDeniedError):
        say_gone(ctx, silent, person)
    with ctx.read() as session, pytest.raises(PermissionDeniedError):
        hosts.list_hosts(session, person, PageRequest())
    with pytest.raises(NotFoundError):
        say_gone(ctx, "ins_nobody")


def test_a_host_that_was_only_cut_off_claims_nothing_until_others_have_what_it_held(
    ctx: Context,
) -> None:
    own = register(ctx)
    held = held_elsewhere(ctx, own)
    say_gone(ctx, own)
    beat_instance(ctx)
    assert status_of(ctx, own) is InstanceStatus.GONE, "its work is not taken over yet"
    waiting = create(ctx, "other")
    make_ready(ctx, waiting)
    operation_id = ask(ctx, waiting, OperationType.APPLY)
    process = ProcessIdentity.of(os.getpid()).to_dict() | {INSTANCE: own}
    assert claim(ctx, operation_id, "here:1", process) is None
    assert dead_runs.reap(ctx) == [held]
    beat_instance(ctx)
    assert status_of(ctx, own) is InstanceStatus.ALIVE
    assert len(audited(ctx, "instance.returned")) == 1
    assert claim(ctx, operation_id, "here:1", process) is not None


def test_a_state_that_only_a_gone_host_has_holds_its_stack_no_longer(
    ctx: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(ctx.db), "is_shared", True)
    lost = register(ctx)
    operation_id = held_elsewhere(ctx, lost, status="errored", has_unsaved_state=True)
    begin_instance(ctx)
    save_unsaved(ctx)
    assert shown(ctx, operation_id).has_unsaved_state, "its host may come back with it"
    assert say_gone(ctx, lost).held == 1
    save_unsaved(ctx)
    assert not shown(ctx, operation_id).has_unsaved_state


def test_old_hosts_are_forgotten_unless_something_waits_for_them(ctx: Context) -> None:
    old, holding, recent = (register(ctx, silent_for=timedelta(days=n)) for n in (8, 8, 1))
    held_elsewhere(ctx, holding, has_unsaved_state=True)
    with perform(ctx, ADMIN) as work:
        assert forget_instances(work) == 1
    with ctx.read() as session:
        left = set(session.scalars(select(Instance.id)))
    assert {holding, recent} <= left
    assert old not in left


def test_a_host_that_is_drained_says_so_until_it_takes_work_again(ctx: Context) -> None:
    own = register(ctx, silent_for=timedelta(0))
    for _ in range(2):
        with perform(ctx, ADMIN) as work:
            assert hosts.drain(work, own).status is InstanceStatus.DRAINING
    assert is_draining(ctx)
    with pytest.raises(ConflictError):
        say_gone(ctx, own)
    for _ in range(2):
        with perform(ctx, ADMIN) as work:
            assert hosts.end_drain(work, own).status is InstanceStatus.ALIVE
    assert not is_draining(ctx)
    assert len(audited(ctx, "instance.drain")) == len(audited(ctx, "instance.end_drain")) == 1


def test_a_new_start_of_a_host_is_not_drained(ctx: Context) -> None:
    own = register(ctx, silent_for=timedelta(0))
    with perform(ctx, ADMIN) as work:
        hosts.drain(work, own)
    begin_instance(ctx)
    assert not is_draining(ctx)


def test_only_administrators_drain_and_only_a_host_that_lives(ctx: Context) -> None:
    alive, lost = register(ctx, silent_for=timedelta(0)), register(ctx)
    reader = replace(ADMIN, is_admin=False)
    for change in (hosts.drain, hosts.end_drain):
        with pytest.raises(PermissionDeniedError), perform(ctx, reader) as work:
            change(work, alive)
        with pytest.raises(NotFoundError), perform(ctx, ADMIN) as work:
            change(work, "ins_none")
    with pytest.raises(ConflictError, match="does not live"), perform(ctx, ADMIN) as work:
        hosts.drain(work, lost)
    assert audited(ctx, "instance.drain") == []
