"""Once a day a project is told how its drift stands: never twice, and only if there is news."""

from __future__ import annotations

import threading
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from app.clock import utc_now
from app.domain.webhooks import EventType
from app.models import DriftFinding, Project, Stack, WebhookEvent
from app.services.context import Context
from app.services.drift.acknowledgements import acknowledge
from app.services.drift.digest import tell_digests
from app.services.drift.rules import NewRule, RuleScope, create_rule
from app.services.webhooks import registry
from app.services.webhooks.payloads import sentence_of
from app.services.webhooks.registry import NewWebhook
from app.services.work import perform
from tests.drifting import change, check
from tests.landform import ADMIN
from tests.services.some_stacks import create, make_ready

DAY = timedelta(days=1)


@pytest.fixture
def stack(ctx: Context) -> Stack:
    made = create(ctx, "web")
    make_ready(ctx, made)
    with perform(ctx, ADMIN) as work:
        hook = NewWebhook("hook", "https://hooks.example.com/x", [EventType.DRIFT_DIGEST])
        registry.create_webhook(work, hook)
    assert tell_digests(ctx) == 0, "the day of the installation is told tomorrow"
    return made


def told_until(ctx: Context, day: date | None) -> None:
    with ctx.write() as session:
        for project in session.scalars(select(Project)):
            project.drift_digest_day = day


def days_ago(ctx: Context, days: int) -> None:
    """Let everything that is known of drift have happened earlier."""
    with ctx.write() as session:
        for row in session.scalars(select(DriftFinding)).unique():
            row.first_seen_at -= days * DAY
            row.changed_at -= days * DAY
            if row.gone_since is not None:
                row.gone_since -= days * DAY


def a_day_later(ctx: Context) -> None:
    days_ago(ctx, 1)
    told_until(ctx, utc_now().date() - 2 * DAY)


def digests(ctx: Context) -> list[WebhookEvent]:
    with ctx.read() as session:
        query = select(WebhookEvent).where(WebhookEvent.type == "drift.digest")
        return list(session.scalars(query.order_by(WebhookEvent.id)))


def last(ctx: Context) -> Any:
    return digests(ctx)[-1].data["digest"]


def test_a_day_is_told_after_its_end_and_once(ctx: Context, stack: Stack) -> None:
    check(ctx, stack, change(size=2), change("deleted", "a_b.other"))
    assert tell_digests(ctx) == 0, "the day is not over"
    a_day_later(ctx)
    assert (tell_digests(ctx), tell_digests(ctx)) == (1, 0)
    (event,) = digests(ctx)
    assert event.data["project"]["name"] == "default"
    found = event.data["digest"]
    assert found["from"] == found["to"] == (utc_now().date() - DAY).isoformat()
    assert (found["new"], found["changed"], found["gone"], found["open"]) == (2, 0, 0, 2)
    assert found["stacks"]["drifted"] == 1
    (shown,) = found["drifted"]
    assert (shown["name"], shown["changes"]) == ("web", {"deleted": 1, "updated": 1})
    assert "a_b" not in str(found), "no word of a provider is told"


def test_what_goes_is_told_and_then_there_is_silence(ctx: Context, stack: Stack) -> None:
    check(ctx, stack, change(size=2))
    days_ago(ctx, 3)
    check(ctx, stack)
    a_day_later(ctx)
    assert tell_digests(ctx) == 1
    assert (last(ctx)["gone"], last(ctx)["open"], last(ctx)["drifted"]) == (1, 0, [])
    a_day_later(ctx)
    assert tell_digests(ctx) == 0


def test_what_stays_open_is_told_each_day_until_somebody_knows_of_it(
    ctx: Context, stack: Stack
) -> None:
    check(ctx, stack, change(size=2))
    days_ago(ctx, 5)
    for _ in range(2):
        a_day_later(ctx)
        assert tell_digests(ctx) == 1
        assert (last(ctx)["new"], last(ctx)["open"]) == (0, 1)
    with perform(ctx, ADMIN) as work:
        finding = work.session.scalars(select(DriftFinding)).unique().one()
        acknowledge(work, finding.id, "")
    a_day_later(ctx)
    assert tell_digests(ctx) == 0


def test_what_a_rule_hides_is_not_told(ctx: Context, stack: Stack) -> None:
    check(ctx, stack, change(size=2))
    with perform(ctx, ADMIN) as work:
        create_rule(work, NewRule("default", "known", RuleScope(path="size")))
    a_day_later(ctx)
    assert tell_digests(ctx) == 0


def test_a_stack_that_cannot_be_checked_is_named(ctx: Context, stack: Stack) -> None:
    check(ctx, stack, reason="The cloud did not answer.")
    a_day_later(ctx)
    assert tell_digests(ctx) == 0, "that may pass"
    with ctx.write() as session:
        row = session.get_one(Stack, stack.id)
        assert row.drift_since is not None
        row.drift_since -= DAY
    a_day_later(ctx)
    assert tell_digests(ctx) == 1
    (shown,) = last(ctx)["unknown"]
    assert (shown["name"], shown["reason"]) == ("web", "The cloud did not answer.")


def test_days_that_were_missed_are_told_as_one(ctx: Context, stack: Stack) -> None:
    check(ctx, stack, change(size=2))
    days_ago(ctx, 3)
    told_until(ctx, utc_now().date() - 6 * DAY)
    assert tell_digests(ctx) == 1
    assert last(ctx)["from"] == (utc_now().date() - 5 * DAY).isoformat()
    assert last(ctx)["new"] == 1


def test_a_clock_that_was_set_forwards_and_back_repeats_no_day(ctx: Context, stack: Stack) -> None:
    check(ctx, stack, change(size=2))
    told_until(ctx, utc_now().date() + 300 * DAY)
    assert tell_digests(ctx) == 0
    a_day_later(ctx)
    assert tell_digests(ctx) == 1, "and it goes on from there"


def test_a_host_whose_clock_is_a_little_late_repeats_no_day(ctx: Context, stack: Stack) -> None:
    check(ctx, stack, change(size=2))
    a_day_later(ctx)
    told_until(ctx, utc_now().date())
    assert tell_digests(ctx) == 0
    with ctx.read() as session:
        project = session.scalars(select(Project)).one()
    assert project.drift_digest_day == utc_now().date()


def test_two_schedulers_at_once_tell_a_day_once(ctx: Context, stack: Stack) -> None:
    check(ctx, stack, change(size=2))
    a_day_later(ctx)
    start = threading.Barrier(4)

    def tell() -> None:
        start.wait()
        tell_digests(ctx)

    threads = [threading.Thread(target=tell) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(digests(ctx)) == 1


def test_it_has_a_line_in_which_no_name_can_call_a_channel(ctx: Context, stack: Stack) -> None:
    check(ctx, stack, change(size=2))
    a_day_later(ctx)
    tell_digests(ctx)
    (event,) = digests(ctx)
    yesterday = utc_now().date() - DAY
    assert sentence_of(event) == f"drift in *default*, {yesterday}: 1 open; 1 new; drifted: web"
    event.data["project"]["name"] = "<!channel>"
    event.data["digest"]["drifted"] = [{"name": f"<{number}>"} for number in range(7)]
    text = sentence_of(event)
    assert "<" not in text
    assert text.endswith("and 2 more")
