"""Somebody who has never seen Landform does everything in the browser alone, with all processes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page

from tests.running import RunningLandform, running_landform, wait_until

# On a machine that does other work besides, all the processes take their time.
pytestmark = [pytest.mark.thorough, pytest.mark.timeout(900)]

PATIENCE_MILLISECONDS = 60_000


@pytest.fixture
def landform(tmp_path: Path) -> Iterator[RunningLandform]:
    with running_landform(tmp_path / "home", LANDFORM_TICK_SECONDS="1") as running:
        yield running


@pytest.fixture
def story(landform: RunningLandform, browser: Browser) -> Iterator[Story]:
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    context.set_default_timeout(PATIENCE_MILLISECONDS)
    page = context.new_page()
    page.add_init_script(
        "addEventListener('securitypolicyviolation', e => console.error(e.violatedDirective))"
    )
    told = Story(landform, page)
    page.on("console", told.note)
    page.on("pageerror", lambda error: told.complaints.append(str(error)))
    yield told
    context.close()
    assert told.complaints == []


class Story:
    """A person in front of the console."""

    def __init__(self, landform: RunningLandform, page: Page) -> None:
        self.landform = landform
        self.page = page
        self.root = f"http://127.0.0.1:{landform.port}"
        self.complaints: list[str] = []
        self.stacks: dict[str, str] = {}

    def note(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(f"{self.page.url}: {message.text}")

    @property
    def password(self) -> str:
        return (self.landform.home / "admin-password").read_text().strip()

    def sign_in(self) -> None:
        password = self.password
        self.page.goto(self.root)
        self.page.fill("#username", "admin")
        self.page.fill("#password", password)
        self.page.click("button:has-text('Sign in')")
        self.page.wait_for_url(f"{self.root}/")

    def press(self, text: str) -> None:
        """Press what says exactly this, a button or a link, in the page itself."""
        named = self.page.locator(f"#main :is(button, a):text-is('{text}'):visible")
        named.first.click()

    def sees(self, text: str) -> None:
        self.page.get_by_text(text).first.wait_for()

    def becomes(self, status: str) -> None:
        """Wait until the heading of the operation before one's eyes says so, without reloading."""
        self.page.locator(f".heading__title .badge:has-text('{status}')").first.wait_for()

    def ask_for(self, kind: str, name: str, press: str = "", **parameters: str) -> None:
        """Choose a kind, fill in its form and send it."""
        page = self.page
        page.click(".side a:has-text('Stacks')")
        self.press("New stack")
        page.locator(f".card:has(h2:text-is('{kind}')) a").click()
        page.fill("[name='/name']", name)
        for key, value in parameters.items():
            control = page.locator(f"[name='/parameters/{key}']")
            if control.evaluate("e => e.tagName") == "SELECT":
                control.select_option(value)
            else:
                control.fill(value)
        self.press(press or f"Create the {kind.lower()}")
        page.wait_for_selector(f"h1:has-text('Apply {name}')")

    def open(self, name: str, tab: str = "") -> None:
        """Find a stack by its name, as with the search of every page."""
        self.page.fill("#search", name)
        self.page.press("#search", "Enter")
        self.page.locator(f"a.strong:text-is('{name}')").click()
        self.stacks[name] = self.page.url.rpartition("/")[2]
        if tab:
            self.page.click(f".tabs a:has-text('{tab}')")

    def cloud_of(self, name: str, **query: Any) -> list[dict[str, Any]]:
        return self.landform.cloud.list(tag=f"landform:stack={self.stacks[name]}", **query)

    def destroy(self, name: str, button: str = "") -> None:
        self.open(name)
        self.press("Destroy…")
        self.page.fill("#typed", name)
        self.press(button or f"Destroy {name}")
        self.becomes("Applied")


def test_everything_is_done_in_the_browser_alone(story: Story) -> None:
    story.sign_in()
    make_a_network_and_machines_on_it(story)
    find_out_why_one_failed(story)
    approve_a_waiting_plan(story)
    cancel_a_running_one(story)
    see_and_reconcile_a_drift(story)
    resolve_an_interrupted_apply(story)
    change_and_roll_a_state_back(story)
    invite_a_colleague_and_make_a_token(story)
    destroy_everything(story)


def make_a_network_and_machines_on_it(story: Story) -> None:
    story.ask_for("Network", "web", zones="2")
    story.becomes("Applied")
    story.ask_for("Machine group", "shop", network="web", count="2")
    story.becomes("Applied")
    story.open("shop")
    assert len(story.cloud_of("shop", type="machine")) == 2


def find_out_why_one_failed(story: Story) -> None:
    cloud = story.landform.cloud
    cloud.set_faults(quota=len(cloud.list()))
    story.ask_for("Bucket", "assets")
    story.becomes("Errored")
    story.sees("The cloud account has reached a quota or limit.")
    cloud.set_faults(quota=None)
    story.press("Apply again")
    story.becomes("Applied")


def approve_a_waiting_plan(story: Story) -> None:
    story.ask_for("Network", "second", "Preview plan", zones="1")
    story.becomes("Awaiting approval")
    story.page.click(".side a:has-text('Overview')")
    story.page.locator("#main a:has-text('second')").first.click()
    story.press("Approve and apply")
    story.becomes("Applied")


def cancel_a_running_one(story: Story) -> None:
    story.landform.cloud.set_faults(create_delay_seconds=3)
    story.ask_for("Network", "third", zones="3")
    story.becomes("Applying")
    story.press("Cancel…")
    story.press("Cancel operation")
    story.becomes("Canceled")
    story.landform.cloud.set_faults(create_delay_seconds=0)


def see_and_reconcile_a_drift(story: Story) -> None:
    story.open("web")
    (network,) = story.cloud_of("web", type="network")
    change = {"attributes": {"internet_access": False}}
    story.landform.cloud.call("PATCH", f"/resources/{network['id']}", json=change)
    story.press("Check drift")
    story.becomes("Finished")
    story.page.click(".side a:has-text('Drift')")
    story.sees("internet_access")
    story.page.locator("a:has-text('Reconcile… web')").click()
    story.press("Reconcile")
    story.becomes("Applied")
    (network,) = story.cloud_of("web", type="network")
    assert network["attributes"]["internet_access"] is True


def resolve_an_interrupted_apply(story: Story) -> None:
    story.landform.cloud.set_faults(create_delay_seconds=2)
    story.open("third")
    before = len(story.cloud_of("third"))
    story.press("Apply")
    story.becomes("Applying")
    wait_until(lambda: len(story.cloud_of("third")) > before, "another resource of the network")
    story.landform.horse_of(story.page.url.rpartition("/")[2]).kill()
    story.becomes("Interrupted")
    story.landform.cloud.set_faults(create_delay_seconds=0)
    story.page.reload()
    orphans = story.page.locator("input[name='take']:checked").count()
    story.press("Adopt selected" if orphans else "Retry")
    story.becomes("Awaiting approval")
    story.press("Approve and apply")
    story.becomes("Applied")
    recorded = story.landform.recorded_ids(story.stacks["third"])
    assert recorded == {item["id"] for item in story.cloud_of("third")}


def change_and_roll_a_state_back(story: Story) -> None:
    story.open("shop", "Settings")
    story.page.fill("[name='/parameters/count']", "1")
    story.press("Preview plan")
    story.becomes("Finished")
    story.press("Apply this change")
    story.becomes("Applied")
    story.open("shop", "State")
    story.press("Compare")
    story.sees("1 removed")
    story.page.go_back()
    story.page.locator("a:has-text('Roll back…')").last.click()
    story.press("Plan rollback")
    story.becomes("Awaiting approval")
    story.press("Approve and apply")
    story.becomes("Applied")
    assert len(story.cloud_of("shop", type="machine")) == 1


def invite_a_colleague_and_make_a_token(story: Story) -> None:
    page = story.page
    page.click(".side a:has-text('Settings')")
    page.locator("#main a:has-text('Users')").first.click()
    story.press("New user")
    page.fill("[name='/name']", "olga")
    page.fill("[name='/password']", "a long passphrase of hers")
    page.locator("[name='/project']").select_option(index=1)
    page.select_option("[name='/role']", "operator")
    story.press("Create user")
    story.sees("Confirm your identity")
    page.fill("[name='confirm_password']", story.password)
    story.press("Confirm")
    # The question is a 403, which browsers note.
    story.complaints = [text for text in story.complaints if "403" not in text]
    story.sees("User created.")
    page.locator("#main a:has-text('API tokens')").first.click()
    story.press("New token")
    page.fill("[name='/name']", "pipeline")
    page.check("[name='/scopes'][value='stack:read']")
    story.press("Create token")
    token = page.inner_text("#secret").strip()
    answer = story.landform.http.get("/api/v1/stacks", headers={"Authorization": f"Bearer {token}"})
    assert len(answer.json()["items"]) == 5


def destroy_everything(story: Story) -> None:
    story.destroy("web", "Destroy web and the 1 that uses it")
    for name in ("assets", "second", "third"):
        story.destroy(name)
    assert story.landform.cloud.list() == []
    story.page.click(".side a:has-text('Stacks')")
    story.sees("No stacks yet")
