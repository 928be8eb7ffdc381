"""Pages speak to people: no value of an enum and no name of an API field is shown as it is.

Text in ``<pre>``, ``<code>`` and ``<textarea>`` quotes machines, such as a request for curl, and is
left out.
"""

from __future__ import annotations

import html
import importlib
import pkgutil
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from enum import StrEnum

import pytest
from sqlalchemy import select

import app
from app.clock import utc_now
from app.console.shell.labels import access, drift, operations, stacks, webhooks
from app.domain.drift import DriftStatus, Severity
from app.domain.interruptions import Resolution
from app.domain.operations import AutoApply, OperationStatus, OperationType, StepName
from app.domain.permissions import Right, Role, ServiceRight
from app.domain.stacks import StackStatus
from app.domain.webhooks import DeliveryStatus, EventType, WebhookFormat
from app.models import User
from app.services.identity.api_tokens import NewToken, TokenStatus, create_token
from app.services.stacks.locks import WriterVerdict
from app.services.webhooks.outbox import add_delivery, add_event
from app.services.webhooks.registry import NewWebhook, create_webhook
from app.services.work import Work
from tests.console import hostile_fleet
from tests.console.conftest import Visitor
from tests.console.fleet_examples import Fleet, change

LABELS: tuple[tuple[Mapping[str, object], type[StrEnum]], ...] = (
    (stacks.STACK, StackStatus),
    (drift.DRIFT, DriftStatus),
    (operations.OPERATION, OperationStatus),
    (operations.STEP_NAME, StepName),
    (stacks.AUTO_APPLY, AutoApply),
    (drift.SEVERITY, Severity),
    (access.TOKEN, TokenStatus),
    (access.ROLE, Role),
    (access.ROLE_MEANING, Role),
    (access.SCOPE, Right),
    (access.SCOPE, ServiceRight),
    (webhooks.EVENT, EventType),
    (webhooks.WEBHOOK_FORMAT, WebhookFormat),
    (webhooks.DELIVERY, DeliveryStatus),
    (stacks.WRITER, WriterVerdict),
    (operations.RESOLUTION, Resolution),
)
API_TERMS = (
    "auto_apply",
    "blueprint_version",
    "cloud_account",
    "deletion_protection",
    "drift_status",
    "has_pending_changes",
    "last_operation",
    "object_type",
    "possibly_orphaned",
    "requested_by",
    "status_reason",
)
QUOTED = re.compile(r"<(script|style|pre|code|textarea)\b.*?</\1>", re.S)
SPOKEN = re.compile(r'\b(?:title|aria-label|placeholder|alt|data-label)="([^"]*)"')
OTHER = re.compile(
    r"/(help|api|static|inbox/next)\b|\.(csv|ndjson|txt)\b|/(download|stream)\b|cursor="
)
"""Documents, files and streams; and later pages of a list."""


def enum_values() -> set[str]:
    """Every value of our enums that nobody would write in a sentence."""
    for module in pkgutil.walk_packages(app.__path__, "app."):
        importlib.import_module(module.name)
    ours = [kind for kind in StrEnum.__subclasses__() if kind.__module__.startswith("app.")]
    return {item.value for kind in ours for item in kind if "_" in item.value} | set(EventType)


def spoken(page: str) -> str:
    """What of a page people read or hear."""
    left = QUOTED.sub(" ", page)
    told = " | ".join(SPOKEN.findall(left))
    return html.unescape(re.sub(r"<[^>]*>", " ", left) + " | " + told)


def raw_terms(page: str, terms: set[str]) -> list[str]:
    """The terms of a machine in what a page says, each with its surroundings."""
    pattern = rf"(?<![\w/.=-])(?:{'|'.join(map(re.escape, sorted(terms)))})(?![\w-])"
    text = spoken(page)
    return [text[max(0, m.start() - 60) : m.end() + 40] for m in re.finditer(pattern, text)]


@pytest.mark.parametrize(("labels", "kind"), LABELS)
def test_every_value_of_an_enum_has_a_label(
    labels: Mapping[str, object], kind: type[StrEnum]
) -> None:
    assert set(kind) <= set(labels)


def test_a_raw_value_would_be_found() -> None:
    terms = enum_values() | set(API_TERMS)
    assert {"planned_and_finished", "drift_check", "needs_attention", "drift.digest"} <= terms
    assert raw_terms("<p>It is <b>drift_check</b>.</p>", terms)
    assert raw_terms('<td data-label="in_sync">x</td>', terms)
    assert not raw_terms('<a href="/stacks?drift=in_sync">x</a><pre>"in_sync"</pre>', terms)


def everything(fleet: Fleet) -> None:
    """Make stacks, operations, tokens and webhooks of every status, type and choice."""
    hostile_fleet.fill(fleet)
    for status in StackStatus:
        fleet.stack(f"stack-{status.replace('_', '-')}", status=status)
    for rule in AutoApply:
        made = fleet.stack(f"auto-{rule.replace('_', '-')}", auto_apply=rule)
        fleet.change_stack(made.stack_id, generation=5)
    for verdict in DriftStatus:
        made = fleet.stack(f"drift-{verdict.replace('_', '-')}")
        fleet.drift(made, verdict, [], "The provider did not answer.")
    base = fleet.stack("base")
    for type_ in OperationType:
        for status in (OperationStatus.ERRORED, OperationStatus.PLANNED_AND_FINISHED):
            end = fleet.operation(base.stack_id, "apply", type=type_, status=status)
            fleet.steps(end, *StepName, last="failed" if status == "errored" else "done")
    for status in OperationStatus:
        made = fleet.stack(f"at-{status.replace('_', '-')}")
        fleet.operation(made.stack_id, "plan", status=status)
    for choice in Resolution:
        cut = fleet.operation(base.stack_id, "apply", status=OperationStatus.INTERRUPTED)
        fleet.change_operation(cut, resolution={"by": "ann", "action": choice})
    waiting = fleet.operation(fleet.stack("waits").stack_id, status=OperationStatus.PLANNED)
    fleet.plan(waiting, [change("forget", "sandbox_network.this")], forget=1)
    _settings(fleet)


def _settings(fleet: Fleet) -> None:
    tomorrow = utc_now() + timedelta(days=1)
    with fleet.ctx.write() as session:
        admin = session.scalars(select(User).where(User.name == "admin")).one()
        author = replace(
            fleet.principal, id=admin.id, session_id="of a test", confirmed_until=tomorrow
        )
        create_token(Work(fleet.ctx, session, author), NewToken("all", (*Right, *ServiceRight)))
        wanted = NewWebhook("all", "https://hooks.example.com/all", list(EventType))
        hook = create_webhook(Work(fleet.ctx, session, fleet.principal), wanted)[0]
        for type_ in EventType:
            add_delivery(session, hook.id, add_event(session, type_, {}))


def crawl(visitor: Visitor) -> Iterator[tuple[str, str]]:
    """Yield every page of the console that links lead to, with its address."""
    seen, ahead = {"/"}, ["/"]
    while ahead:
        address = ahead.pop()
        page = visitor.text(address)
        yield address, page
        for link in re.findall(r'href="(/[^"#]*)', page):
            target = html.unescape(link)
            if target not in seen and not OTHER.search(target):
                seen.add(target)
                ahead.append(target)


@pytest.mark.timeout(600)
def test_no_page_shows_a_value_of_an_enum_or_a_name_of_the_api(
    visitor: Visitor, fleet: Fleet
) -> None:
    everything(fleet)
    terms = enum_values() | set(API_TERMS)
    pages = list(crawl(visitor))
    assert len(pages) > 200
    found = {address: told for address, page in pages if (told := raw_terms(page, terms))}
    assert not found, found
