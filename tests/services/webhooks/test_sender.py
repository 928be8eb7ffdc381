"""What happens is told: at least once, in order, signed, until it arrives or is given up."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_network
from typing import Any

import pytest
from sqlalchemy import select, update

from app.clock import utc_now
from app.domain.operations import OperationStatus, OperationType
from app.domain.webhook_retries import DISABLE_AFTER_DEAD, GIVE_UP_AFTER, HELD_BACK_ATTEMPTS
from app.domain.webhooks import EventType, WebhookFormat
from app.errors import ConflictError
from app.models import AuditEvent, Operation, Project, Stack, Webhook, WebhookDelivery, WebhookEvent
from app.notify.webhook_client import WebhookClient
from app.services.context import Context
from app.services.drift.sweep import tell_unknown
from app.services.engine import ending
from app.services.engine.claims import begin_applying
from app.services.operations import control
from app.services.queue.order import add_operation
from app.services.queue.status import move
from app.services.webhooks import deliveries, outbox, registry, sender
from app.services.webhooks.metrics import webhook_figures
from app.services.webhooks.payloads import MAX_PAYLOAD_BYTES, sentence_of
from app.services.webhooks.registry import NewWebhook, WebhookChange
from app.services.webhooks.secrets import open_secrets, open_url
from app.services.work import perform
from tests.conftest import MakeSettings
from tests.drifting import change, check
from tests.landform import ADMIN
from tests.ports import free_port
from tests.receiver import Receiver, receiving
from tests.services.some_stacks import create, make_ready
from workers.webhook_sender import AT_ONCE, SLOW_AT_ONCE, WebhookSender

EVERYTHING = list(EventType)
DIGEST = EventType.DRIFT_DIGEST
"""The only one that is about no stack; ``test_drift_digest`` has its sentence."""

CLIENT = WebhookClient([ip_network("127.0.0.1")], answer_seconds=2)


@pytest.fixture
def make_settings(make_settings: MakeSettings) -> MakeSettings:
    """Let webhooks go to loopback."""

    def make(**overrides: Any) -> Any:
        return make_settings(webhook_allowed_networks="127.0.0.1", **overrides)

    return make


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


def add(
    ctx: Context, url: str, events: Sequence[EventType] = EVERYTHING, **more: Any
) -> tuple[Webhook, str]:
    with perform(ctx, ADMIN) as work:
        wanted = NewWebhook("hook", url, events, **more)
        return registry.create_webhook(work, wanted)


def tell(
    ctx: Context, stack: Stack, event: EventType = EventType.STACK_EXPIRING, **data: Any
) -> None:
    with ctx.write() as session:
        outbox.announce(session, event, session.get_one(Stack, stack.id), **data)


def send(ctx: Context) -> int:
    return sum(sender.serve_webhook(ctx, CLIENT, due.id) for due in sender.due_webhooks(ctx))


def queue(ctx: Context, hook: Webhook | None = None) -> list[WebhookDelivery]:
    with ctx.read() as session:
        query = select(WebhookDelivery).order_by(WebhookDelivery.number)
        if hook is not None:
            query = query.where(WebhookDelivery.webhook_id == hook.id)
        return list(session.scalars(query))


def be_due(ctx: Context, age: timedelta = timedelta()) -> None:
    """Let the time pass until everything that waits is due, and ``age`` more."""
    with ctx.write() as session:
        for row in session.scalars(select(WebhookDelivery).filter_by(status="pending")):
            row.next_attempt_at, row.created_at = utc_now(), row.created_at - age


def hook_of(ctx: Context, hook: Webhook) -> Webhook:
    with ctx.read() as session:
        return session.get_one(Webhook, hook.id)


def test_an_event_arrives_signed_with_its_payload(ctx: Context, receiver: Receiver) -> None:
    _, secret = add(ctx, receiver.url)
    stack = create(ctx, "web")
    tell(ctx, stack, at="2026-12-01T00:00:00Z")
    assert send(ctx) == 1
    (got,) = receiver.requests
    assert got.is_signed_by(secret)
    assert not got.is_signed_by("whsec_" + "A" * 43 + "=")
    assert got.headers["content-type"] == "application/json"
    assert set(got.json) == {"type", "version", "timestamp", "data"}
    assert (got.json["type"], got.json["version"]) == ("stack.expiring", 1)
    shown = got.json["data"]["stack"]
    assert (shown["id"], shown["name"], shown["project"]["name"]) == (stack.id, "web", "default")
    assert got.json["data"]["at"] == "2026-12-01T00:00:00Z"
    (row,) = queue(ctx)
    assert (row.status, row.attempts, row.response_status, row.error) == ("delivered", 1, 204, None)
    assert row.event_id == got.headers["webhook-id"]
    assert row.duration_ms is not None
    assert send(ctx) == 0


def test_a_change_that_is_rolled_back_is_not_told(ctx: Context, receiver: Receiver) -> None:
    add(ctx, receiver.url)
    stack = create(ctx, "web")

    def fail() -> None:
        with ctx.write() as session:
            event = EventType.STACK_EXPIRING
            outbox.announce(session, event, session.get_one(Stack, stack.id))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert queue(ctx) == []


def test_each_webhook_is_told_of_its_project_and_of_its_events_only(
    ctx: Context, receiver: Receiver
) -> None:
    with ctx.write() as session:
        session.add(Project(id="prj_other", name="other", created_at=utc_now()))
    hooks = {
        "other project": add(ctx, receiver.url, project="other")[0],
        "all": add(ctx, receiver.url)[0],
        "project": add(ctx, receiver.url, project="default")[0],
        "other events": add(ctx, receiver.url, [EventType.DRIFT_FOUND])[0],
        "disabled": add(ctx, receiver.url)[0],
    }
    with perform(ctx, ADMIN) as work:
        registry.change_webhook(work, hooks["disabled"].id, WebhookChange(enabled=False), None)
    stack = create(ctx, "web")
    tell(ctx, stack)
    told = {name for name, hook in hooks.items() if queue(ctx, hook)}
    assert told == {"all", "project"}
    with ctx.read() as session:
        assert len(session.scalars(select(WebhookEvent)).all()) == 1


def test_nobody_who_listens_leaves_no_row(ctx: Context) -> None:
    tell(ctx, create(ctx, "web"))
    with ctx.read() as session:
        assert session.scalars(select(WebhookEvent)).all() == []


def test_messages_arrive_in_order_and_wait_for_one_that_fails(
    ctx: Context, receiver: Receiver
) -> None:
    hook, _ = add(ctx, receiver.url)
    stack = create(ctx, "web")
    for number in range(3):
        tell(ctx, stack, number=number)
    receiver.statuses = [200, 500]
    assert send(ctx) == 2
    assert [row.status for row in queue(ctx, hook)] == ["delivered", "pending", "pending"]
    assert send(ctx) == 0, "the next attempt is not due yet"
    be_due(ctx)
    assert send(ctx) == 2
    assert [item.json["data"]["number"] for item in receiver.requests] == [0, 1, 1, 2]
    ids = [item.headers["webhook-id"] for item in receiver.requests]
    assert ids[1] == ids[2]
    assert len(set(ids)) == 3


@pytest.mark.parametrize("status", [199 + 101, 302, 400, 404, 429, 500, 503])
def test_what_is_no_success_is_tried_again(ctx: Context, receiver: Receiver, status: int) -> None:
    add(ctx, receiver.url)
    receiver.statuses, receiver.answer = [status], b"no\x00!"
    tell(ctx, create(ctx, "web"))
    send(ctx)
    (row,) = queue(ctx)
    assert (row.status, row.attempts, row.response_status) == ("pending", 1, status)
    assert row.response_excerpt == "no\ufffd!"
    assert row.next_attempt_at is not None
    assert timedelta(seconds=3) < row.next_attempt_at - utc_now() < timedelta(seconds=7)


def test_a_message_is_given_up_after_a_day_and_the_next_one_has_its_turn(
    ctx: Context, receiver: Receiver
) -> None:
    hook, _ = add(ctx, receiver.url)
    stack = create(ctx, "web")
    tell(ctx, stack, number=0)
    receiver.statuses = [500, 500]
    send(ctx)
    be_due(ctx, GIVE_UP_AFTER)
    tell(ctx, stack, number=1)
    assert send(ctx) == 2
    assert [row.status for row in queue(ctx, hook)] == ["dead", "delivered"]
    assert hook_of(ctx, hook).dead_in_a_row == 0


def test_a_webhook_with_many_dead_messages_is_disabled_and_says_so(
    ctx: Context, receiver: Receiver
) -> None:
    hook, _ = add(ctx, receiver.url)
    stack = create(ctx, "web")
    receiver.statuses = [500] * 100
    for number in range(DISABLE_AFTER_DEAD + 2):
        tell(ctx, stack, number=number)
    be_due(ctx, GIVE_UP_AFTER)
    assert send(ctx) == DISABLE_AFTER_DEAD
    row = hook_of(ctx, hook)
    assert not row.is_enabled
    assert "could not be delivered" in (row.disabled_because or "")
    assert send(ctx) == 0
    with ctx.read() as session:
        (act,) = session.scalars(select(AuditEvent).filter_by(action="webhook.disable"))
        assert (act.actor_kind, act.object_id) == ("system", hook.id)
    with perform(ctx, ADMIN) as work:
        registry.change_webhook(work, hook.id, WebhookChange(enabled=True), None)
    receiver.statuses = []
    assert send(ctx) == 2, "what still waits is sent"
    row = hook_of(ctx, hook)
    assert (row.is_enabled, row.disabled_because, row.dead_in_a_row) == (True, None, 0)


def test_a_receiver_that_is_gone_for_good_is_asked_no_more(
    ctx: Context, receiver: Receiver
) -> None:
    hook, _ = add(ctx, receiver.url)
    receiver.statuses = [410]
    tell(ctx, create(ctx, "web"))
    send(ctx)
    assert "410" in (hook_of(ctx, hook).disabled_because or "")
    assert [row.status for row in queue(ctx)] == ["dead"]


def test_two_secrets_sign_for_a_while_and_then_only_the_new_one(
    ctx: Context, receiver: Receiver
) -> None:
    hook, old = add(ctx, receiver.url)
    confirmed = replace(ADMIN, session_id="s", confirmed_until=utc_now() + timedelta(hours=1))
    with perform(ctx, confirmed) as work:
        _, new = registry.rotate_secret(work, hook.id)
    stack = create(ctx, "web")
    tell(ctx, stack)
    send(ctx)
    assert receiver.requests[0].is_signed_by(old)
    assert receiver.requests[0].is_signed_by(new)
    with ctx.write() as session:
        session.execute(update(Webhook).values(previous_secret_until=utc_now()))
    tell(ctx, stack)
    send(ctx)
    assert not receiver.requests[1].is_signed_by(old)
    assert receiver.requests[1].is_signed_by(new)


def test_url_and_secrets_are_sealed_at_rest_and_bound_to_their_webhook(
    ctx: Context, receiver: Receiver
) -> None:
    url = f"{receiver.url}/T0KEN-in-the-path"
    hook, secret = add(ctx, url)
    row = hook_of(ctx, hook)
    assert b"T0KEN" not in row.sealed_url
    assert secret.encode()[6:] not in row.sealed_secret
    assert (open_url(ctx.keys, row), open_secrets(ctx.keys, row)) == (url, [secret])
    with ctx.read() as session:
        events = repr([vars(item) for item in session.scalars(select(AuditEvent))])
    assert "T0KEN" not in events
    assert secret not in events


def test_a_webhook_that_cannot_be_opened_is_disabled_and_blocks_nobody(
    ctx: Context, receiver: Receiver
) -> None:
    hook, _ = add(ctx, receiver.url)
    other, _ = add(ctx, receiver.url)
    with ctx.write() as session:
        session.get_one(Webhook, hook.id).sealed_url = other.sealed_url
    tell(ctx, create(ctx, "web"))
    assert send(ctx) == 1
    assert "decryption_failed" in (hook_of(ctx, hook).disabled_because or "")


def test_only_one_sender_serves_a_webhook_at_a_time(ctx: Context, receiver: Receiver) -> None:
    add(ctx, receiver.url)
    stack = create(ctx, "web")
    for number in range(4):
        tell(ctx, stack, number=number)
    receiver.seconds = 0.1
    (due,) = sender.due_webhooks(ctx)
    threads = [
        threading.Thread(target=sender.serve_webhook, args=[ctx, CLIENT, due.id]) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [item.json["data"]["number"] for item in receiver.requests] == [0, 1, 2, 3]


def test_a_sender_that_died_is_followed_by_another_and_its_late_word_does_not_count(
    ctx: Context, receiver: Receiver
) -> None:
    hook, _ = add(ctx, receiver.url)
    tell(ctx, create(ctx, "web"))
    assert sender._claim(ctx, hook.id, "dead sender")
    assert sender.due_webhooks(ctx) == []
    with ctx.write() as session:
        session.execute(update(Webhook).values(claimed_until=utc_now()))
    assert send(ctx) == 1
    (row,) = queue(ctx)
    late = CLIENT.post("http://127.0.0.1:1/", {}, b"")
    assert not sender._settle(ctx, hook.id, "dead sender", row.number, late)
    assert [(row.status, row.attempts) for row in queue(ctx)] == [("delivered", 1)]


def test_a_webhook_that_is_deleted_while_a_message_is_under_way_stays_deleted(
    ctx: Context, receiver: Receiver
) -> None:
    hook, _ = add(ctx, receiver.url)
    tell(ctx, create(ctx, "web"))
    receiver.seconds = 0.5
    thread = threading.Thread(target=send, args=[ctx])
    thread.start()
    while not receiver.requests:
        time.sleep(0.01)
    with perform(ctx, ADMIN) as work:
        registry.delete_webhook(work, hook.id, None)
    thread.join()
    assert queue(ctx) == []


def test_the_thread_serves_several_webhooks_and_a_slow_one_holds_up_itself_only(
    ctx: Context, receiver: Receiver
) -> None:
    with receiving() as slow:
        slow.seconds = 1.0
        add(ctx, slow.url)
        add(ctx, receiver.url)
        stack = create(ctx, "web")
        tell(ctx, stack)
        work = WebhookSender(ctx, CLIENT)
        first = work.go_round()
        assert len(first) == 2
        tell(ctx, stack)
        for thread in first:
            thread.join(0.5)
        work.go_round()
        for thread in work.go_round():
            thread.join()
        while any(row.status == "pending" for row in queue(ctx)):
            for thread in work.go_round():
                thread.join()
        assert len(receiver.requests) == len(slow.requests) == 2


def test_a_message_that_is_refused_holds_no_other_back(ctx: Context, receiver: Receiver) -> None:
    add(ctx, receiver.url)
    stack = create(ctx, "web")
    receiver.statuses = [413, 200, 200]
    tell(ctx, stack, number=0)
    tell(ctx, stack, number=1)
    assert send(ctx) == 2
    assert [row.status for row in queue(ctx)] == ["pending", "delivered"]
    tell(ctx, stack, number=2)
    assert send(ctx) == 1
    assert [item.json["data"]["number"] for item in receiver.requests] == [0, 1, 2]


def test_a_receiver_that_fails_keeps_its_messages_in_order_for_a_while_only(
    ctx: Context, receiver: Receiver
) -> None:
    add(ctx, receiver.url)
    stack = create(ctx, "web")
    tell(ctx, stack, number=0)
    tell(ctx, stack, number=1)
    receiver.statuses = [500] * HELD_BACK_ATTEMPTS
    for attempt in range(1, HELD_BACK_ATTEMPTS):
        assert send(ctx) == 1
        assert [row.attempts for row in queue(ctx)] == [attempt, 0]
        with ctx.write() as session:
            session.execute(update(WebhookDelivery).values(next_attempt_at=utc_now()))
    assert send(ctx) == 2
    assert [row.status for row in queue(ctx)] == ["pending", "delivered"]


def test_a_receiver_that_is_away_keeps_its_messages_in_order(ctx: Context) -> None:
    add(ctx, f"http://127.0.0.1:{free_port()}/")
    stack = create(ctx, "web")
    tell(ctx, stack, number=0)
    tell(ctx, stack, number=1)
    for _ in range(HELD_BACK_ATTEMPTS + 1):
        assert send(ctx) == 1
        with ctx.write() as session:
            session.execute(update(WebhookDelivery).values(next_attempt_at=utc_now()))
    assert [row.attempts for row in queue(ctx)] == [HELD_BACK_ATTEMPTS + 1, 0]


def test_a_body_is_small_whatever_is_told(ctx: Context, receiver: Receiver) -> None:
    add(ctx, receiver.url)
    link = "/api/v1/operations/op_01ABCDEFGHJKMNPQRSTVWXYZ00"
    many = [{"name": f"stack-{number}", "text": "x" * 300} for number in range(500)]
    tell(ctx, create(ctx, "web"), operation={"link": link, "detail": "€" * 200_000}, many=many)
    assert send(ctx) == 1
    (request,) = receiver.requests
    assert len(request.body) <= MAX_PAYLOAD_BYTES
    assert request.json["is_cut"] is True
    assert request.json["data"]["operation"]["link"] == link


def test_receivers_that_hang_leave_room_for_the_others(ctx: Context, receiver: Receiver) -> None:
    with receiving() as hanging:
        hanging.seconds = 1.0
        slow = [add(ctx, hanging.url)[0] for _ in range(AT_ONCE)]
        with ctx.write() as session:
            session.execute(update(Webhook).values(is_slow=True))
        add(ctx, receiver.url)
        tell(ctx, create(ctx, "web"))
        work = WebhookSender(ctx, CLIENT)
        threads = work.go_round()
        assert len(threads) == SLOW_AT_ONCE + 1
        while any(thread.is_alive() for thread in threads) or len(hanging.requests) < len(slow):
            work.go_round()
            time.sleep(0.05)
        assert len(receiver.requests) == 1


def test_a_test_is_sent_once_and_again_on_demand(ctx: Context, receiver: Receiver) -> None:
    hook, secret = add(ctx, receiver.url)
    receiver.statuses = [500]
    with perform(ctx, ADMIN) as work:
        deliveries.send_test(work, hook.id)
    send(ctx)
    (row,) = queue(ctx)
    assert (row.status, row.attempts) == ("dead", 1)
    assert hook_of(ctx, hook).dead_in_a_row == 0
    with perform(ctx, ADMIN) as work:
        again = deliveries.redeliver(work, hook.id, row.id)
    send(ctx)
    assert [item.status for item in queue(ctx)] == ["dead", "delivered"]
    assert again.redelivery_of == row.id
    one, two = receiver.requests
    assert one.headers["webhook-id"] == two.headers["webhook-id"]
    assert one.json["type"] == "webhook.test"
    assert two.is_signed_by(secret)
    with perform(ctx, ADMIN) as work:
        registry.change_webhook(work, hook.id, WebhookChange(enabled=False), None)
    with perform(ctx, ADMIN) as work, pytest.raises(ConflictError):
        deliveries.send_test(work, hook.id)


def test_asking_for_a_test_tries_at_once_what_waits_before_it(
    ctx: Context, receiver: Receiver
) -> None:
    hook, _ = add(ctx, receiver.url)
    receiver.statuses = [500]
    tell(ctx, create(ctx, "web"))
    send(ctx)
    with perform(ctx, ADMIN) as work:
        deliveries.send_test(work, hook.id)
    send(ctx)
    assert receiver.types == ["stack.expiring", "stack.expiring", "webhook.test"]


def test_old_deliveries_are_forgotten_and_their_events_with_them(
    ctx: Context, receiver: Receiver
) -> None:
    add(ctx, receiver.url)
    stack = create(ctx, "web")
    tell(ctx, stack, number=0)
    tell(ctx, stack, number=1)
    with ctx.write() as session:
        old = utc_now() - deliveries.KEPT - timedelta(seconds=1)
        first = session.scalars(select(WebhookDelivery).limit(1)).one()
        first.created_at = first.event.created_at = old
    with ctx.write() as session:
        assert deliveries.forget_old(session) == 1
    assert [row.event.data["number"] for row in queue(ctx)] == [1]
    with ctx.read() as session:
        assert len(session.scalars(select(WebhookEvent)).all()) == 1
    with ctx.write() as session:
        assert deliveries.forget_old(session) == 0


def test_attempts_are_counted_for_prometheus(ctx: Context, receiver: Receiver) -> None:
    add(ctx, receiver.url)
    receiver.statuses = [500]
    tell(ctx, create(ctx, "web"))
    assert webhook_figures(ctx) == ({"delivered": 0, "failed": 0, "dead": 0}, 1, 0)
    send(ctx)
    be_due(ctx)
    send(ctx)
    assert webhook_figures(ctx) == ({"delivered": 1, "failed": 1, "dead": 0}, 0, 0)


# --- what is told ---------------------------------------------------------------------------------


def operation_of(ctx: Context, stack: Stack) -> Operation:
    with ctx.read() as session:
        return (
            session.scalars(
                select(Operation).filter_by(stack_id=stack.id).order_by(Operation.id.desc())
            ).first()
            or Operation()
        )


def test_the_end_of_an_operation_is_told_however_it_ended(ctx: Context, receiver: Receiver) -> None:
    add(ctx, receiver.url)
    stack = create(ctx, "web")
    with perform(ctx, ADMIN) as work:
        control.cancel(work, operation_of(ctx, stack).id)
    second = create(ctx, "net")
    with ctx.write() as session:
        operation = session.get_one(Operation, operation_of(ctx, second).id)
        move(operation, OperationStatus.PLANNING)
        move(operation, OperationStatus.PLANNED)
        move(operation, OperationStatus.APPLYING)
        operation.has_applied = True
        ending.end(session, operation, OperationStatus.INTERRUPTED)
    send(ctx)
    told = [(item.json["type"], item.json["data"]["stack"]["name"]) for item in receiver.requests]
    assert told == [
        ("operation.ended", "web"),
        ("operation.ended", "net"),
        ("stack.needs_attention", "net"),
    ]
    ended = receiver.requests[0].json["data"]["operation"]
    assert (ended["status"], ended["type"], ended["requested_by"]) == ("canceled", "apply", "admin")
    assert receiver.requests[1].json["data"]["stack"]["status"] == "needs_attention"


def verdict(ctx: Context, stack: Stack, status: str) -> None:
    """Let a drift check of the stack end with a verdict; "moved" drifts to other values."""
    seen = {"drifted": (change(size=2),), "moved": (change(size=3),)}.get(status, ())
    check(ctx, stack, *seen, reason="no answer" if status == "unknown" else None)


def test_drift_is_told_when_it_comes_and_when_it_goes_and_not_in_between(
    ctx: Context, receiver: Receiver
) -> None:
    stack = create(ctx, "web")
    make_ready(ctx, stack)
    add(ctx, receiver.url)
    for status in ("in_sync", "unknown", "drifted", "drifted", "unknown", "drifted", "in_sync"):
        verdict(ctx, stack, status)
    send(ctx)
    assert receiver.types == ["drift.found", "drift.gone"]
    found = receiver.requests[0].json["data"]
    assert found["drift"]["changes"] == {"updated": 1}
    assert found["stack"]["drift"] == "drifted"
    assert found["drift"]["severities"] == {"medium": 1}
    assert "a_b" not in receiver.requests[0].body.decode(), "no word of a provider is told"


def test_a_stack_that_cannot_be_checked_for_long_is_told_once(
    ctx: Context, receiver: Receiver
) -> None:
    stack = create(ctx, "web")
    make_ready(ctx, stack)
    add(ctx, receiver.url)
    for _ in range(2):
        verdict(ctx, stack, "unknown")
        assert tell_unknown(ctx) == 0, "not for long yet"
        with ctx.write() as session:
            row = session.get_one(Stack, stack.id)
            assert row.drift_since is not None
            row.drift_since -= timedelta(seconds=ctx.settings.drift_unknown_seconds)
        assert (tell_unknown(ctx), tell_unknown(ctx)) == (1, 0)
        verdict(ctx, stack, "in_sync")
    send(ctx)
    assert receiver.types == ["drift.unknown", "drift.unknown"]
    told = receiver.requests[0].json["data"]["drift"]
    assert (told["reason"], bool(told["next_check_at"])) == ("no answer", True)


def test_what_is_paused_is_not_waited_for(ctx: Context) -> None:
    stack = create(ctx, "web")
    make_ready(ctx, stack)
    verdict(ctx, stack, "unknown")
    with ctx.write() as session:
        row = session.get_one(Stack, stack.id)
        assert row.drift_since is not None
        row.drift_since -= timedelta(seconds=ctx.settings.drift_unknown_seconds)
        row.schedule.is_enabled = False
    assert tell_unknown(ctx) == 0
    with ctx.write() as session:
        session.get_one(Stack, stack.id).schedule.is_enabled = True
    assert tell_unknown(ctx) == 1


def test_an_apply_ends_the_story_of_a_stack_that_could_not_be_checked(ctx: Context) -> None:
    stack = create(ctx, "web")
    make_ready(ctx, stack)
    for _ in range(2):
        verdict(ctx, stack, "unknown")
        with ctx.write() as session:
            row = session.get_one(Stack, stack.id)
            assert row.drift_since is not None
            row.drift_since -= timedelta(seconds=ctx.settings.drift_unknown_seconds)
        assert tell_unknown(ctx) == 1
        with ctx.write() as session:
            row = session.get_one(Stack, stack.id)
            apply = add_operation(session, row, OperationType.APPLY, ADMIN)
            for status in (OperationStatus.PLANNING, OperationStatus.PLANNED):
                move(apply, status)
            begin_applying(apply)
            ending.end(session, apply, OperationStatus.APPLIED)


def test_a_drift_that_moves_on_is_told_once_more(ctx: Context, receiver: Receiver) -> None:
    stack = create(ctx, "web")
    make_ready(ctx, stack)
    add(ctx, receiver.url)
    for status in ("drifted", "moved", "moved", "unknown", "moved"):
        verdict(ctx, stack, status)
    send(ctx)
    assert receiver.types == ["drift.found", "drift.changed"]


def test_slack_gets_one_line_in_which_no_name_can_call_a_channel(
    ctx: Context, receiver: Receiver
) -> None:
    add(ctx, receiver.url, format=WebhookFormat.SLACK)
    stack = create(ctx, "web")
    with perform(ctx, ADMIN) as work:
        control.cancel(work, operation_of(ctx, stack).id)
    send(ctx)
    assert receiver.requests[0].json == {
        "text": "network *web* in default: apply ended as canceled"
    }
    data = {
        "stack": {"kind": "network", "name": "<!channel>", "project": {"name": "a & *b*"}},
        "reason": "<https://evil.example|click>\n`x`",
    }
    text = sentence_of(WebhookEvent(type=EventType.NEEDS_ATTENTION.value, data=data))
    assert "<" not in text
    assert text.startswith("network *&lt;!channel&gt;* in a &amp;  b : needs attention. &lt;https")
    assert "\n" not in text


@pytest.mark.parametrize("event", [event for event in EVERYTHING if event != DIGEST])
def test_every_event_has_a_sentence(event: EventType) -> None:
    data = {
        "stack": {"kind": "network", "name": "web", "project": {"name": "default"}},
        "operation": {"type": "apply", "status": "errored", "plan": {"add": 2, "destroy": 0},
                      "error": {"title": "Terraform reported an error"}},
        "drift": {"changes": {"updated": 2}},
    }  # fmt: skip
    text = sentence_of(WebhookEvent(type=event.value, data=data))
    assert text.startswith("network *web* in default: ")
    assert len(text) > 35
    assert json.dumps(text)
