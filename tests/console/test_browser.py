"""The console in a real browser: no error, no breach of the policy, keys alone are enough."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser

from tests.console.browsing import Watched
from tests.console.conftest import PASSWORD, Visitor
from tests.console.fleet_examples import DONE, Fleet, change, updated

WIDTHS = (1440, 768, 375, 320)

pytestmark = [
    # The browser opens connections ahead of need, which the server drops at its end.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


def test_a_newcomer_signs_in_and_asks_for_a_network(watched: Watched) -> None:
    watched.sign_in()
    page = watched.page
    page.click("text=Create your first stack")
    page.click("a:has-text('Choose Network')")
    page.fill("[name='/name']", "web")
    page.fill("[name='/parameters/zones']", "9")
    page.locator("[name='/parameters/zones']").blur()
    page.wait_for_selector("#curl-text:has-text('\"zones\": 9')")
    page.click("button:has-text('Create the network')")
    page.wait_for_selector("#problems:focus")
    assert page.input_value("[name='/name']") == "web"
    watched.expected = "422"  # the browser notes the refused form
    page.fill("[name='/parameters/zones']", "2")
    page.click("button:has-text('Create the network')")
    page.wait_for_selector("h1:has-text('Apply web')")
    assert "/operations/op_" in page.url


def test_an_operation_goes_on_before_ones_eyes(watched: Watched, fleet: Fleet) -> None:
    operation = fleet.operation(fleet.stack("web").stack_id, status="planning")
    fleet.steps(operation, "prepare", "init", last="running")
    watched.sign_in()
    watched.open(f"/operations/{operation}")
    page = watched.page
    page.wait_for_selector(".badge:has-text('Planning')")
    fleet.plan(operation, [change("create", "sandbox_network.this")], add=1)
    fleet.events(operation, [{"message": f"Creating number {number}"} for number in range(60)])
    fleet.change_operation(operation, status="applying", has_applied=True)
    page.wait_for_selector(".badge:has-text('Applying')")
    page.wait_for_selector("h2:has-text('Plan')")
    page.wait_for_selector("#log li:has-text('Creating number 59')")
    log = page.locator("#log")
    assert log.evaluate("e => e.scrollHeight - e.scrollTop - e.clientHeight") < 4
    fleet.change_operation(operation, status="applied")
    page.wait_for_selector(".badge:has-text('Applied')")
    assert page.locator("button:has-text('Cancel')").count() == 0
    assert page.locator("#log li").count() == 60


@pytest.mark.thorough
@pytest.mark.parametrize("place", ["/", "/workers", "/stacks/{stack}"])
def test_a_page_asks_again_only_while_somebody_looks_at_it(
    watched: Watched, fleet: Fleet, place: str
) -> None:
    stack = fleet.stack("web", status="creating").stack_id
    watched.sign_in()
    page = watched.page
    asked: list[str] = []
    page.add_init_script("Object.defineProperty(document, 'hidden', {get: () => self.isAway})")
    page.clock.install(time=0)
    watched.open(place.format(stack=stack))
    page.on("request", lambda request: asked.append(request.url))
    with page.expect_response(lambda response: response.ok):
        page.clock.run_for(30_000)
    page.evaluate("self.isAway = true")
    page.wait_for_load_state("networkidle")
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    asked.clear()
    page.clock.run_for(120_000)
    page.clock.pause_at(3_600_000)  # from now on only what people do can make it ask
    page.evaluate("fetch('/healthz')")  # had the page asked, it would have been before this
    page.wait_for_load_state("networkidle")
    assert asked in ([], [f"{watched.root}/healthz"])
    with page.expect_response(lambda response: response.url.endswith(place.format(stack=stack))):
        page.evaluate("self.isAway = false")
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")


def test_keys_reach_everything_and_focus_is_seen(watched: Watched, fleet: Fleet) -> None:
    fleet.stack("web")
    watched.sign_in()
    page = watched.page
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to content"
    for _ in range(25):
        page.keyboard.press("Tab")
        seen = page.evaluate(
            "(() => { const e = document.activeElement, s = getComputedStyle(e);"
            " return e === document.body ||"
            " (s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) >= 2) })()"
        )
        assert seen, page.evaluate("document.activeElement.outerHTML")
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "search"
    page.keyboard.type("g s?")
    assert page.input_value("#search") == "g s?"
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("?")
    assert page.locator("#keys").is_visible()
    page.keyboard.press("Escape")
    assert not page.locator("#keys").is_visible()
    page.keyboard.press("g")
    page.keyboard.press("s")
    page.wait_for_url(watched.root + "/stacks")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_fits_every_width_in_both_themes(
    watched: Watched, fleet: Fleet, scheme: str
) -> None:
    network = fleet.stack("a-network-with-quite-a-long-name", labels={"team": "x" * 80})
    fleet.steps(network.operation_id, *DONE)
    fleet.state_version(network, 1)
    fleet.drift(network, "drifted", [updated("sandbox_network.this", "cidr", "x" * 90, "y" * 90)])
    waiting = fleet.operation(network.stack_id, status="planned")
    fleet.plan(waiting, [change("delete", "module.m.sandbox_network.this")], destroy=1)
    fleet.stack("shop", "bucket", status="failed", status_reason="z" * 300)
    watched.sign_in()
    watched.page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    stack = f"/stacks/{network.stack_id}"
    paths = ["/", "/stacks", "/stacks/new", "/stacks/new/machine-group", stack, f"{stack}/drift"]
    paths += [f"{stack}/state", f"/operations/{waiting}", "/drift", "/catalogue/network"]
    paths += [f"{stack}/resources", f"{stack}/drift/reconcile", "/drift?group=cause"]
    paths += ["/operations", "/console/design", "/workers"]
    paths += ["/help", "/help/configuration", "/help/errors", "/help/errors/volume_full", "/audit"]
    for path in paths:
        watched.open(path)
        for width in WIDTHS:
            watched.page.set_viewport_size({"width": width, "height": 800})
            wide = watched.page.evaluate("document.documentElement.scrollWidth - innerWidth")
            assert wide <= 0, (path, width, wide)


def test_the_menu_of_a_phone_leads_everywhere(watched: Watched) -> None:
    watched.page.set_viewport_size({"width": 375, "height": 700})
    watched.sign_in()
    watched.page.click("summary:has-text('Menu')")
    watched.page.click(".bar__menu a:has-text('Drift')")
    watched.page.wait_for_url(watched.root + "/drift")


def test_everything_works_without_scripts(browser: Browser, root: str, outsider: Visitor) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{root}/sign-in")
    page.fill("#username", "admin")
    page.fill("#password", PASSWORD)
    page.click("button:has-text('Sign in')")
    page.goto(f"{root}/stacks/new/bucket")
    page.fill("[name='/name']", "assets")
    page.press("[name='/name']", "Enter")
    page.wait_for_selector("h1:has-text('Apply assets')")
    assert page.get_by_role("link", name="Refresh", exact=True).is_visible()
    assert not page.locator("[data-copy]").first.is_visible()
    page.click("button:has-text('Cancel')")
    page.wait_for_selector(".badge:has-text('Canceled')")
    page.click("button:has-text('Dark')")
    assert page.get_attribute("html", "data-theme") == "dark"
    page.click("button:has-text('Sign out')")
    page.wait_for_url(f"{root}/sign-in")
    context.close()
