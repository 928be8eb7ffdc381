"""What the recorded state of a stack holds, counted; never its values."""

from __future__ import annotations

from collections import Counter

from app.domain.state_file import StateFile
from app.services.context import Context


def count_resources(ctx: Context, stack_id: str) -> dict[str, int]:
    """Count the managed resources in the state of a stack by their type, the most first.

    Raises:
        VolumeError: the state volume cannot be read now.
        StateError: the state of record is damaged.
    """
    store = ctx.state_store()
    current = store.current(stack_id)
    if current is None:
        return {}
    state = StateFile.parse(store.read(stack_id, current.serial, current.sha256))
    counts: Counter[str] = Counter()
    for resource in state.resources:
        if resource.mode == "managed":
            counts[resource.type] += len(resource.instances)
    return dict(counts.most_common())
