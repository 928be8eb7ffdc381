"""The plan viewer: losses first, reasons in words, what stands on it, usable at 500 changes."""

from __future__ import annotations

import re
from html import unescape

import pytest

from app.console.operations.plan_changes import MAX_ATTRIBUTES, SHOWN_CHANGES
from tests.console.conftest import Visitor
from tests.console.fleet_examples import Fleet, Made, attribute, change


def plan(fleet: Fleet, made: Made, *changes: dict[str, object], **counts: int) -> str:
    """Give a stack a plan that waits for approval; return the path of its page."""
    operation = fleet.operation(made.stack_id, status="planned")
    fleet.plan(operation, list(changes), **counts)
    return f"/operations/{operation}"


def words(page: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", page)).split())


def test_losses_come_first_and_everything_is_told_in_sentences(
    visitor: Visitor, fleet: Fleet
) -> None:
    actions = ("create", "update", "replace", "delete", "delete")
    changes = [change(action, f"s_subnet.n{n}") for n, action in enumerate(actions)]
    page = visitor.text(plan(fleet, fleet.stack(), *changes, add=1))
    heads = re.findall(r"</svg> (\w+) \d+[^<]*</h3>", page)
    assert heads == ["Destroy", "Replace", "Change", "Create"]
    said = "Destroys 2 subnets. Replaces 1 subnet. Changes 1 subnet. Creates 1 subnet."
    assert said in words(page)
    assert page.count("plan-group--bad") == 2


def test_a_replacement_names_what_forces_it(visitor: Visitor, fleet: Fleet) -> None:
    forced = change("replace", "s_n.a", attribute("cidr", 1, 2, forces=True), attribute("b", 1, 2))
    tainted = {**change("replace", "s_n.b"), "action_reason": "replace_because_tainted"}
    unknown = {**change("delete", "s_n.c"), "action_reason": "a_reason_of_tomorrow"}
    page = words(visitor.text(plan(fleet, fleet.stack(), forced, tainted, unknown, replace=2)))
    assert "s_n.a replaced because cidr cannot change in place" in page
    assert "s_n.b replaced because it is tainted" in page
    assert "a reason of tomorrow" in page


def test_long_values_fold_and_secrets_are_marked(visitor: Visitor, fleet: Fleet) -> None:
    nested = {"rules": [{"port": port, "from": "10.0.0.0/8"} for port in range(20)]}
    secret = {**attribute("password", "********", "********"), "sensitive": True}
    page = visitor.text(
        plan(fleet, fleet.stack(), change("update", "s_n.a", attribute("r", {}, nested), secret))
    )
    assert '<details class="fold"><summary>1 entry</summary>' in page
    assert '<span class="tag">sensitive</span>' in page


def test_what_stands_on_the_stack_is_named(visitor: Visitor, fleet: Fleet) -> None:
    web = fleet.stack("web")
    fleet.stack("machines", "machine-group", parameters={"network": "web"})
    page = words(visitor.text(plan(fleet, web, change("replace", "s_n.a"), replace=1)))
    assert "1 stack depends on this one: machines (machine-group)" in page
    assert "No output changes, but what they use may be unavailable for a time." in page
    alone = words(visitor.text(plan(fleet, fleet.stack("alone"), change("create", "s_n.a"))))
    assert "on this one" not in alone


def test_a_search_needs_no_script(visitor: Visitor, fleet: Fleet) -> None:
    changes = [change("create", f"s_subnet.n{n}", attribute("size", n, n + 1)) for n in range(9)]
    other = change("delete", "s_network.this", attribute("Region", "a", None))
    path = plan(fleet, fleet.stack(), other, *changes, add=9, destroy=1)
    page = words(visitor.text(f"{path}/plan?find=REGION"))
    assert "1 of 10 changes match." in page
    assert "s_subnet.n1" not in page
    assert "Destroys 1 network. Creates 9 subnets." in page  # the sentences stay whole
    assert "0 of 10 changes match." in words(visitor.text(f"{path}/plan?find=%3Cb%3E"))


def test_five_hundred_changes_are_light_and_every_one_is_reached(
    visitor: Visitor, fleet: Fleet
) -> None:
    attributes = [attribute(f"a{m}", "x" * 50, "y" * 50) for m in range(10)]
    changes = [change("update", f"s_n.n{n}", *attributes) for n in range(500)]
    path = plan(fleet, fleet.stack(), *changes, change("delete", "s_n.gone"), change=500)
    page = visitor.text(path)
    assert len(page) < 60_000
    assert "s_n.gone" in page
    assert "s_n.n0" not in page
    found, address = [], links(page, "Show these 500 changes")[0]
    while address:
        part = visitor.text(address)
        assert len(part) < 120_000
        found += re.findall(r"<summary>(s_n\.n\d+)", part)
        address = next(iter(links(part, r"Show the next \d+ of \d+ more")), "")
    assert found == [f"s_n.n{n}" for n in range(500)]
    one = visitor.text(links(part, "Show its 10 attributes")[0])
    assert one.count("<del>") == 10
    assert "Show its" not in one


def test_five_hundred_losses_are_all_counted_and_the_first_are_seen(
    visitor: Visitor, fleet: Fleet
) -> None:
    changes = [change("delete", f"s_n.n{n}", attribute("id", "a", None)) for n in range(500)]
    page = visitor.text(plan(fleet, fleet.stack(), *changes, destroy=500))
    assert "Destroy 500: " in words(page)
    assert page.count('<details class="change"') == SHOWN_CHANGES
    assert links(page, "Show the next 100 of 400 more")


@pytest.mark.parametrize("count", [MAX_ATTRIBUTES + 1, 9 * MAX_ATTRIBUTES])
def test_one_change_alone_shows_all_its_attributes(
    visitor: Visitor, fleet: Fleet, count: int
) -> None:
    many = change("update", "s_n.a", *(attribute(f"a{m}", 1, 2) for m in range(count)))
    page = visitor.text(plan(fleet, fleet.stack(), many, change=1))
    assert page.count("<del>") == 0
    (link,) = links(page, f"Show its {count} attributes")
    assert visitor.text(link).count("<del>") == count


@pytest.mark.parametrize(
    "query",
    [
        "start=x",
        "start=-1",
        "start=99999999999999999999",
        "action=nonsense",
        "action=update&start=900",
        "address=" + "x" * 3000,
        "find=%27%22%3Cscript%3E",
    ],
)
def test_odd_addresses_of_a_plan_are_answered(visitor: Visitor, fleet: Fleet, query: str) -> None:
    path = plan(fleet, fleet.stack(), change("update", "s_n.a"), change=1)
    assert "<script>" not in visitor.text(f"{path}/plan?{query}").replace("<script src", "")


def test_without_a_plan_there_is_no_such_page(visitor: Visitor, fleet: Fleet) -> None:
    made = fleet.stack()
    assert visitor.get(f"/operations/{made.operation_id}/plan").status_code == 404
    assert visitor.get("/operations/op_missing/plan").status_code == 404


def links(page: str, text: str) -> list[str]:
    """Return where the links lead whose text is ``text``, a pattern."""
    rest = r'(?:[^>"]|"[^"]*")*'
    return [
        unescape(href) for href in re.findall(rf'<a {rest}href="([^"]+)"{rest}>{text}</a>', page)
    ]
