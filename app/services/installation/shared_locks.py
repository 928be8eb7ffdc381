"""Whether the locks of a volume that several hosts share hold between them; asked at a start.

The state of a stack has one writer at a time because of a lock on the volume. Whether a mount has
locks that hold between hosts can only be seen by two of them: each holds a lock of its own while it
lives, and one that starts must not be granted those of the others.
"""

from __future__ import annotations

import time

from sqlalchemy import or_, select

from app.db import database_now
from app.errors import ConfigurationError
from app.logs import get_logger
from app.models import Instance
from app.services.context import Context
from app.services.installation.hosts import SILENT_AFTER
from app.services.installation.instances import own_instance
from app.storage.host_locks import HostLock, forget_locks, is_granted
from app.terraform.identity import boot_id, pid_namespace

LOOK_SECONDS = 0.5
BEATS = 2
"""Signs of life after which a host that runs has taken its lock: it does so before each of them."""

_own = HostLock()
log = get_logger(__name__)


def keep_host_lock(ctx: Context) -> None:
    """Hold the lock of this host; done before each sign of life.

    Raises:
        VolumeError: the volume cannot be used.
    """
    if _shares_volume(ctx):
        _own.keep(ctx.volume(), own_instance(ctx))


def forget_host_locks(ctx: Context) -> None:
    """Remove what instances that are forgotten have left on the volume.

    Raises:
        VolumeError: the volume cannot be used.
    """
    if _shares_volume(ctx):
        with ctx.read() as session:
            known = set(session.scalars(select(Instance.id)))
        forget_locks(ctx.volume(), known)


def require_shared_locks(ctx: Context, *, holds: bool = True) -> None:
    """Return when no living host's lock is granted to this one as well.

    Of two hosts that start at once the later one to take its own lock sees that of the other. One
    that has just died leaves its lock to everybody and looks alive for a while, so a host whose
    lock is granted is watched until it has given signs of life beyond doubt, or none for too long.

    Args:
        ctx: the adapters.
        holds: whether this process takes the lock of its host first, as an agent does.

    Raises:
        ConfigurationError: the volume grants one lock to two hosts.
        VolumeError: the volume cannot be used.
    """
    if not _shares_volume(ctx):
        return
    volume = ctx.volume()
    if holds:
        keep_host_lock(ctx)
    for instance_id, name in _living(ctx):
        beats, last = 0, None
        while is_granted(volume, instance_id):
            beat = _heartbeat(ctx, instance_id)
            if beat is None:
                break  # it is dead, or was stopped
            beats, last = (beats + 1, beat) if last not in (None, beat) else (beats, beat)
            if beats > BEATS:
                raise ConfigurationError(
                    f"LANDFORM_STATE_ROOT: {volume.root} grants this host a lock that the host "
                    f"{name} holds, so two of them would write one state. Mount it so that locks "
                    "hold between hosts (NFS 4, or NFS 3 without `nolock`), or keep states on S3."
                )
            time.sleep(LOOK_SECONDS)
        else:
            log.info("lock_of_host_holds", instance_id=instance_id, host=name)


def _shares_volume(ctx: Context) -> bool:
    """Tell whether hosts share a volume; with all state on S3 each has its own folders alone."""
    return ctx.db.is_shared and ctx.uses_volume()


def _living(ctx: Context) -> list[tuple[str, str]]:
    """Return id and name of the other hosts that gave a sign of life lately.

    Former starts of this host are none of them: its kernel holds its own locks in any case.
    """
    with ctx.read() as session:
        query = select(Instance.id, Instance.name).where(
            or_(Instance.boot_id != boot_id(), Instance.pid_namespace != pid_namespace()),
            Instance.ended_at.is_(None),
            Instance.heartbeat_at > database_now(session) - SILENT_AFTER,
        )
        return [(row[0], row[1]) for row in session.execute(query)]


def _heartbeat(ctx: Context, instance_id: str) -> object | None:
    """Return the last sign of life of a host, or None when it is too old or the last one."""
    with ctx.read() as session:
        query = select(Instance.heartbeat_at).where(
            Instance.id == instance_id,
            Instance.ended_at.is_(None),
            Instance.heartbeat_at > database_now(session) - SILENT_AFTER,
        )
        return session.scalar(query)
