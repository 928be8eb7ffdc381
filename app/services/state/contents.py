"""What the recorded state of a stack holds: its resources, never their values."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from app.domain.state_file import StateFile, StateInstance, StateResource
from app.models import Stack
from app.services.context import Context


@dataclass(frozen=True)
class HeldResource:
    """One resource that a stack consists of.

    ``type`` is neutral: the provider's word without the provider; ``status`` is ``ok``,
    ``tainted`` (the next apply replaces it) or ``deposed`` (the next apply removes it).
    """

    address: str
    name: str
    type: str
    id: str | None
    status: str


@dataclass(frozen=True)
class HeldBlock:
    """A resource block of the configuration with its instances, and the blocks that it needs.

    ``type`` is the provider's word; ``needs`` has also what is needed indirectly.
    """

    address: str
    type: str
    name: str
    instances: tuple[HeldResource, ...]
    needs: frozenset[str]


def list_resources(ctx: Context, stack_id: str) -> list[HeldResource]:
    """Return the managed resources in the state of a stack, by address.

    Raises:
        VolumeError: the state volume cannot be read now.
        StateError: the state of record is damaged.
    """
    found = [item for block in list_blocks(ctx, stack_id) for item in block.instances]
    return sorted(found, key=lambda item: item.address)


def list_let_go(stack: Stack) -> list[dict[str, Any]]:
    """Return ``{address, type, id, operation_id, at}`` of what a stack let go of."""
    shown = ("address", "type", "id", "operation_id", "at")
    return [{name: item[name] for name in shown} for item in stack.let_go]


def list_blocks(ctx: Context, stack_id: str) -> list[HeldBlock]:
    """Return the managed resource blocks in the state of a stack, by address.

    Raises:
        VolumeError: the state volume cannot be read now.
        StateError: the state of record is damaged.
    """
    state = _present_state(ctx, stack_id)
    blocks = [
        HeldBlock(
            address=resource.address,
            type=resource.type,
            name=resource.name,
            instances=tuple(_held(resource, instance) for instance in resource.instances),
            needs=frozenset(
                name for instance in resource.instances for name in instance.dependencies
            ),
        )
        for resource in (state.resources if state else ())
        if resource.mode == "managed"
    ]
    return sorted(blocks, key=lambda block: block.address)


def _held(resource: StateResource, instance: StateInstance) -> HeldResource:
    return HeldResource(
        address=resource.instance_address(instance),
        name=resource.name if instance.index_key is None else str(instance.index_key),
        type=resource.type.partition("_")[2].replace("_", "-") or resource.type,
        id=instance.identifier,
        status=_status_of(instance),
    )


def count_resources(ctx: Context, stack_id: str) -> dict[str, int]:
    """Count the managed resources in the state of a stack by their type, the most first.

    Raises:
        VolumeError: the state volume cannot be read now.
        StateError: the state of record is damaged.
    """
    state = _present_state(ctx, stack_id)
    counts: Counter[str] = Counter()
    for resource in state.resources if state else ():
        if resource.mode == "managed":
            counts[resource.type] += len(resource.instances)
    return dict(counts.most_common())


def _present_state(ctx: Context, stack_id: str) -> StateFile | None:
    store = ctx.state_store(stack_id)
    current = store.current(stack_id)
    if current is None:
        return None
    return StateFile.parse(store.read(stack_id, current.serial, current.sha256))


def _status_of(instance: StateInstance) -> str:
    if instance.deposed_key is not None:
        return "deposed"
    return "tainted" if instance.is_tainted else "ok"
