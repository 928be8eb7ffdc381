"""What ``landform admin`` says and does about the hosts of an installation."""

from __future__ import annotations

import argparse
import os
import sys
import time
from contextlib import closing

from app.cli_command import Command, open_context
from app.domain.host_roles import HostRole, parse_roles
from app.domain.plain_words import counted
from app.errors import NotFoundError, UnavailableError
from app.models import Instance
from app.services.access import SYSTEM_PRINCIPAL
from app.services.context import Context
from app.services.installation.hosts import (
    LIVING,
    WARNING,
    Host,
    declare_gone,
    describe,
    drain,
    end_drain,
    host_by_id,
    list_hosts,
)
from app.services.installation.instances import find_own_instance
from app.services.paging import MAX_LIMIT, PageRequest
from app.services.work import perform

ASK_SECONDS = 1.0


def start_host(chosen: argparse.Namespace) -> int:
    """Become the supervisor of this host, which does all roles when none is named.

    Raises:
        ConfigurationError: one of them does not exist.
    """
    command = [sys.executable, "-m", "workers.supervisor"]
    if chosen.roles is not None:
        command += ["--roles", ",".join(sorted(parse_roles(chosen.roles)))]
    sys.stdout.flush()
    os.execv(command[0], command)  # noqa: S606  the same program under another name, no shell


def tell_ready(chosen: argparse.Namespace) -> int:
    """Tell whether this host does what it should; 1 when it does not.

    A process has a role once it has checked all that it needs and waits for work.
    """
    wanted = parse_roles(chosen.roles) if chosen.roles is not None else frozenset[HostRole]()
    deadline = time.monotonic() + chosen.wait
    ctx = open_context()
    with closing(ctx.db):
        while (problem := _find_unready(ctx, wanted)) and time.monotonic() < deadline:
            time.sleep(ASK_SECONDS)
    print(problem or "This host is ready.")
    return 1 if problem else 0


def _find_unready(ctx: Context, wanted: frozenset[HostRole]) -> str:
    own = find_own_instance(ctx)
    if own is None:
        return "no process of Landform was started on this host since it came up"
    with ctx.read() as session:
        row = session.get(Instance, own)
        hosts = describe(session, [row] if row is not None else [])
    if not hosts or hosts[0].status not in LIVING:
        return f"instance {own} gives no sign of life: no agent and no scheduler runs on this host"
    missing = sorted({role.value for role in wanted} - set(hosts[0].row.roles))
    return f"nothing on this host does the role {', '.join(missing)}" if missing else ""


def print_hosts(_chosen: argparse.Namespace) -> int:
    """List the instances, newest first; 1 when one that nobody hears of holds operations."""
    ctx = open_context()
    with closing(ctx.db), ctx.read() as session:
        found = list_hosts(session, SYSTEM_PRINCIPAL, PageRequest(MAX_LIMIT)).items
    print(*(_describe(host) for host in found), sep="\n")
    return 1 if any(host.held and host.status not in LIVING for host in found) else 0


def drain_host(chosen: argparse.Namespace) -> int:
    """Have a host take nothing new, and wait until what it runs has ended.

    Raises:
        NotFoundError: there is no such instance.
        ConflictError: it does not live.
        UnavailableError: it still runs something after the time that was given.
    """
    ctx = open_context()
    with closing(ctx.db):
        host = _drain(ctx, _chosen(ctx, chosen), chosen.wait)
    print(f"{host.row.name} takes nothing new and runs nothing. It can be stopped.")
    return 0


def _chosen(ctx: Context, chosen: argparse.Namespace) -> str:
    """Return the instance that a person named, or that of this host."""
    found: str | None = chosen.instance or find_own_instance(ctx)
    if found is None:
        raise NotFoundError(
            "No process of Landform was started on this host since it came up.",
            advice="Name an instance, as `landform admin hosts` lists them.",
        )
    return found


def _drain(ctx: Context, instance_id: str, patience_seconds: float) -> Host:
    deadline = time.monotonic() + patience_seconds
    with perform(ctx, SYSTEM_PRINCIPAL) as work:
        host = drain(work, instance_id)
    while host.held and time.monotonic() < deadline:
        time.sleep(ASK_SECONDS)
        with ctx.read() as session:
            host = host_by_id(session, SYSTEM_PRINCIPAL, instance_id)
    if host.held:
        raise UnavailableError(
            f"{host.row.name} takes nothing new and still runs {counted(host.held, 'operation')}.",
            advice="Ask again to wait longer, or look at the operations on the workers page.",
        )
    return host


def end_drain_of_host(chosen: argparse.Namespace) -> int:
    """Let a host take work again.

    Raises:
        NotFoundError: there is no such instance.
    """
    ctx = open_context()
    with closing(ctx.db), perform(ctx, SYSTEM_PRINCIPAL) as work:
        host = end_drain(work, _chosen(ctx, chosen))
    print(f"{host.row.name} takes work again.")
    return 0


def declare_host_gone(chosen: argparse.Namespace) -> int:
    """Say that a host will not come back, so that others take over what it holds."""
    ctx = open_context()
    with closing(ctx.db), perform(ctx, SYSTEM_PRINCIPAL) as work:
        host = declare_gone(work, chosen.instance)
    print(f"{host.row.name} counts as gone. Others take over its {host.held} operations now.")
    print(WARNING)
    return 0


def _describe(host: Host) -> str:
    row = host.row
    roles = ", ".join(row.roles) or "no roles"
    return (
        f"{row.id}  {row.name}  {host.status}  {roles}  holds {host.held}  "
        f"last heard of {row.heartbeat_at:%Y-%m-%d %H:%M:%S} UTC"
    )


def _take_roles(parser: argparse.ArgumentParser) -> None:
    names = ", ".join(role.value for role in HostRole)
    parser.add_argument("--roles", metavar="ROLE,…", help=f"some of {names}; all when left out")


def _take_ready(parser: argparse.ArgumentParser) -> None:
    _take_roles(parser)
    parser.add_argument(
        "--wait", type=float, default=0.0, metavar="SECONDS", help="for it to become so"
    )


def _take_instance(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("instance", help="id of the instance, as `landform admin hosts` lists it")


def _take_own_instance(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("instance", nargs="?", help="id of the instance; this host's by default")


def _take_drain(parser: argparse.ArgumentParser) -> None:
    _take_own_instance(parser)
    parser.add_argument(
        "--wait",
        type=float,
        default=7500.0,
        metavar="SECONDS",
        help="how long what it runs may take to end",
    )


HOST_COMMANDS = {
    "start": Command(
        "start this host: everything, or some roles of an installation of several hosts",
        start_host,
        _take_roles,
    ),
    "ready": Command("tell whether this host does its roles", tell_ready, _take_ready),
    "hosts": Command("list the hosts, and how many operations each holds", print_hosts),
    "drain": Command(
        "have a host take nothing new, and wait until what it runs has ended",
        drain_host,
        _take_drain,
    ),
    "undrain": Command(
        "let a host that was drained take work again", end_drain_of_host, _take_own_instance
    ),
    "gone": Command(
        "have others take over at once what a host holds that is gone for good",
        declare_host_gone,
        _take_instance,
    ),
}
