"""What ``landform admin`` says and does about the hosts of an installation."""

from __future__ import annotations

from app.services.access import SYSTEM_PRINCIPAL
from app.services.context import Context
from app.services.installation.hosts import (
    WARNING,
    Host,
    InstanceStatus,
    declare_gone,
    list_hosts,
)
from app.services.paging import MAX_LIMIT, PageRequest
from app.services.work import perform


def describe_hosts(ctx: Context) -> tuple[list[str], bool]:
    """Return a line for each instance, newest first, and whether one of them wants attention."""
    with ctx.read() as session:
        found = list_hosts(session, SYSTEM_PRINCIPAL, PageRequest(MAX_LIMIT)).items
    is_odd = any(host.held and host.status is not InstanceStatus.ALIVE for host in found)
    return [_describe(host) for host in found], is_odd


def declare_host_gone(ctx: Context, instance_id: str) -> list[str]:
    """Say that a host will not come back, so that others take over; return what to tell."""
    with perform(ctx, SYSTEM_PRINCIPAL) as work:
        host = declare_gone(work, instance_id)
    told = f"{host.row.name} counts as gone. Others take over its {host.held} operations now."
    return [told, WARNING]


def _describe(host: Host) -> str:
    row = host.row
    roles = ", ".join(row.roles) or "no roles"
    return (
        f"{row.id}  {row.name}  {host.status}  {roles}  holds {host.held}  "
        f"last heard of {row.heartbeat_at:%Y-%m-%d %H:%M:%S} UTC"
    )
