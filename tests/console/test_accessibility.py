"""No page holds a barrier that axe knows of: light, dark, in high contrast, and on a phone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page
from sqlalchemy import select

from app.models import DriftFinding
from tests.console.conftest import PreparedHome, Visitor
from tests.console.fleet_examples import DONE, Fleet, attribute, change, deleted, updated
from tests.console.stacks.test_resources import block, state

LOOKS: list[dict[str, Any]] = [
    {"color_scheme": "light", "contrast": "no-preference", "width": 1440},
    {"color_scheme": "dark", "contrast": "no-preference", "width": 1440},
    {"color_scheme": "light", "contrast": "more", "width": 1440},
    {"color_scheme": "dark", "contrast": "more", "width": 375},
]

pytestmark = [
    # The browser opens connections ahead of need, which the server drops at its end.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.thorough,
]


@pytest.fixture
def page(browser: Browser, root: str, prepared_home: PreparedHome) -> Iterator[Page]:
    context = browser.new_context(base_url=root)
    cookies = [{"name": n, "value": v, "url": root} for n, v in prepared_home.cookies.items()]
    context.add_cookies(cookies)  # type: ignore[arg-type]
    yield context.new_page()
    context.close()


@pytest.fixture
def paths(fleet: Fleet) -> list[str]:
    """The pages of a fleet in which something of everything is there."""
    web = fleet.stack("web")
    one = block("a_b", "one")
    fleet.state(web, state(one, block("a_b", "two", needs=("a_b.one",))))
    fleet.stack("machines", "machine-group", parameters={"network": "web"})
    fleet.steps(web.operation_id, *DONE)
    changes = [updated("a_b.one", "size", 1, 2), deleted("a_b.two")]
    fleet.drift(web, "drifted", changes)
    fleet.drift(fleet.stack("lost"), "unknown", [], "The cloud did not answer.")
    fleet.stack("shop", "bucket", status="failed", status_reason="Quota reached.")
    waiting = fleet.operation(web.stack_id, status="planned")
    size = attribute("size", 1, {"a": [1, 2]}, forces=True)
    plan = [change("delete", "a_b.one", size), change("replace", "a_b.two", size)]
    fleet.plan(waiting, plan, destroy=1, replace=1)
    with fleet.ctx.read() as session:
        finding = session.scalars(select(DriftFinding.id)).first()
    stack = f"/stacks/{web.stack_id}"
    return [
        "/",
        "/inbox",
        "/orphans",
        "/search?q=web",
        "/stacks",
        "/operations",
        f"/operations/{waiting}",
        stack,
        f"{stack}/drift",
        f"{stack}/drift/reconcile",
        f"{stack}/resources",
        f"{stack}/operations",
        f"{stack}/timeline",
        "/console/design",
        "/workers",
        "/help",
        "/help/runbook",
        "/help/configuration",
        "/help/errors/volume_full",
        "/drift",
        "/drift?group=cause",
        "/drift?group=hidden",
        f"/drift/findings/{finding}",
    ]


@pytest.mark.parametrize("look", LOOKS, ids=lambda look: "-".join(map(str, look.values())))
def test_axe_finds_no_barrier(
    page: Page, visitor: Visitor, paths: list[str], look: dict[str, Any]
) -> None:
    page.emulate_media(color_scheme=look["color_scheme"], contrast=look["contrast"])
    page.set_viewport_size({"width": look["width"], "height": 900})
    found = []
    for path in paths:
        page.goto(path)
        assert "/sign-in" not in page.url
        for item in Axe().run(page).response["violations"]:
            nodes = [node["html"][:200] for node in item["nodes"][:3]]
            found.append((path, item["id"], item["help"], nodes))
    assert found == []
