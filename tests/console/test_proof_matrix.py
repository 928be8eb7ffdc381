"""Every page, for every role, at three widths, light and dark: empty, and full of hostile text.

The pages are found as a person finds them, by links, so a page that nothing leads to fails too.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from urllib.parse import quote

import pytest
from axe_playwright_python.sync_playwright import Axe
from flask import Flask
from playwright.sync_api import Browser, ConsoleMessage, Page
from werkzeug.exceptions import HTTPException
from werkzeug.routing import MapAdapter

from app.services.stacks.locks import lock_stack
from app.services.work import perform
from tests.console import hostile_fleet
from tests.console.conftest import Visitor
from tests.console.fleet_examples import Fleet
from tests.console.hostile_fleet import ADMINISTRATOR, HOSTILE, PASSWORD, ROLES

WIDTHS = (1440, 768, 375)
SCHEMES = ("light", "dark")
# Not pages: what is sent as a file, a picture or a stream.
NO_PAGES = {
    "console.stream_operation",
    "console.download_log",
    "console.download_state",
    "console.export_stacks",
    "console.export_operations",
    "console.export_trail",
    "console.export_findings",
    "console.show_picture",
    "console.go_to_next",
}
LINKED_LATER = {
    "console.confirm_force_cancel",  # when the grace period of a cancel is over
    "console.show_selected",  # the boxes of the list lead there
    "console.show_together",
    "console.show_search",  # the search of every page leads there
    "console.show_new_token",  # the form that makes one goes there
    "console.show_confirmation",  # acts that want the password once more lead there
    "console.confirm_at_provider",
    "console.confirm_gone",  # when a host is silent that holds operations
}
STARTS = ("/", "/console/design")
"""Where everybody starts, and what only the documentation leads to."""

FOLLOWED, LOOKED_AT, TOO_MANY = 10, 2, 1000
OFTEN = {"console.show_operation": FOLLOWED, "console.show_stack": 4}
"""Pages that look otherwise in each status."""
AXE_FOR = ("viewer", ADMINISTRATOR)
"""Who sees least and most; what the others see is a part of the latter. Axe takes its time."""

pytestmark = [
    # The browser opens connections ahead of need, which the server drops at its end.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.thorough,
    pytest.mark.timeout(900),
]


@pytest.fixture
def filled(fleet: Fleet) -> None:
    """A fleet in which everything says something hostile."""
    hostile_fleet.fill(fleet)


@dataclass
class Person:
    """Somebody with a role, at a browser that notes what goes wrong."""

    role: str
    visitor: Visitor
    page: Page
    complaints: list[tuple[str, object]] = field(default_factory=list)

    def note(self, message: ConsoleMessage) -> None:
        # What the browser says of an answer that is an error is what these pages are for.
        is_answer = message.text.startswith("Failed to load resource")
        if message.type in ("error", "warning") and not is_answer:
            self.complaints.append((self.page.url, message.text))

    def open(self, path: str, *, has_axe: bool = True) -> None:
        self.page.goto(path)
        self.look(path, has_axe=has_axe)

    def look(self, path: str, *, has_axe: bool = True) -> None:
        """Look at the present page at every width, and have axe look at it once."""
        if self.page.evaluate("window.hacked"):
            self.complaints.append((path, "a script ran that came as data"))
        for width in WIDTHS:
            self.page.set_viewport_size({"width": width, "height": 900})
            if self.page.evaluate("document.documentElement.scrollWidth > innerWidth"):
                self.complaints.append((path, f"wider than {width} px"))
        if not has_axe:
            return
        for item in Axe().run(self.page).response["violations"]:
            self.complaints.append((path, f"{item['id']}: {item['nodes'][0]['html'][:200]}"))


@pytest.fixture
def person(
    request: pytest.FixtureRequest, fleet: Fleet, root: str, outsider: Visitor, browser: Browser
) -> Iterator[Person]:
    """Somebody of one of ``ROLES``, signed in."""
    hostile_fleet.people(fleet)
    role = getattr(request, "param", ADMINISTRATOR)
    assert outsider.sign_in(f"an-{role}", PASSWORD).status_code == 303
    context = browser.new_context(base_url=root)
    for name in ("landform_session", "landform_csrf"):
        cookie = outsider.client.get_cookie(name)
        assert cookie is not None
        context.add_cookies([{"name": name, "value": cookie.value, "url": root}])
    page = context.new_page()
    page.add_init_script(
        "addEventListener('securitypolicyviolation', e => console.error(e.violatedDirective))"
    )
    found = Person(role, outsider, page)
    page.on("console", found.note)
    page.on("pageerror", lambda error: found.complaints.append((page.url, str(error))))
    page.on("dialog", lambda dialog: found.complaints.append((page.url, dialog.message)))
    yield found
    context.close()


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("person", ROLES, indirect=True)
def test_hostile_text_breaks_no_page(
    console_app: Flask, filled: None, person: Person, scheme: str
) -> None:
    look_at_every_page(console_app, person, scheme)


def all_of(complaints: list[tuple[str, object]]) -> str:
    """Return one complaint a line, as a person wants to read them."""
    return "\n".join(f"{path}: {what}" for path, what in complaints)


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("person", ["viewer", ADMINISTRATOR], indirect=True)
def test_a_landform_without_stacks_looks_right(
    console_app: Flask, person: Person, scheme: str
) -> None:
    look_at_every_page(console_app, person, scheme)


def look_at_every_page(app: Flask, person: Person, scheme: str) -> None:
    person.page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    for endpoint, paths in pages_for(app, person.visitor).items():
        for path in paths[: OFTEN.get(endpoint, LOOKED_AT)]:
            person.open(path, has_axe=person.role in AXE_FOR)
    assert not person.complaints, all_of(person.complaints)


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("person", ["viewer"], indirect=True)
def test_what_is_refused_is_a_page_too(fleet: Fleet, person: Person, scheme: str) -> None:
    person.page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    stack = fleet.stack("web")
    hostile = quote(HOSTILE, safe="")
    refused = {
        f"/{hostile}": 404,
        f"/stacks/{hostile}": 404,
        f"/operations/op_{hostile}": 404,
        "/settings/users": 403,
        f"/stacks/{stack.stack_id}/destroy": 403,
        f"/stacks?status={hostile}": 422,
        f"/stacks?cursor={hostile}": 422,
        f"/stacks/{stack.stack_id}/state/diff?from={hostile}": 404,
    }
    answers = {path: person.visitor.get(path).status_code for path in refused}
    assert answers == refused
    for path in refused:
        person.open(path)
    assert not person.complaints, all_of(person.complaints)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_what_came_too_late_and_what_broke_are_pages_too(
    fleet: Fleet, person: Person, scheme: str
) -> None:
    page = person.page
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    stack = fleet.stack("web")
    page.goto(f"/stacks/{stack.stack_id}/lock")
    with perform(fleet.ctx, replace(fleet.principal, id="usr_other")) as work:
        lock_stack(work, stack.stack_id, HOSTILE)
    page.fill("[name='reason']", HOSTILE.rstrip(" \u202e\u2066"))  # those are refused as text
    with page.expect_navigation() as came:
        page.click("#main button:has-text('Lock')")
    assert came.value.status == 409
    person.look("a lock that came too late")
    fleet.change_operation(stack.operation_id, status="of no release")
    broken = page.goto(f"/operations/{stack.operation_id}")
    assert broken is not None
    assert broken.status == 500
    person.look("a page that broke")
    assert not person.complaints, all_of(person.complaints)


def test_links_lead_to_every_page(
    console_app: Flask, filled: None, visitor: Visitor, person: Person
) -> None:
    every = {
        rule.endpoint
        for rule in console_app.url_map.iter_rules()
        if rule.endpoint.startswith("console.") and "GET" in (rule.methods or set())
    }
    found = pages_for(console_app, visitor).keys() | pages_for(console_app, person.visitor).keys()
    assert every - found - NO_PAGES - LINKED_LATER == set()


def pages_for(app: Flask, visitor: Visitor) -> dict[str, list[str]]:
    """Follow links from ``STARTS``; return some addresses of each page by its endpoint."""
    adapter = app.url_map.bind("localhost")
    found: dict[str, list[str]] = {}
    ahead, seen = [*STARTS], {*STARTS}
    while ahead:
        path = ahead.pop(0)
        endpoint = _endpoint(adapter, path)
        if endpoint in NO_PAGES or len(found.get(endpoint, [])) >= FOLLOWED:
            continue
        answer = visitor.get(path)
        assert answer.status_code == 200, (path, answer.status_code)
        found.setdefault(endpoint, []).append(path)
        for link in map(html.unescape, re.findall(r'href="(/[^"#]*)', answer.text)):
            is_page = _endpoint(adapter, link).startswith("console.")
            if link not in seen and len(seen) < TOO_MANY and is_page:
                seen.add(link)
                ahead.append(link)
    return found


def _endpoint(adapter: MapAdapter, link: str) -> str:
    """Return what answers a link; nothing when it is no page of this application."""
    try:
        return str(adapter.match(link.partition("?")[0])[0])
    except HTTPException:
        return ""
