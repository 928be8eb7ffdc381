"""Make, show, change and delete webhooks; of a project for its administrators, of all for ours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, delete, or_, select
from sqlalchemy.orm import Session

from app.clock import utc_now
from app.domain import ids
from app.domain.permissions import Act, Right, ServiceRight
from app.domain.webhook_target import Target, parse_target
from app.domain.webhooks import EventType, WebhookFormat
from app.errors import (
    NotFoundError,
    PermissionDeniedError,
    ValidationError,
)
from app.models import Project, Webhook, WebhookDelivery
from app.services import audit
from app.services.access import Principal, require, require_proof, require_service, visible
from app.services.context import Context
from app.services.lookup import expect_version, is_project, project_by
from app.services.paging import Page, PageRequest, fetch_page
from app.services.webhooks.secrets import open_url, renew_secret, seal_url
from app.services.work import Work


@dataclass(frozen=True)
class NewWebhook:
    """What a new webhook is to be; without a project it is told of all."""

    name: str
    url: str
    events: Sequence[EventType]
    project: str | None = None
    format: WebhookFormat = WebhookFormat.STANDARD


@dataclass(frozen=True)
class WebhookChange:
    """What is wanted otherwise; ``None`` leaves it as it is."""

    name: str | None = None
    url: str | None = None
    events: Sequence[EventType] | None = None
    format: WebhookFormat | None = None
    enabled: bool | None = None


def create_webhook(work: Work, wanted: NewWebhook) -> tuple[Webhook, str]:
    """Make a webhook and return it with its signing secret, which is not shown again.

    Raises:
        ValidationError: the URL is not accepted, or there is no such project.
        PermissionDeniedError: the caller lacks ``webhook:manage`` there, or in general.
    """
    project: Project | None = None
    if wanted.project is None:
        require_service(work.principal, ServiceRight.WEBHOOK_MANAGE_ALL)
    else:
        project = project_by(work.session, work.principal, wanted.project, Right.WEBHOOK_MANAGE)
    now = utc_now()
    row = Webhook(
        id=ids.new_id(ids.WEBHOOK),
        project_id=project.id if project else None,
        project=project,
        name=wanted.name,
        events=_unique(wanted.events),
        format=wanted.format.value,
        is_enabled=True,
        dead_in_a_row=0,
        created_by=work.principal.name,
        created_at=now,
        updated_at=now,
        version=1,
    )
    row.host = check_url(work.ctx, wanted.url).host
    seal_url(work.ctx.keys, row, wanted.url)
    secret = renew_secret(work.ctx.keys, row)
    work.session.add(row)
    record(work, "webhook.create", row, events=row.events, host=row.host)
    work.session.flush()
    return row, secret


def list_webhooks(
    session: Session, principal: Principal, page: PageRequest, project: str | None = None
) -> Page[Webhook]:
    """Return the webhooks that the caller may manage, newest first.

    Raises:
        PermissionDeniedError: the caller may manage none anywhere.
    """
    query = select(Webhook).where(_manageable(principal))
    if project is not None:
        named = select(Project.id).where(is_project(project))
        query = query.where(Webhook.project_id.in_(named))
    return fetch_page(session, query, Webhook.id, page, newest_first=True)


def webhook_by_id(
    session: Session, principal: Principal, webhook_id: str, *, is_locked: bool = False
) -> Webhook:
    """Return a webhook, locked until the end of the transaction for who wants to change it.

    Raises:
        NotFoundError: there is none that the caller can see.
        PermissionDeniedError: it is of a project in which the caller lacks ``webhook:manage``.
    """
    lock = {"of": Webhook} if is_locked else None
    row = session.get(Webhook, webhook_id, with_for_update=lock)
    missing = NotFoundError(f"There is no webhook {webhook_id!r}.")
    if row is None:
        raise missing
    if row.project_id is not None:
        require(principal, Right.WEBHOOK_MANAGE, row.project_id, f"webhook {webhook_id!r}")
    elif not principal.may(ServiceRight.WEBHOOK_MANAGE_ALL):
        raise missing
    return row


def change_webhook(
    work: Work,
    webhook_id: str,
    change: WebhookChange,
    expected_version: int | None,
) -> Webhook:
    """Change a webhook; enabling one forgets why it was disabled.

    Raises:
        NotFoundError, PermissionDeniedError: as ``webhook_by_id``.
        PreconditionFailedError: it is no longer at ``expected_version``.
        ValidationError: the URL is not accepted.
    """
    row = webhook_by_id(work.session, work.principal, webhook_id, is_locked=True)
    expect_version(f"Webhook {row.id}", row.version, expected_version)
    changed = _change_columns(row, change)
    if change.url is not None and change.url != open_url(work.ctx.keys, row):
        row.host = check_url(work.ctx, change.url).host
        seal_url(work.ctx.keys, row, change.url)
        changed.append("url")
    if change.enabled is not None and change.enabled != row.is_enabled:
        row.is_enabled, row.dead_in_a_row = change.enabled, 0
        row.disabled_because = None if change.enabled else f"Disabled by {work.principal.name}."
        changed.append("enabled")
    if changed:
        touch(row)
        record(work, "webhook.change", row, changed=changed, host=row.host)
    return row


def rotate_secret(work: Work, webhook_id: str) -> tuple[Webhook, str]:
    """Give a webhook a new secret; the old one signs beside it for a day.

    Raises:
        NotFoundError, PermissionDeniedError: as ``webhook_by_id``.
        ConfirmationRequiredError: the session is not confirmed.
    """
    row = webhook_by_id(work.session, work.principal, webhook_id, is_locked=True)
    require_proof(work.principal, Act.ROTATE_WEBHOOK_SECRET)
    secret = renew_secret(work.ctx.keys, row)
    touch(row)
    record(work, "webhook.rotate_secret", row)
    return row, secret


def delete_webhook(work: Work, webhook_id: str, expected_version: int | None) -> None:
    """Delete a webhook with its deliveries; what was not sent yet is not sent.

    Raises:
        NotFoundError, PermissionDeniedError: as ``webhook_by_id``.
        PreconditionFailedError: it is no longer at ``expected_version``.
    """
    row = webhook_by_id(work.session, work.principal, webhook_id, is_locked=True)
    expect_version(f"Webhook {row.id}", row.version, expected_version)
    _delete(work, row)


def delete_webhooks_of(work: Work, project_id: str) -> None:
    """Delete the webhooks of a project that is being deleted."""
    own = select(Webhook).where(Webhook.project_id == project_id).order_by(Webhook.id)
    for row in work.session.scalars(own.with_for_update(of=Webhook)).all():
        _delete(work, row)


def check_url(ctx: Context, url: str) -> Target:
    """Read a URL, as the sender will.

    Raises:
        ValidationError: it is not accepted (pointer ``/url``).
    """
    try:
        return parse_target(url, ctx.settings.webhook_networks)
    except ValueError as error:
        raise ValidationError.at("/url", str(error)) from error


def touch(row: Webhook) -> None:
    """Mark a webhook as changed, so that its ETag changes."""
    row.version += 1
    row.updated_at = utc_now()


def record(work: Work, action: str, row: Webhook, **detail: Any) -> None:
    """Put an act on a webhook into the audit trail."""
    audit.record(work, action, "webhook", row.id, project_id=row.project_id, **detail)


def _delete(work: Work, row: Webhook) -> None:
    work.session.execute(delete(WebhookDelivery).where(WebhookDelivery.webhook_id == row.id))
    record(work, "webhook.delete", row, name=row.name, host=row.host)
    work.session.delete(row)


def _change_columns(row: Webhook, change: WebhookChange) -> list[str]:
    wanted = {
        "name": change.name,
        "events": None if change.events is None else _unique(change.events),
        "format": None if change.format is None else change.format.value,
    }
    changed = []
    for name, value in wanted.items():
        if value is not None and value != getattr(row, name):
            setattr(row, name, value)
            changed.append(name)
    return changed


def _manageable(principal: Principal) -> ColumnElement[bool]:
    conditions: list[ColumnElement[bool]] = []
    if principal.has_anywhere(Right.WEBHOOK_MANAGE):
        own = visible(principal, Webhook.project_id, Right.WEBHOOK_MANAGE)
        conditions.append(own & Webhook.project_id.is_not(None))
    if principal.may(ServiceRight.WEBHOOK_MANAGE_ALL):
        conditions.append(Webhook.project_id.is_(None))
    if not conditions:
        raise PermissionDeniedError("This needs the right 'webhook:manage'.")
    return or_(*conditions)


def _unique(events: Sequence[EventType]) -> list[str]:
    return sorted({event.value for event in events})
