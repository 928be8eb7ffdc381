"""What is large stays usable in a real browser: a plan of 500 changes, a graph of 200 resources."""

from __future__ import annotations

import pytest

from tests.console.browsing import Watched
from tests.console.fleet_examples import Fleet, attribute, change
from tests.console.stacks.test_resources import block, state

pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.thorough,
]


def test_a_plan_of_500_changes_unfolds_is_searched_and_walked_by_keys(
    watched: Watched, fleet: Fleet
) -> None:
    operation = fleet.operation(fleet.stack("web").stack_id, status="planned")
    sizes = [attribute(f"size{number}", "small", "large") for number in range(6)]
    changes = [change("update", f"a_machine.n{number}", *sizes) for number in range(499)]
    gone = change("delete", "a_network.this", attribute("cidr", "10.0.0.0/16", None))
    fleet.plan(operation, [gone, *changes], change=499, destroy=1)
    watched.sign_in()
    watched.open(f"/operations/{operation}")
    page = watched.page
    assert page.locator("text=10.0.0.0/16").is_visible()  # a loss is open from the start
    assert page.locator("#plan-changes .change").count() == 1
    page.locator("#plan-changes summary", has_text="Change 499").press("Enter")
    page.wait_for_selector("#plan-changes .change:has-text('a_machine.n99')")
    assert page.locator("#plan-changes .change").count() == 101
    page.click("text=Show the next 100 of 399 more")
    page.wait_for_selector("#plan-changes .change:has-text('a_machine.n199')")
    first = page.locator("#plan-changes summary:has-text('a_machine.n0')")
    first.focus()
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.textContent").strip().startswith("a_machine.n1")
    page.keyboard.press("Enter")
    page.wait_for_selector("#plan-changes .change:has-text('a_machine.n1') .diff >> text=size5")
    page.keyboard.press("Home")
    assert "Destroy 1" in page.evaluate("document.activeElement.textContent")
    page.fill("#plan [name='find']", "n321")
    page.wait_for_selector("#plan-changes >> text=1 of 500 changes match")
    assert page.locator("#plan-changes .change").count() == 1
    page.fill("#plan [name='find']", "")
    page.wait_for_selector("#plan-changes summary:has-text('Change 499')")


def test_a_graph_of_200_is_walked_by_arrow_keys_and_fits_the_page(
    watched: Watched, fleet: Fleet
) -> None:
    made = fleet.stack("web")
    blocks = [block("a_network", "this")]
    blocks += [block("a_subnet", f"s{n}", needs=("a_network.this",)) for n in range(20)]
    blocks += [block("a_machine", f"m{n}", needs=(f"a_subnet.s{n % 20}",)) for n in range(179)]
    fleet.state(made, state(*blocks))
    watched.sign_in()
    watched.open(f"/stacks/{made.stack_id}/resources")
    page = watched.page
    assert page.locator("[data-node]").count() == 200
    assert page.locator("[data-node][tabindex='0']").count() == 1
    page.locator("[data-node]", has_text="network").focus()
    page.keyboard.press("ArrowRight")
    here = "document.activeElement.textContent"
    assert "subnet s" in page.evaluate(here)
    page.keyboard.press("ArrowDown")
    assert "subnet s" in page.evaluate(here)
    page.keyboard.press("ArrowRight")
    assert "machine m" in page.evaluate(here)
    assert page.locator("[data-node][data-near]").count() == 2
    page.keyboard.press("Enter")
    page.wait_for_url("**#resource-*")
    assert page.locator("tr:target").count() == 1
    page.check("[data-fits-graph]")
    wide = page.evaluate(
        "(() => { const g = document.querySelector('.graph');"
        " return g.scrollWidth - g.clientWidth })()"
    )
    assert wide <= 0
