"""Forms in a real browser: nothing that was typed is lost, and nothing moves by itself."""

from __future__ import annotations

import pytest

from tests.console.browsing import Watched
from tests.console.fleet_examples import Fleet

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
