"""The tab of resources: a graph and a table of the same, from the state and a waiting plan."""

from __future__ import annotations

import json
import re
from html import unescape
from typing import Any

import pytest

from app.config.settings import REPOSITORY_ROOT as ROOT
from app.console.shell.graph_layout import BOX_HEIGHT, BOX_WIDTH
from app.console.shell.graphs import MAX_NODES
from app.console.stacks.read_resources import TABLE_ROWS, block_of
from tests.console.conftest import Visitor
from tests.console.fleet_examples import Fleet, Made, change, updated

LINEAGE = "4c9e0d3a-0000-4000-8000-000000000001"


def block(type_: str, name: str, *keys: str, needs: tuple[str, ...] = ()) -> dict[str, Any]:
    """A resource block of a state with an instance for each key, or a single one."""
    return {
        "mode": "managed",
        "type": type_,
        "name": name,
        "provider": "p",
        "instances": [
            {
                "attributes": {"id": f"{name}-{key}", "secret": "hunter2"},
                "dependencies": list(needs),
                **({"index_key": key} if key else {}),
            }
            for key in keys or ("",)
        ],
    }


def state(*blocks: dict[str, Any]) -> bytes:
    document = {"version": 4, "serial": 1, "lineage": LINEAGE, "resources": list(blocks)}
    return json.dumps(document).encode()


@pytest.fixture
def made(fleet: Fleet) -> Made:
    """A stack of a network with two subnets and a machine."""
    made = fleet.stack("web")
    network, subnet = "sandbox_network.this", "sandbox_subnet.this"
    fleet.state(
        made,
        state(
            block("sandbox_network", "this"),
            block("sandbox_subnet", "this", "a", "b", needs=(network,)),
            block("sandbox_machine", "front", needs=(subnet, network)),
        ),
    )
    return made


def test_resources_are_a_graph_with_a_table_of_the_same(visitor: Visitor, made: Made) -> None:
    page = visitor.text(f"/stacks/{made.stack_id}/resources")
    drawn = page.partition('<svg class="graph__drawing"')[2]
    titles = [unescape(title) for title in re.findall(r"<title>([^<]*: [^<]*)</title>", drawn)]
    assert titles == [
        "network: ok",
        "subnet: all 2 ok",
        "machine front: ok",
    ]
    lines = re.findall(r"<title>([^<]* depends on [^<]*)</title>", page)
    # What is needed indirectly has no line of its own.
    assert sorted(lines) == ["machine front depends on subnet", "subnet depends on network"]
    for address in ("sandbox_network.this", 'sandbox_subnet.this["a"]', "sandbox_machine.front"):
        assert address in unescape(page)
    assert "hunter2" not in page


def test_each_box_leads_to_its_row(visitor: Visitor, made: Made) -> None:
    page = visitor.text(f"/stacks/{made.stack_id}/resources")
    targets = re.findall(r'class="graph__node[^>]* href="#([^"]+)"', page)
    assert len(set(targets)) == 3
    assert all(f'id="{target}"' in page for target in targets)


def test_drift_and_a_waiting_plan_are_drawn(visitor: Visitor, fleet: Fleet, made: Made) -> None:
    fleet.drift(made, "drifted", [updated('sandbox_subnet.this["a"]', "size", 1, 2)])
    page = visitor.text(f"/stacks/{made.stack_id}/resources")
    assert "subnet: 1 of 2: changed" in page
    assert "Planned change" not in page
    waiting = fleet.operation(made.stack_id, status="planned")
    plan = [change("replace", "sandbox_machine.front"), change("create", "sandbox_disk.new[0]")]
    fleet.plan(waiting, plan, replace=1, add=1)
    page = visitor.text(f"/stacks/{made.stack_id}/resources")
    assert "Planned change" in page
    assert "machine front: replace" in page
    assert "disk new: create" in page
    assert page.count("graph__box--new") == 1


def test_without_a_state_the_page_says_what_will_come(visitor: Visitor, fleet: Fleet) -> None:
    page = visitor.text(f"/stacks/{fleet.stack('web').stack_id}/resources")
    assert "No resources yet" in page
    assert '<svg class="graph' not in page


def test_stacks_around_are_drawn_with_what_they_need(visitor: Visitor, fleet: Fleet) -> None:
    web = fleet.stack("web")
    group = fleet.stack("machines", "machine-group", parameters={"network": "web"})
    fleet.stack("alone")
    for made in (web, group):
        page = visitor.text(f"/stacks/{made.stack_id}/resources")
        assert "machines depends on web" in page
        assert "alone" not in page
    assert visitor.get("/stacks/stk_missing/resources").status_code == 404


@pytest.mark.parametrize(
    ("address", "block"),
    [
        ("a_b.c", "a_b.c"),
        ("a_b.c[12]", "a_b.c"),
        ('a_b.c["x"]', "a_b.c"),
        ('a_b.c["x]y[0]"]', "a_b.c"),
        ('a_b.c["say \\"hi\\"]"]', "a_b.c"),
        ('module.m["k"].a_b.c["x"]', 'module.m["k"].a_b.c'),
    ],
)
def test_an_instance_knows_its_block(address: str, block: str) -> None:
    assert block_of(address) == block


def test_a_long_table_comes_in_pages_and_each_box_finds_its_row(
    visitor: Visitor, fleet: Fleet
) -> None:
    made, count = fleet.stack("web"), 2 * TABLE_ROWS + 5
    fleet.state(made, state(*(block("a_machine", f"m{n}") for n in range(count))))
    path = f"/stacks/{made.stack_id}/resources"
    page = visitor.text(path)
    assert f"1 to {TABLE_ROWS} of {count}" in page
    assert page.index("a_machine.m2<") < page.index("a_machine.m10<")  # as people count
    targets = [
        unescape(href) for href in re.findall(r'<a class="graph__node[^>]*href="([^"]+)"', page)
    ]
    assert len(targets) == count
    for target in (targets[0], targets[TABLE_ROWS], targets[-1]):
        query, _, row = target.partition("#")
        assert f'id="{row}"' in visitor.text(path + query)
    last = visitor.text(f"{path}?start={2 * TABLE_ROWS + 1}")
    assert f"{2 * TABLE_ROWS + 1} to {count} of {count}" in last
    for odd in ("-1", "x", "99999999999999999999"):
        assert f"1 to {TABLE_ROWS} of" in visitor.text(f"{path}?start={odd}")
    assert f"to {count} of {count}" in visitor.text(f"{path}?start=9999")


def test_of_too_many_resources_those_are_drawn_that_need_a_look(
    visitor: Visitor, fleet: Fleet
) -> None:
    made = fleet.stack("web")
    blocks = [block("a_machine", f"m{n}") for n in range(MAX_NODES + 20)]
    blocks += [block("b_disk", "d", needs=("b_disk.base",)), block("b_disk", "base")]
    fleet.state(made, state(*blocks))
    fleet.drift(made, "drifted", [updated(f"a_machine.m{MAX_NODES + 10}", "size", 1, 2)])
    page = visitor.text(f"/stacks/{made.stack_id}/resources")
    assert page.count('class="graph__node') == MAX_NODES
    assert "22 more are not drawn" in page
    assert f"machine m{MAX_NODES + 10}: changed" in page
    assert "disk d depends on disk base" in page


def test_boxes_are_as_large_in_the_style_sheet_as_in_the_layout() -> None:
    sheet = (ROOT / "static" / "css" / "components" / "graph.css").read_text()
    assert f"width: {BOX_WIDTH}px; height: {BOX_HEIGHT}px" in sheet
