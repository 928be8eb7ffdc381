"""The table of periodic duties: guarded one by one, done as often as it says, told to others."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from redis import Redis

from app.queue.notifier import Notifier
from app.services.audit_trail.anchors import Anchorer
from app.services.context import Context
from app.services.installation.duties import read_duties
from app.storage.volume_errors import VolumeError
from workers.duties import ROUND_SECONDS, Duty, DutyRoster, RunsOn, duties_of


def failing(error: Exception) -> Any:
    def work(_ctx: Context) -> None:
        raise error

    return work


@pytest.mark.parametrize("error", [VolumeError("gone"), OSError("full"), KeyError("a bug")])
def test_a_duty_that_fails_keeps_no_other_from_being_done(ctx: Context, error: Exception) -> None:
    done: list[str] = []
    roster = DutyRoster(
        ctx,
        [
            Duty("first", lambda _: done.append("first"), every_seconds=0),
            Duty("broken", failing(error), every_seconds=0),
            Duty("last", lambda _: done.append("last"), every_seconds=0),
        ],
    )
    roster.go_round()
    roster.go_round()
    assert done == ["first", "last"] * 2
    reports = {report.name: report for report in read_duties(ctx)}
    assert reports["last"].succeeded_at is not None
    assert reports["broken"].error == f"{type(error).__name__}: {error}"
    assert reports["broken"].failing_since is not None


def test_a_duty_is_done_as_often_as_it_says_and_at_once_while_it_is_not_finished(
    ctx: Context,
) -> None:
    left, done = [2, 1, 0], list[str]()
    roster = DutyRoster(
        ctx,
        [
            Duty("seldom", lambda _: done.append("seldom"), every_seconds=3600),
            Duty("much", lambda _: left.pop(0), every_seconds=3600),
        ],
    )
    for _ in range(5):
        roster.go_round()
    assert done == ["seldom"]
    assert left == []


def test_a_duty_that_works_again_is_not_failing_any_more(ctx: Context) -> None:
    errors = [OSError("full")]

    def work(_ctx: Context) -> None:
        if errors:
            raise errors.pop()

    roster = DutyRoster(ctx, [Duty("sometimes", work, every_seconds=0)])
    roster.go_round()
    assert roster.reports[0].failing_since is not None
    roster.go_round()
    assert (roster.reports[0].failing_since, roster.reports[0].error) == (None, None)


def test_a_duty_that_needs_redis_waits_for_it_and_is_not_failing(ctx: Context) -> None:
    done: list[str] = []
    roster = DutyRoster(
        ctx,
        [
            Duty("notify", lambda _: done.append("notify"), every_seconds=0, needs_redis=True),
            Duty("other", lambda _: done.append("other"), every_seconds=0),
        ],
    )
    roster.go_round()
    assert done == ["other"]
    notify = roster.reports[0]
    assert (notify.succeeded_at, notify.failing_since) == (None, None)


def test_a_duty_that_needs_redis_is_done_where_it_answers(
    ctx: Context, fresh_redis_url: str
) -> None:
    done: list[str] = []
    connected = replace(ctx, notifier=Notifier(Redis.from_url(fresh_redis_url)))
    duty = Duty("notify", lambda _: done.append("notify"), needs_redis=True)
    DutyRoster(connected, [duty]).go_round()
    assert done == ["notify"]


def test_one_that_stands_by_does_the_duties_of_its_host_alone(ctx: Context) -> None:
    done: list[str] = []
    leads = [False]
    roster = DutyRoster(
        ctx,
        [
            Duty("ours", lambda _: done.append("ours"), every_seconds=0, runs_on=RunsOn.HOST),
            Duty("once", lambda _: done.append("once"), every_seconds=3600),
        ],
        leads=lambda: leads[0],
    )
    roster.go_round()
    assert (done, read_duties(ctx)) == (["ours"], [])
    leads[0] = True
    roster.go_round()
    roster.go_round()
    assert done == ["ours", "ours", "once", "ours"], "what was not done stayed due"
    assert {report.name for report in read_duties(ctx)} == {"ours", "once"}


def test_one_that_loses_its_lease_in_a_round_stops_there(ctx: Context) -> None:
    leads, done = [True], list[str]()
    roster = DutyRoster(
        ctx,
        [Duty("long", lambda _: leads.clear()), Duty("next", lambda _: done.append("next"))],
        leads=lambda: bool(leads),
    )
    roster.go_round()
    assert done == []


def test_every_duty_has_a_name_of_its_own_and_all_can_be_done(ctx: Context) -> None:
    duties = duties_of(Anchorer(ctx))
    assert len({duty.name for duty in duties}) == len(duties)
    roster = DutyRoster(ctx, duties)
    roster.go_round()
    assert [report.name for report in roster.reports if report.error] == []


def test_what_others_wait_for_is_done_in_every_round(ctx: Context) -> None:
    pace = {duty.name: duty.every_seconds for duty in duties_of(Anchorer(ctx))}
    waited_for = ("recover_operations", "notify_workers", "renew_instance")
    assert {pace[name] for name in waited_for} == {ROUND_SECONDS}
    # "The scheduler has not ticked for a minute" must not be said of one that is only slow.
    assert pace["record_scheduler_beat"] <= 10
