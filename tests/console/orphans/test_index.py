"""Orphans of the whole fleet: what no state has, and where to decide about it."""

from __future__ import annotations

from app.services.context import Context
from tests.console.conftest import Visitor, words
from tests.console.fleet_examples import Fleet, Made, updated
from tests.console.test_pages import ATTACK


def orphan(fleet: Fleet, name: str, *ids: str, **wanted: str) -> Made:
    made = fleet.stack(name, **wanted)
    left = [{"address": f"a_b.{found}", "id": found, "type": "a_b"} for found in ids]
    fleet.change_operation(made.operation_id, status="interrupted", possibly_orphaned=left)
    return made


def unmanaged(resource_id: str) -> dict[str, object]:
    found = {**updated("a_b.x", "id", None, resource_id), "change": "created"}
    return {**found, "address": None, "name": resource_id, "resource_id": resource_id}


def test_orphans_of_all_stacks_lead_to_where_one_decides(visitor: Visitor, fleet: Fleet) -> None:
    left = orphan(fleet, "broken", "id-1", ATTACK)
    other = fleet.stack("other")
    fleet.drift(other, "drifted", [unmanaged("id-2"), updated("a_b.this", "size", 1, 2)])
    page = visitor.text("/orphans")
    for text in ("id-1", "id-2", "an interrupted operation", "a drift check"):
        assert text in words(page)
    assert f'href="/operations/{left.operation_id}"' in page
    assert 'href="/drift/findings/' in page
    assert "size" not in page.partition("<tbody>")[2]
    assert "<script>alert" not in page


def test_what_is_resolved_or_found_twice_is_not_listed_again(
    visitor: Visitor, fleet: Fleet
) -> None:
    left = orphan(fleet, "broken", "id-1")
    fleet.drift(left, "drifted", [unmanaged("id-1")])
    assert visitor.text("/orphans").count('<code class="strong">id-1</code>') == 1
    fleet.change_stack(left.stack_id, drift_status="not_checked")
    fleet.change_operation(left.operation_id, resolution={"action": "adopt"})
    assert "No orphans" in visitor.text("/orphans")


def test_orphans_of_other_projects_are_not_shown(
    viewer: Visitor, fleet: Fleet, ctx: Context
) -> None:
    fleet.project("secret")
    orphan(fleet, "hidden", "id-secret", project="secret")
    assert "No orphans" in viewer.text("/orphans")
