"""What happened to a stack in one list; parameters of the past compared and had back."""

from __future__ import annotations

import re
from html import unescape

import pytest

from app.models import Operation, Stack
from app.services.access import SYSTEM_PRINCIPAL
from app.services.context import Context
from app.services.stacks.change import StackChange, change_stack
from app.services.stacks.locks import lock_stack
from app.services.work import perform
from tests.console.conftest import Visitor, words
from tests.console.fleet_examples import Fleet, Made, updated
from tests.console.stacks.test_new import field_of


def set_zones(fleet: Fleet, made: Made, zones: int) -> None:
    with perform(fleet.ctx, fleet.principal) as work:
        change_stack(work, made.stack_id, StackChange(parameters={"zones": zones}))


@pytest.fixture
def changed(fleet: Fleet) -> Made:
    """A network that had two zones, then three, then one."""
    made = fleet.stack("web")
    set_zones(fleet, made, 3)
    set_zones(fleet, made, 1)
    return made


def restores(page: str) -> list[str]:
    """Return the addresses that restore parameters, the newest change first."""
    return [unescape(a) for a in re.findall(r'href="(/stacks/[^"]+/settings\?before=\d+)"', page)]


def test_all_that_happened_stands_in_one_list(
    visitor: Visitor, fleet: Fleet, changed: Made, ctx: Context
) -> None:
    with perform(ctx, fleet.principal) as work:
        lock_stack(work, changed.stack_id, "a migration")
    fleet.drift(changed, "drifted", [updated("a_b.this", "size", 1, 2)])
    check = fleet.operation(changed.stack_id, "drift_check")
    with ctx.write() as session:
        session.get_one(Operation, check).requested_by = SYSTEM_PRINCIPAL.name
    page = visitor.text(f"/stacks/{changed.stack_id}/timeline")
    said = words(page.partition('class="timeline"')[2].partition("</ol>")[0])
    for text in ("Created", "Zones 2 → 3", "Zones 3 → 1", "Locked a migration", "Apply"):
        assert text in said
    assert "changed outside Landform" in said
    assert "Drift check" not in said
    assert said.index("Zones 3 → 1") < said.index("Zones 2 → 3")


def test_parameters_of_yesterday_are_had_back(
    visitor: Visitor, fleet: Fleet, changed: Made, ctx: Context
) -> None:
    newest, oldest = restores(visitor.text(f"/stacks/{changed.stack_id}/timeline"))
    for address, zones in ((newest, 3), (oldest, 2)):
        page = visitor.text(address)
        assert f'value="{zones}"' in field_of(page, "/parameters/zones")
        assert "Nothing is changed yet" in page
    form = {
        "/parameters/zones": "2",
        "/parameters/internet_access": "on",
        "intent": "change",
        "version": re.findall(r'name="version" value="(\d+)"', page)[0],
    }
    assert visitor.post(f"/stacks/{changed.stack_id}/settings/parameters", form).status_code == 303
    with ctx.read() as session:
        assert session.get_one(Stack, changed.stack_id).parameters["zones"] == 2


def test_two_moments_are_compared(visitor: Visitor, changed: Made) -> None:
    path = f"/stacks/{changed.stack_id}/timeline"
    newest, oldest = (int(a.rpartition("=")[2]) for a in restores(visitor.text(path)))

    def compared(query: str) -> str:
        table = visitor.text(f"{path}?{query}").partition('id="compared-title"')[2]
        return words(table.partition("</section>")[0])

    assert "zones 2 1" in compared(f"from={oldest}")
    assert "zones 2 3" in compared(f"from={oldest}&to={newest}")
    assert f"from={oldest}&amp;to={newest}" in visitor.text(f"{path}?from={oldest}")


def test_a_secret_is_neither_shown_nor_had_back(visitor: Visitor, fleet: Fleet) -> None:
    fleet.stack("net")
    parameters = {"network": "net", "user_data": "hunter2-a", "count": 1}
    made = fleet.stack("web", "machine-group", parameters=parameters)
    with perform(fleet.ctx, fleet.principal) as work:
        patch = {"user_data": "hunter2-b", "count": 2}
        change_stack(work, made.stack_id, StackChange(parameters=patch))
    page = visitor.text(f"/stacks/{made.stack_id}/timeline")
    assert "hunter2" not in page
    restored = visitor.text(restores(page)[0])
    assert "former values are not kept: user_data" in words(restored)
    assert 'value="1"' in field_of(restored, "/parameters/count")
    assert "hunter2" not in restored


def test_a_viewer_sees_operations_and_no_changes(viewer: Visitor, changed: Made) -> None:
    page = viewer.text(f"/stacks/{changed.stack_id}/timeline")
    assert "Apply" in page
    assert restores(page) == []
    assert "Zones" not in page


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("before=yesterday", 422),
        ("before=2026-01-01T00:00:00", 422),
        ("before=2020-01-01T00:00:00Z", 200),
        ("from=1", 404),
        ("from=x&to=y", 200),
        ("from=99999999999999999999", 200),
    ],
)
def test_a_moment_that_is_none(visitor: Visitor, changed: Made, query: str, status: int) -> None:
    assert visitor.get(f"/stacks/{changed.stack_id}/timeline?{query}").status_code == status


def test_a_change_of_another_stack_is_not_had_back(
    visitor: Visitor, fleet: Fleet, changed: Made
) -> None:
    other = fleet.stack("other")
    foreign = restores(visitor.text(f"/stacks/{changed.stack_id}/timeline"))[0].rpartition("=")[2]
    assert visitor.get(f"/stacks/{other.stack_id}/settings?before={foreign}").status_code == 404
