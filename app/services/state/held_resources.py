"""Which stack holds which resource: the keys of what is in the newest state of each.

Written in the transaction that records a state, asked before anything is taken in or changed. To
read and open every state at each question would take seconds with a few hundred stacks.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import delete, func, select, tuple_, update
from sqlalchemy.orm import Session

from app.domain.resource_keys import Place, identity_texts, own_keys, whole_keys
from app.domain.state_errors import StateError
from app.domain.state_file import StateFile
from app.errors import NotFoundError
from app.logs import get_logger
from app.models import ResourceKey, Stack, StateVersion
from app.services.context import Context

KEYS_AT_ONCE = 500
STACKS_AT_ONCE = 50

log = get_logger(__name__)


@dataclass(frozen=True)
class Identity:
    """What says which resource one is: its type and ``app.domain.resource_keys.IDENTITY``."""

    type: str
    texts: Mapping[str, str]


def place_of(stack: Stack) -> Place:
    """Return within what the names of a stack's resources are unique."""
    return Place(stack.cloud, stack.cloud_account_id, stack.region)


def keep_keys(session: Session, stack: Stack, data: bytes) -> None:
    """Have SQL know what a stack holds from now on.

    Args:
        session: an open writing transaction.
        stack: whose state it is.
        data: its newest state.
    """
    place = place_of(stack)
    wanted = {
        key
        for resource in StateFile.parse(data).resources
        if resource.mode == "managed"
        for instance in resource.instances
        for key in own_keys(place, resource.type, identity_texts(instance.attributes))
    }
    known = set(
        session.scalars(select(ResourceKey.key).where(ResourceKey.stack_id == stack.id)).all()
    )
    for gone in _some_at_a_time(known - wanted):
        is_gone = (ResourceKey.stack_id == stack.id) & ResourceKey.key.in_(gone)
        session.execute(delete(ResourceKey).where(is_gone))
    session.add_all(ResourceKey(stack_id=stack.id, key=key) for key in sorted(wanted - known))


def find_held(session: Session, stack: Stack, resources: Sequence[Identity]) -> list[bool]:
    """Tell of each resource whether another living stack holds it, or what it is a part of.

    A blueprint may add a part to what a stack that it refers to has made, such as a route; the
    part itself must not be one of that stack's.

    Args:
        session: an open transaction.
        stack: the one that names them.
        resources: what it names.
    """
    place = place_of(stack)
    own = [own_keys(place, item.type, item.texts) for item in resources]
    whole = [whole_keys(place, item.type, item.texts) for item in resources]
    holders = _holders(session, stack, {*_flat(own), *_flat(whole)})
    may_extend = {reference.target_id for reference in stack.references}
    return [
        any(holders.get(key) for key in keys)
        or any(holders.get(key, set()) - may_extend for key in keys_of_whole)
        for keys, keys_of_whole in zip(own, whole, strict=True)
    ]


def keep_missing_keys(ctx: Context) -> int:
    """Read states of which SQL does not know what they hold, as after an upgrade; some at a time.

    A damaged state is passed over and told in the log: its tags alone protect what it has.

    Returns:
        How many stacks are left.

    Raises:
        VolumeError, StateBucketError: states cannot be read now.
    """
    with ctx.read() as session:
        missing = _without_keys(session)
    for stack_id, serial, sha256 in missing[:STACKS_AT_ONCE]:
        try:
            data = ctx.state_store(stack_id).read(stack_id, serial, sha256)
            _keep_of(ctx, stack_id, serial, data)
        except (StateError, NotFoundError) as error:
            log.error("held_resources_unknown", stack_id=stack_id, detail=error.detail)
            _keep_of(ctx, stack_id, serial, None)
    return max(len(missing) - STACKS_AT_ONCE, 0)


def _keep_of(ctx: Context, stack_id: str, serial: int, data: bytes | None) -> None:
    """Keep the keys of a state, unless there is a newer one meanwhile."""
    with ctx.write() as session:
        newest = select(func.max(StateVersion.serial)).where(StateVersion.stack_id == stack_id)
        if session.scalar(newest) != serial:
            return
        if data is not None:
            keep_keys(session, session.get_one(Stack, stack_id), data)
        session.execute(
            update(StateVersion).where(StateVersion.stack_id == stack_id).values(has_keys=True)
        )


def _without_keys(session: Session) -> list[tuple[str, int, str]]:
    doubtful = select(StateVersion.stack_id).where(StateVersion.has_keys.is_(False)).distinct()
    newest = (
        select(StateVersion.stack_id, func.max(StateVersion.serial))
        .where(StateVersion.stack_id.in_(doubtful))
        .group_by(StateVersion.stack_id)
    )
    found = session.execute(
        select(StateVersion.stack_id, StateVersion.serial, StateVersion.sha256)
        .join(Stack, Stack.id == StateVersion.stack_id)
        .where(
            StateVersion.has_keys.is_(False),
            Stack.deleted_at.is_(None),
            tuple_(StateVersion.stack_id, StateVersion.serial).in_(newest),
        )
        .order_by(StateVersion.stack_id)
    )
    return [(stack_id, serial, sha256) for stack_id, serial, sha256 in found]


def _holders(session: Session, stack: Stack, keys: Collection[str]) -> dict[str, set[str]]:
    """Return, by key, which other living stacks have it."""
    found: dict[str, set[str]] = {}
    for some in _some_at_a_time(keys):
        query = (
            select(ResourceKey.key, ResourceKey.stack_id)
            .join(Stack, Stack.id == ResourceKey.stack_id)
            .where(
                ResourceKey.key.in_(some),
                ResourceKey.stack_id != stack.id,
                Stack.deleted_at.is_(None),
            )
        )
        for key, stack_id in session.execute(query):
            found.setdefault(key, set()).add(stack_id)
    return found


def _flat(sets: Iterable[set[str]]) -> Iterator[str]:
    return (key for found in sets for key in found)


def _some_at_a_time(keys: Collection[str]) -> Iterator[list[str]]:
    ordered = sorted(keys)
    for start in range(0, len(ordered), KEYS_AT_ONCE):
        yield ordered[start : start + KEYS_AT_ONCE]
