"""Whether this host has the memory for one more operation, by cloud and kind."""

from __future__ import annotations

import socket
from collections.abc import Mapping

from sqlalchemy import ColumnElement, exists, select, true, tuple_
from sqlalchemy.orm import Session

from app.domain.footprint import needed_mib
from app.domain.operations import OWNED
from app.models import Operation, Stack
from app.services.context import Context
from app.services.queue.footprints import Place, read_learned
from app.storage.host_memory import HostMemory, read_host_memory


def read_shortage(ctx: Context, session: Session) -> dict[Place, str]:
    """Say for which kinds on which clouds this host has too little memory, and why.

    Providers differ by a factor of ten in what they take. A setting of 0 asks nobody.
    """
    memory = read_host_memory() if ctx.settings.operation_memory_mib else None
    if memory is None:
        return {}
    needs = read_needs(ctx, session, memory)
    return {
        place: f"{memory.available} MiB of memory are available, one more operation needs {mib}."
        for place, mib in needs.items()
        if memory.available < mib
    }


def read_needs(ctx: Context, session: Session, memory: HostMemory) -> dict[Place, int]:
    """Return what must be available on this host before one more operation starts."""
    floor, clouds = ctx.settings.operation_memory_mib, ctx.catalog.clouds
    learned: Mapping[Place, int] = {}
    if ctx.settings.operation_memory_learned:
        learned = read_learned(session)
    is_idle = bool(learned) and not _is_busy(session)
    return {
        (cloud, kind): needed_mib(
            learned.get((cloud, kind)),
            clouds[cloud].memory_mib,
            floor,
            memory.total,
            is_idle=is_idle,
        )
        for cloud, kind in _places(ctx)
    }


def has_memory(ctx: Context, shortage: Mapping[Place, str]) -> ColumnElement[bool]:
    """Return the condition, over ``Stack``, that there is memory for one more operation on it."""
    if not shortage:
        return true()
    clouds = {cloud for cloud, _ in _places(ctx)}
    whole = [
        cloud
        for cloud in clouds
        if all(place in shortage for place in _places(ctx) if place[0] == cloud)
    ]
    # A kind that has left the catalog counts as its cloud does.
    return Stack.cloud.not_in(whole) & tuple_(Stack.cloud, Stack.kind).not_in(sorted(shortage))


def is_everything_short(ctx: Context, shortage: Mapping[Place, str]) -> bool:
    """Tell whether nothing may start at all."""
    return bool(shortage) and set(_places(ctx)) == set(shortage)


def _places(ctx: Context) -> list[Place]:
    return sorted(
        {
            (cloud, kind)
            for kind, versions in ctx.catalog.versions.items()
            for blueprint in versions.values()
            for cloud in blueprint.declared
            if cloud in ctx.catalog.clouds
        }
    )


def _is_busy(session: Session) -> bool:
    """Tell whether a process of this host, or of one of the same name, carries out an operation."""
    here = Operation.owner.startswith(f"{socket.gethostname()}:", autoescape=True)
    return bool(session.scalar(select(exists().where(here, Operation.status.in_(OWNED)))))
