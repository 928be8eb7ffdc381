"""What the plan of a destroy met outside.

Terraform refreshes before it plans a destroy and does not report what that found: the plan has no
``resource_drift``. The recorded state beside the refreshed one says it all the same. Without it, a
destroy that stops midway would leave outside changes as recorded, and so as agreed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from app.domain.state_file import StateFile, StateInstance, StateResource
from app.terraform.plan_agreement import mark, prior_resources


def with_destroy_drift(document: Mapping[str, Any], recorded: StateFile) -> dict[str, Any]:
    """Return the document of a plan with what differs from the recorded state.

    Args:
        document: ``show -json`` of a destroy.
        recorded: the state that it was planned from.
    """
    told = list(document.get("resource_drift") or ())
    known = {item["address"] for item in told}
    prior = dict(prior_resources(document))
    moved = {
        item["previous_address"]: item["address"]
        for item in document.get("resource_changes") or ()
        if item.get("previous_address")
    }
    for resource, instance in _managed(recorded):
        before = resource.instance_address(instance)
        address = moved.get(before, before)
        item = _compare(resource, instance, prior.get(address))
        if item is not None and address not in known:
            told.append({**item, "address": address})
    return {**document, "resource_drift": told}


def _managed(state: StateFile) -> Iterator[tuple[StateResource, StateInstance]]:
    for resource in state.resources:
        if resource.mode == "managed":
            for instance in resource.instances:
                if instance.deposed_key is None:
                    yield resource, instance


def _compare(
    resource: StateResource, instance: StateInstance, now: Mapping[str, Any] | None
) -> dict[str, Any] | None:
    """Return an item of ``resource_drift`` without its address, or None without a difference."""
    before, change = instance.plain_attributes(), dict[str, Any]()
    if now is None:
        # Which of its other values are secret the plan does not say any more.
        change = {"actions": ["delete"], "before": {"id": instance.identifier}, "after": None}
    elif now.get("schema_version", 0) != instance.schema_version or now["values"] == before:
        return None  # of another version of the schema nothing can be compared
    else:
        sensitive = now.get("sensitive_values", False)
        change = {"actions": ["update"], "before": before, "after": now["values"]}
        change |= {"before_sensitive": sensitive, "after_sensitive": sensitive}
        for path in instance.sensitive_paths:
            change["before_sensitive"] = mark(change["before_sensitive"], path)
    item = {
        "mode": resource.mode,
        "type": resource.type,
        "name": resource.name,
        "module_address": resource.module,
        "provider_name": resource.provider,
        "change": change,
    }
    return item | ({} if instance.index_key is None else {"index": instance.index_key})
