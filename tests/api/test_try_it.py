"""The page about the API sends operations for whoever signs in there, in a real browser."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page
from werkzeug.serving import make_server

from app.models import Stack
from tests.api.conftest import PASSWORD
from tests.api.rest import Rest

pytestmark = [
    # The browser opens connections ahead of need, which the server drops at its end.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture
def page(rest: Rest, browser: Browser) -> Iterator[Page]:
    """The page of the API in a browser, which must complain of nothing."""
    server = make_server("127.0.0.1", 0, rest.app, threaded=True)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    complaints: list[str] = []
    opened = browser.new_page()
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.on(
        "console",
        lambda message: (
            complaints.append(message.text) if "Content Security" in message.text else None
        ),
    )
    opened.goto(f"http://127.0.0.1:{server.server_port}/api/docs")
    yield opened
    opened.close()
    server.shutdown()
    thread.join()
    server.server_close()
    assert complaints == []


def sign_in(page: Page, password: str) -> Locator:
    page.fill("#username", "admin")
    page.fill("#password", password)
    page.click("#sign-in button")
    told = page.locator("#sign-in output")
    told.wait_for()
    return told


def send(page: Page, operation: str, **fields: str) -> str:
    """Open the form of an operation, fill it in, send it and return what is shown."""
    section = page.locator(f"section#{operation}")
    section.locator("details:not([open]) > summary").click()
    for name, value in fields.items():
        section.locator(f'[name="{name}"]').fill(value)
    section.locator("button").click()
    output = section.locator("output")
    output.filter(has_text="x-request-id").wait_for()
    return output.inner_text()


def test_a_person_signs_in_and_makes_a_network(page: Page, rest: Rest) -> None:
    assert "401" in send(page, "getMe")
    assert sign_in(page, PASSWORD).inner_text() == "A token is kept until you leave this page."
    assert page.input_value("#password") == ""
    told = send(page, "createNetwork")
    assert told.startswith("202 ")
    assert '"status": "creating"' in told
    assert rest.count(Stack) == 1
    listed = send(page, "listNetworks", limit="1")
    assert listed.startswith("200 ")
    assert '"name": "web"' in listed


def test_a_refusal_is_shown_as_it_is_and_never_as_markup(page: Page) -> None:
    sign_in(page, PASSWORD)
    told = send(page, "getStack", stack_id="<img src=x onerror=alert(1)>/../x")
    assert told.startswith("404 ")
    assert "<img" in told
    assert page.locator("section#getStack output img").count() == 0


def test_a_wrong_password_is_told_with_its_advice(page: Page) -> None:
    told = sign_in(page, "wrong").inner_text()
    assert "password" in told.lower()
    assert told.endswith("Check both and try again.")


def test_a_pasted_token_is_used_and_forgotten_by_the_form(page: Page, rest: Rest) -> None:
    page.fill("#token", rest.access_token())
    page.click("#sign-in button")
    page.locator("#sign-in output").wait_for()
    assert page.input_value("#token") == ""
    assert send(page, "getMe").startswith("200 ")
