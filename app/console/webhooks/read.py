"""What the pages of webhooks show; never a signing secret."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.domain.permissions import Right
from app.domain.webhooks import DeliveryStatus
from app.models import Project, Webhook, WebhookDelivery
from app.services.access import Principal
from app.services.context import Context
from app.services.paging import PageRequest
from app.services.projects.projects import list_projects
from app.services.webhooks.deliveries import list_deliveries
from app.services.webhooks.registry import list_webhooks, webhook_by_id
from app.services.webhooks.secrets import open_url

MOST_PROJECTS = 200


@dataclass(frozen=True)
class WebhookRow:
    """One webhook; ``project`` is nothing when it is told of all."""

    id: str
    name: str
    host: str
    project: str | None
    events: list[str]
    format: str
    status: str
    disabled_because: str | None
    previous_secret_until: datetime | None
    created_by: str
    created_at: datetime
    version: int

    @classmethod
    def of(cls, hook: Webhook) -> WebhookRow:
        """Read a webhook."""
        return cls(
            id=hook.id,
            name=hook.name,
            host=hook.host,
            project=hook.project.name if hook.project else None,
            events=list(hook.events),
            format=hook.format,
            status="enabled" if hook.is_enabled else "disabled",
            disabled_because=hook.disabled_because,
            previous_secret_until=hook.previous_secret_until,
            created_by=hook.created_by,
            created_at=hook.created_at,
            version=hook.version,
        )


@dataclass(frozen=True)
class WebhooksPage:
    """One page of the webhooks that one may manage."""

    webhooks: list[WebhookRow]
    next_cursor: str | None


@dataclass(frozen=True)
class WebhookPage:
    """One webhook, its whole URL, and a page of what was sent to it."""

    webhook: WebhookRow
    url: str
    deliveries: list[WebhookDelivery]
    pending: int
    next_cursor: str | None


def read_webhooks(ctx: Context, principal: Principal, page: PageRequest) -> WebhooksPage:
    """Read the webhooks that the caller may manage."""
    with ctx.read() as session:
        found = list_webhooks(session, principal, page)
        return WebhooksPage([WebhookRow.of(row) for row in found.items], found.next_cursor)


def read_webhook(
    ctx: Context, principal: Principal, webhook_id: str, page: PageRequest
) -> WebhookPage:
    """Read one webhook and its deliveries."""
    with ctx.read() as session:
        hook = webhook_by_id(session, principal, webhook_id)
        found = list_deliveries(session, principal, webhook_id, page)
        return WebhookPage(
            webhook=WebhookRow.of(hook),
            url=open_url(ctx.keys, hook),
            deliveries=list(found.items),
            pending=_count_pending(session, hook.id),
            next_cursor=found.next_cursor,
        )


def projects_with_webhooks(ctx: Context, principal: Principal) -> list[Project]:
    """Return the projects in which the caller may make a webhook."""
    with ctx.read() as session:
        found = list_projects(session, principal, PageRequest(limit=MOST_PROJECTS)).items
    return [row for row in found if principal.has(Right.WEBHOOK_MANAGE, row.id)]


def _count_pending(session: Session, webhook_id: str) -> int:
    query = select(func.count()).where(
        WebhookDelivery.webhook_id == webhook_id, WebhookDelivery.status == DeliveryStatus.PENDING
    )
    return session.scalar(query) or 0
