"""Forms in a real browser: nothing that was typed is lost, and nothing moves by itself."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.console.browsing import Watched
from tests.console.fleet_examples import Fleet
from tests.console.stacks.test_resources import block, state

pytestmark = [
    # The browser opens connections ahead of need, which the server drops at its end.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


def test_another_project_swaps_what_it_offers_and_keeps_what_was_typed(
    at_work: Watched, fleet: Fleet
) -> None:
    fleet.project("shop")
    fleet.stack("shop-net", project="shop")
    fleet.stack("other-net")
    at_work.open("/stacks/new/machine-group")
    page = at_work.page
    assert page.input_value("[name='/project']") == ""
    page.fill("[name='/name']", "web")
    page.fill("[name='/parameters/user_data']", "a secret")
    page.evaluate("window.isTheSame = true")
    page.focus("[name='/project']")
    page.select_option("[name='/project']", "shop")
    offered = page.locator("[name='/parameters/network'] option[value='shop-net']")
    offered.wait_for(state="attached")
    assert page.evaluate("window.isTheSame")
    assert page.evaluate("document.activeElement.name") == "/project"
    assert page.input_value("[name='/name']") == "web"
    assert page.input_value("[name='/parameters/user_data']") == "a secret"
    assert page.locator("option[value='other-net']").count() == 0
    page.wait_for_selector('#curl-text:has-text(\'"project": "shop"\')')
    assert page.input_value("[name='/cloud_account']") == "sandbox"


def test_the_words_of_a_graph_stay_in_their_boxes(at_work: Watched, fleet: Fleet) -> None:
    made = fleet.stack("web")
    wide = block("sandbox_network", "W" * 40)
    fleet.state(made, state(wide, block("sandbox_subnet", "m" * 60)))
    at_work.open(f"/stacks/{made.stack_id}/resources")
    widths = at_work.page.evaluate(
        "[...document.querySelectorAll('.graph__node')].map(node => {"
        " const box = node.querySelector('rect').getBoundingClientRect();"
        " return [...node.querySelectorAll('.graph__title, .graph__detail')].map("
        "  text => text.getBoundingClientRect().right - box.right)})"
    )
    assert len(widths) == 2
    assert all(over <= 0 for node in widths for over in node)


def test_the_tab_and_a_screen_reader_learn_of_the_end(at_work: Watched, fleet: Fleet) -> None:
    made = fleet.stack("web", status="creating")
    fleet.change_operation(made.operation_id, status="applying")
    at_work.open(f"/operations/{made.operation_id}")
    page = at_work.page
    assert page.title() == "Applying: Apply web · Landform"
    fleet.output(made.stack_id, "network_id", "net_123")
    fleet.change_operation(made.operation_id, status="applied", has_applied=True)
    expect(page).to_have_title("Applied: Apply web · Landform")
    assert page.inner_text("#said") == "Applied"
    page.wait_for_selector("text=net_123")
    page.click("text=Open web")
    page.wait_for_url("**/stacks/stk_*")


def test_the_inbox_is_worked_through_by_keys(at_work: Watched, fleet: Fleet) -> None:
    for name in ("first", "second"):
        fleet.change_operation(fleet.stack(name).operation_id, status="planned", generation=1)
    at_work.open("/")
    page = at_work.page
    assert page.title() == "(2) Overview · Landform"
    page.keyboard.press("g")
    page.keyboard.press("i")
    page.wait_for_url("**/inbox")
    page.keyboard.press("j")
    page.keyboard.press("j")
    assert page.evaluate("document.activeElement.textContent") == "second"
    page.keyboard.press("k")
    page.keyboard.press("Enter")
    page.wait_for_selector("h1:has-text('first')")
    page.keyboard.press("j")
    page.wait_for_selector("h1:has-text('second')")
    page.keyboard.press("j")
    page.wait_for_url("**/inbox")


def test_the_overview_of_a_phone_is_short_and_begins_with_the_answer(
    at_work: Watched, fleet: Fleet
) -> None:
    for number in range(8):
        made = fleet.stack(f"stack-{number}", status="failed", status_reason="x " * 300)
        fleet.change_operation(made.operation_id, status="errored")
    page = at_work.page
    page.set_viewport_size({"width": 375, "height": 800})
    at_work.open("/")
    if page.locator("button:has-text('Dismiss')").count():
        page.click("button:has-text('Dismiss')")
        page.wait_for_selector("button:has-text('Dismiss')", state="detached")
    assert page.locator("#trouble-title").bounding_box()["y"] < 400  # type: ignore[index]
    assert page.evaluate("document.documentElement.scrollHeight") < 3600


def test_the_palette_leads_anywhere_by_keys(at_work: Watched, fleet: Fleet) -> None:
    made = fleet.stack("web")
    fleet.output(made.stack_id, "private_ips", ["10.0.3.4"])
    at_work.open("/audit")
    page = at_work.page
    page.keyboard.press("Control+k")
    page.wait_for_selector("#palette-found a:has-text('Inbox')")
    page.keyboard.type("10.0.3.4")
    page.wait_for_selector("#palette-found a:has-text('output private_ips')")
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.className") == "found__link"
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/stacks/{made.stack_id}/resources")
    page.keyboard.press("Control+k")
    page.keyboard.press("Escape")
    assert not page.locator("#palette").is_visible()


def test_several_stacks_are_selected_at_once(at_work: Watched, fleet: Fleet) -> None:
    for name in ("one", "two", "three"):
        fleet.stack(name)
    at_work.open("/stacks?sort=name")
    page = at_work.page
    page.check("[data-selects-all]")
    page.uncheck("[aria-label='Select two']")
    assert page.inner_text("#selected-count") == "2 selected:"
    page.click("button:has-text('Plan')")
    page.wait_for_selector("h1:has-text('Plan 2 stacks')")
    page.click("button:has-text('Plan: 2 stacks')")
    page.wait_for_selector("h1:has-text('2 operations together')")
