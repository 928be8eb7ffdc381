"""One search finds a thing by what a person has at hand, and nothing that is kept from them."""

from __future__ import annotations

import re
from html import unescape

import pytest

from tests.console.conftest import Visitor
from tests.console.fleet_examples import Fleet, deleted
from tests.console.stacks.test_resources import block, state
from tests.console.test_pages import ATTACK


def found_in(page: str) -> dict[str, list[str]]:
    """Return the addresses that were found, by the title of their group."""
    groups = re.findall(r'<h2 class="found__title"[^>]*>([^<]+)</h2>(.*?)</section>', page, re.S)
    return {
        title: [unescape(a) for a in re.findall(r'href="([^"]+)"', body)] for title, body in groups
    }


def test_a_resource_is_found_by_its_cloud_id_ip_and_drifted_address(
    visitor: Visitor, fleet: Fleet
) -> None:
    made, other = fleet.stack("web"), fleet.stack("other")
    fleet.state(made, state(block("sandbox_network", "net", "4711")))
    fleet.output(made.stack_id, "private_ips", ["10.0.3.4", "10.0.3.5"])
    fleet.output(other.stack_id, "password", "10.0.3.4", is_sensitive=True)
    fleet.drift(other, "drifted", [deleted("sandbox_bucket.lost")])
    of_web, of_other = (f"/stacks/{item.stack_id}/resources" for item in (made, other))
    for text, expected in (
        ("net-4711", [of_web]),
        ("10.0.3.4", [of_web]),
        ("sandbox_bucket.lost", [of_other]),
        ("10.0.3", []),
        ("net-47", []),
    ):
        assert found_in(visitor.text(f"/search?q={text}")).get("Resources", []) == expected, text


def test_stacks_operations_people_pages_and_actions_are_found(
    visitor: Visitor, fleet: Fleet
) -> None:
    made = fleet.stack("web", labels={"team": "shop"})
    for text in ("web", "we", made.stack_id, "team=shop"):
        assert found_in(visitor.text(f"/search?q={text}"))["Stacks"] == [f"/stacks/{made.stack_id}"]
    operation = found_in(visitor.text(f"/search?q={made.operation_id}"))
    assert operation == {"Operations": [f"/operations/{made.operation_id}"]}
    assert found_in(visitor.text("/search?q=admin"))["Users"] == ["/settings/users/admin"]
    assert found_in(visitor.text("/search?q=new+network"))["Actions"][-1] == "/stacks/new/network"
    assert found_in(visitor.text("/search?q=drift"))["Pages"][0] == "/drift"
    assert "/inbox" in found_in(visitor.text("/search"))["Pages"]
    assert "Nothing found" in visitor.text("/search?q=nowhere-at-all")


def test_nobody_finds_what_others_keep_to_themselves(
    visitor: Visitor, viewer: Visitor, fleet: Fleet
) -> None:
    fleet.project("secret")
    hidden = fleet.stack("hidden", project="secret")
    fleet.output(hidden.stack_id, "ip", "10.9.9.9")
    fleet.state(hidden, state(block("sandbox_network", "net", "9")))
    for text in ("hidden", "10.9.9.9", "net-9", hidden.operation_id, hidden.stack_id):
        assert hidden.stack_id in visitor.text(f"/search?q={text}") or text == hidden.operation_id
        assert found_in(viewer.text(f"/search?q={text}")) == {}
    assert "Users" not in found_in(viewer.text("/search?q=admin"))
    assert "Actions" not in found_in(viewer.text("/search?q=new"))


@pytest.mark.parametrize("text", [ATTACK[:90], "%25", "_", "\u00e9", "x" * 500, "[", '"', "\\"])
def test_no_text_breaks_the_search(visitor: Visitor, fleet: Fleet, text: str) -> None:
    made = fleet.stack("web")
    fleet.output(made.stack_id, "ips", ["10.0.3.4"])
    page = visitor.get("/search", query_string={"q": text})
    assert page.status_code == 200
    assert "<script>alert" not in page.text
    assert "Resources" not in found_in(page.text)
