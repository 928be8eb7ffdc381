"""Which instance the processes of this host belong to, and its sign of life in SQL.

Processes that share a home, a boot and a PID namespace are one instance: they can tell of each
other, by pid, whether they live. A file in the home names it to all of them. A new start of the
supervisor makes a new one; so does whoever comes first after a reboot, or in another container.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from app.db import database_now
from app.domain import ids
from app.domain.host_roles import HostRole
from app.domain.operations import OWNED
from app.logs import get_logger
from app.models import Instance, Operation
from app.services.access import SYSTEM_PRINCIPAL
from app.services.audit import record_as
from app.services.context import Context
from app.terraform.identity import boot_id, pid_namespace
from app.version import VERSION

INSTANCE_FILE = "instance.json"

log = get_logger(__name__)


def begin_instance(ctx: Context, *roles: HostRole) -> str:
    """Register a new instance for the processes that are about to start, and return its id."""
    with _instance_file(ctx) as file:
        return _register(ctx, file, roles)


def join_instance(ctx: Context, role: HostRole) -> str:
    """Return the id of this host's instance and say that one of its processes has ``role``.

    The first process of a start that no supervisor announced registers the instance.
    """
    with _instance_file(ctx) as file:
        known = _read(file)
        if known is None:
            return _register(ctx, file, (role,))
    with ctx.write() as session:
        row = session.get(Instance, known, with_for_update=True) or _add(session, known, ())
        row.ended_at = None
        row.roles = sorted({*row.roles, role.value})
    return known


def own_instance(ctx: Context) -> str:
    """Return the id of this host's instance; a file is read, SQL only where that names none."""
    return find_own_instance(ctx) or join_instance(ctx, HostRole.WORKER)


def find_own_instance(ctx: Context) -> str | None:
    """Return the id of this host's instance; None when none was registered since it came up."""
    try:
        return _identify((ctx.settings.home_dir / INSTANCE_FILE).read_text(encoding="utf-8"))
    except OSError:
        return None


def beat_instance(ctx: Context) -> None:
    """Renew the sign of life of this host's instance, by the database's clock.

    One that was declared gone, and is not, begins anew once others have all that it held.
    """
    own = own_instance(ctx)
    with ctx.write() as session:
        row = session.get(Instance, own, with_for_update=True) or _add(session, own, ())
        row.heartbeat_at = database_now(session)
        if row.gone_at is not None and not _holds_anything(session, own):
            row.gone_at = row.gone_by = None
            record_as(
                session, SYSTEM_PRINCIPAL, "instance.returned", "instance", own, host=row.name
            )


def is_gone(session: Session, instance_id: str | None) -> bool:
    """Tell whether a person has said that an instance is gone for good."""
    query = select(Instance.id).where(Instance.id == instance_id, Instance.gone_at.is_not(None))
    return session.scalar(query) is not None


def is_draining(ctx: Context) -> bool:
    """Tell whether this host takes nothing new because it is about to be stopped."""
    own = find_own_instance(ctx)
    query = select(Instance.id).where(Instance.id == own, Instance.draining_since.is_not(None))
    with ctx.read() as session:
        return session.scalar(query) is not None


def _holds_anything(session: Session, instance_id: str) -> bool:
    query = select(Operation.id).where(
        Operation.instance_id == instance_id, Operation.status.in_(OWNED)
    )
    return session.scalar(query.limit(1)) is not None


def end_instance(ctx: Context) -> None:
    """Say that the processes of this host have been stopped, which is not the same as lost."""
    own = own_instance(ctx)

    def work(session: Session) -> None:
        row = session.get(Instance, own, with_for_update=True)
        if row is not None:
            row.ended_at = database_now(session)

    try:
        ctx.persist(work, patience_seconds=0)  # a stop waits for nothing
    except SQLAlchemyError as error:
        log.warning("instance_end_not_told", error=str(error))


@contextmanager
def _instance_file(ctx: Context) -> Iterator[int]:
    """Hold the file that names the instance, so that two processes do not register two."""
    path: Path = ctx.settings.home_dir / INSTANCE_FILE
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)


def _register(ctx: Context, file: int, roles: tuple[HostRole, ...]) -> str:
    made = ids.new_id(ids.INSTANCE)
    with ctx.write() as session:
        _add(session, made, roles)
    named = {"id": made, "boot_id": boot_id(), "pid_namespace": pid_namespace()}
    data = json.dumps(named).encode()
    os.pwrite(file, data, 0)
    os.ftruncate(file, len(data))
    log.info("instance_registered", instance_id=made, host=socket.gethostname())
    return made


def _add(session: Session, instance_id: str, roles: tuple[HostRole, ...]) -> Instance:
    now = database_now(session)
    row = Instance(
        id=instance_id,
        name=socket.gethostname()[:255],
        boot_id=boot_id(),
        pid_namespace=pid_namespace(),
        version=VERSION,
        roles=sorted(role.value for role in roles),
        started_at=now,
        heartbeat_at=now,
    )
    session.add(row)
    return row


def _read(file: int) -> str | None:
    return _identify(os.pread(file, 4096, 0).decode("utf-8", errors="replace"))


def _identify(text: str) -> str | None:
    """Return the id in the file, unless it is that of another boot, container or machine."""
    try:
        named: dict[str, Any] = json.loads(text)
        place = (named["boot_id"], named["pid_namespace"])
        return str(named["id"]) if place == (boot_id(), pid_namespace()) else None
    except (ValueError, KeyError, TypeError):
        return None
