"""A fleet with hostile text wherever a person, a cloud or a receiver can put some.

What the rules of today refuse, such as a bracket in a name, is written to SQL beneath them: a page
must not count on rules that may be loosened one day.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from sqlalchemy import select, update

from app.clock import utc_now
from app.domain.webhooks import EventType
from app.models import (
    CloudAccount,
    Operation,
    Project,
    Stack,
    User,
    UserSession,
    Webhook,
    WebhookDelivery,
)
from app.services import audit
from app.services.cloud_accounts.accounts import NewCloudAccount, create_cloud_account
from app.services.cloud_accounts.grants import Grants
from app.services.drift.rules import NewRule, RuleScope, create_rule
from app.services.identity.api_tokens import NewToken, create_token
from app.services.projects.change_control import ControlChange, Maintenance, change_control
from app.services.projects.projects import NewProject, create_project
from app.services.stacks.locks import lock_stack
from app.services.webhooks.outbox import add_delivery, add_event
from app.services.webhooks.registry import NewWebhook, create_webhook
from app.services.work import Work, perform
from tests.api.states import state_bytes
from tests.console.fleet_examples import DONE, Fleet, attribute, change, updated

HOSTILE = (
    '<img src=x onerror="window.hacked=1">\'"--></script><svg onload=window.hacked=1>'
    "{{7*7}}${7*7}javascript:window.hacked=1 \u202e\u2066"
)
NAME = "\"><svg onload=window.hacked=1>'{{7*7}}"
"""The same where only some letters fit."""

PASSWORD = "a long password"
SANDBOX = {"endpoint": "http://127.0.0.1:1999/v1", "token": "a-token-of-the-sandbox"}
ADMINISTRATOR = "administrator"
ROLES = ("viewer", "operator", "admin", ADMINISTRATOR)
"""The roles in a project, and who administers this Landform."""


def fill(fleet: Fleet) -> None:
    """Make stacks, operations and everything of the settings, all of it hostile."""
    _stacks(fleet)
    _unfinished(fleet)
    _rules_and_webhooks(fleet)
    _accounts_and_audit(fleet)
    _rename(fleet)


def _rename(fleet: Fleet) -> None:
    """Give hostile names to what the rules give plain ones only."""
    with fleet.ctx.write() as session:
        session.execute(update(CloudAccount).values(check_detail=HOSTILE, check_passed=False))
        session.execute(update(CloudAccount).where(CloudAccount.name == "second").values(name=NAME))
        session.execute(update(Project).where(Project.name == "second").values(name=NAME))
        session.execute(update(Stack).where(Stack.name == "cut").values(name=NAME))
        session.execute(update(User).where(User.name == "mallory").values(name=NAME))
        session.execute(update(UserSession).values(user_agent=HOSTILE))
        session.execute(update(Operation).values(requested_by=NAME, approved_by=NAME))


def _stacks(fleet: Fleet) -> None:
    labels = {"team": HOSTILE[:80]}
    web = fleet.stack("web", labels=labels, status_reason=HOSTILE, created_by=NAME)
    fleet.stack("shop", "machine-group", parameters={"network": "web", "user_data": HOSTILE})
    fleet.steps(web.operation_id, *DONE)
    fleet.output(web.stack_id, "network_id", HOSTILE)
    for serial, value in ((1, "x"), (2, HOSTILE)):
        fleet.state(web, state_bytes(serial, {"a": value, "b": value}))
    changes = [updated("sandbox_network.this", HOSTILE, HOSTILE, "y")]
    changes.append(updated(HOSTILE, "size", {"deep": [HOSTILE]}, HOSTILE))
    fleet.drift(web, "drifted", changes, HOSTILE)
    start = {"address": HOSTILE, "action": "create"}
    fleet.events(web.operation_id, [{"message": HOSTILE, "type": "apply_start", "data": start}])
    waiting = fleet.operation(web.stack_id, status="planned")
    values = attribute(HOSTILE, HOSTILE, {"deep": [HOSTILE]}, forces=True)
    fleet.plan(waiting, [change("replace", HOSTILE, values)], replace=1)
    with perform(fleet.ctx, fleet.principal) as work:
        lock_stack(work, web.stack_id, HOSTILE)
    fleet.drift(fleet.stack("lost", "bucket"), "unknown", [], HOSTILE)


def _unfinished(fleet: Fleet) -> None:
    start = {"address": HOSTILE, "action": "create"}
    running = fleet.operation(fleet.stack("busy").stack_id, status="applying", has_applied=True)
    fleet.plan(running, [], add=1)
    fleet.events(running, [{"message": HOSTILE, "type": "apply_start", "data": start}])
    late = fleet.stack("late").stack_id
    fleet.operation(late, status="canceling", cancel_requested_at=utc_now(), has_applied=True)
    error = {"code": "state_corrupt", **dict.fromkeys(("title", "detail", "advice"), HOSTILE)}
    orphan = {"address": HOSTILE, "id": HOSTILE, "type": HOSTILE, "reason": HOSTILE}
    cut = fleet.stack("cut", status="needs_attention")
    fleet.change_operation(
        cut.operation_id, status="interrupted", error=error, possibly_orphaned=[orphan]
    )
    failed = fleet.stack("failed", status="failed", status_reason=HOSTILE)
    diagnostics = [{"summary": HOSTILE, "detail": HOSTILE, "address": HOSTILE}]
    fleet.change_operation(
        failed.operation_id, status="errored", error={**error, "diagnostics": diagnostics}
    )


def _rules_and_webhooks(fleet: Fleet) -> None:
    rule = NewRule("default", HOSTILE, RuleScope(resource_type=NAME, path=HOSTILE, value=HOSTILE))
    url, events = "https://hooks.example.com/x", [EventType.OPERATION_ENDED]
    with perform(fleet.ctx, fleet.principal) as work:
        create_rule(work, rule)
        create_webhook(work, NewWebhook(NAME, url, events))
        wanted = NewWebhook(NAME, url, events, project="default")
        hook_id = create_webhook(work, wanted)[0].id
        second = NewProject("second", title=HOSTILE)
        create_project(work, second)
        maintenance = ControlChange(maintenance=Maintenance(HOSTILE))
        change_control(work, "second", maintenance)
    with fleet.ctx.write() as session:
        kept = session.get_one(Webhook, hook_id)
        kept.is_enabled, kept.disabled_because = False, HOSTILE
        sent = add_delivery(session, hook_id, add_event(session, NAME, {"note": HOSTILE}))
        delivery = session.get_one(WebhookDelivery, sent.number)
        delivery.status, delivery.attempts, delivery.response_status = "dead", 9, 500
        delivery.response_excerpt, delivery.error = HOSTILE, HOSTILE


def _accounts_and_audit(fleet: Fleet) -> None:
    account = NewCloudAccount("second", "sandbox", SANDBOX, grants=Grants(is_all=True))
    author = replace(fleet.principal, name=NAME, request_id=HOSTILE[:60], address=NAME)
    with perform(fleet.ctx, fleet.principal) as work:
        create_cloud_account(work, account)
        audit.record_as(
            work.session, author, "stack.change", "stack", NAME, note=HOSTILE, deep=[HOSTILE]
        )
    fleet.member("mallory", PASSWORD, "viewer")


def people(fleet: Fleet) -> None:
    """Make ``an-<role>`` for each of ``ROLES``, with a token."""
    for role in ROLES:
        fleet.member(f"an-{role}", PASSWORD, None if role == ADMINISTRATOR else role)
    with fleet.ctx.write() as session:
        for user in session.scalars(select(User).where(User.name.startswith("an-"))):
            user.is_admin = user.name == f"an-{ADMINISTRATOR}"
            author = replace(
                fleet.principal,
                id=user.id,
                session_id="of a test",
                confirmed_until=utc_now() + timedelta(days=1),
            )
            create_token(Work(fleet.ctx, session, author), NewToken(NAME, ("stack:read",)))
