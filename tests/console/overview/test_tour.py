"""The first steps: shown until they are done or hidden."""

from __future__ import annotations

import re

from tests.console.conftest import OTHER, Visitor
from tests.console.fleet_examples import Fleet


def test_the_first_steps_show_what_is_done_and_go_when_put_away(
    visitor: Visitor, fleet: Fleet
) -> None:
    page = visitor.text("/")
    assert page.count("tour__mark") == 3
    assert "tour__mark--done" not in page
    fleet.stack("web")
    assert visitor.text("/").count("tour__mark--done") == 2
    assert "Getting started" not in visitor.get("/", headers={"HX-Request": "true"}).text
    assert visitor.post("/tour", {"tour": "hidden"}).location == "/"
    assert "Getting started" not in visitor.text("/")
    assert visitor.post("/tour", {"tour": "shown", "next": "//evil"}).location == "/"
    assert "Getting started" in visitor.text("/")
    assert visitor.post("/tour", {"tour": "<x>"}).status_code == 422


def test_the_first_steps_go_by_themselves_when_all_are_done(visitor: Visitor, fleet: Fleet) -> None:
    fleet.stack("web")
    fleet.member("vera", OTHER, "viewer")
    assert "Getting started" not in visitor.text("/")


def test_the_first_steps_of_a_viewer_ask_for_nothing_that_is_refused(
    outsider: Visitor, fleet: Fleet
) -> None:
    fleet.member("vera", OTHER, "viewer")
    outsider.sign_in("vera", OTHER)
    page = outsider.text("/")
    assert "Browse stacks" in page
    for target in re.findall(r'<a href="([^"]+)">', page.partition("tour-title")[2][:3000]):
        assert outsider.get(target).status_code == 200
