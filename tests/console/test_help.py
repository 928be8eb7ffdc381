"""Help in place: the documents as pages, a page for every error code, and the first steps."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from app.console.documents import document_names, read_document, runbook_page
from app.http_errors import error_codes
from tests.console.conftest import Visitor
from tests.console.fleet_examples import Fleet

DOCS = Path(__file__).resolve().parents[2] / "docs"
OTHER = "another fine long phrase"


def test_every_document_is_a_page_and_is_listed(visitor: Visitor) -> None:
    contents = visitor.text("/help")
    for name in document_names():
        assert (DOCS / f"{name}.md").exists()
        assert read_document(name).title in visitor.text(f"/help/{name}").replace("&#39;", "'")
        if "/" not in name:
            assert f'href="/help/{name}"' in contents


def test_documents_need_no_looser_policy_and_lead_only_to_what_is_there(visitor: Visitor) -> None:
    checked = set()
    for name in document_names():
        html = str(read_document(name).html)
        assert not re.search(r"<(script|style|iframe)|\sstyle=|\son\w+=|javascript:", html), name
        for target in re.findall(r'(?:href|src)="(/[^"#]*)', html):
            if target not in checked:
                checked.add(target)
                assert visitor.get(target).status_code == 200, (name, target)
    assert "/help/runbook" in checked
    assert "/help/images/overview.png" in checked


def test_fragments_between_documents_exist() -> None:
    ids = {
        name: re.findall(r' id="([^"]+)"', str(read_document(name).html))
        for name in document_names()
    }
    wanted = {
        (target or name, fragment)
        for name in document_names()
        for target, fragment in re.findall(
            r'href="(?:/help/([^"#]+))?#([^"]+)"', str(read_document(name).html)
        )
    }
    assert len(wanted) > 5
    assert [item for item in sorted(wanted) if item[1] not in ids[item[0]]] == []


@pytest.mark.parametrize(
    "path",
    [
        "/help/none",
        "/help/..%2f..%2fREADME",
        "/help/../README",
        "/help/runbook.md",
        "/help/images/..%2frunbook.md",
        "/help/errors/none",
        "/help/errors/<script>",
    ],
)
def test_nothing_else_is_served(visitor: Visitor, path: str) -> None:
    assert visitor.get(path).status_code == 404


def test_every_error_code_has_a_page_with_what_the_runbook_says(visitor: Visitor) -> None:
    runbook = visitor.text("/help/runbook")
    with_runbook = 0
    for item in error_codes():
        page = visitor.text(f"/help/errors/{item.code}")
        assert f'<code class="break">{item.code}</code>' in page
        assert f'id="{item.code}"' in visitor.text("/help/errors")
        said = runbook_page(item.code)
        if said is None:
            assert "whoever sent it can mend it" in page
        else:
            with_runbook += 1
            assert "Do not" in said
            assert "<h" not in said, "the next page of the runbook is not part of it"
            assert said in page
            assert f'id="{item.code}"' in runbook
    assert with_runbook > 20


def test_errors_lead_to_the_page_of_their_code(visitor: Visitor, fleet: Fleet) -> None:
    assert 'href="/help/errors/not_found"' in visitor.get("/stacks/stk_none").text
    made = fleet.stack("web", status="failed")
    error = {"code": "terraform_failed", "title": "x", "detail": "y", "advice": "z"}
    fleet.change_operation(made.operation_id, status="errored", error=error)
    page = visitor.text(f"/operations/{made.operation_id}")
    assert 'href="/help/errors/terraform_failed"' in page
    codes = visitor.text("/api/docs/errors")
    assert 'href="/help/errors/volume_full"' in codes


def test_a_stranger_is_shown_no_document(stranger: Visitor) -> None:
    for path in ("/help", "/help/runbook", "/help/errors/not_found", "/help/images/overview.png"):
        assert stranger.get(path).status_code == 303


def test_the_first_steps_show_what_is_done_and_go_when_put_away(
    visitor: Visitor, fleet: Fleet
) -> None:
    page = visitor.text("/")
    assert page.count("tour__mark") == 3
    assert "tour__mark--done" not in page
    fleet.stack("web")
    assert visitor.text("/").count("tour__mark--done") == 2
    assert "First steps" not in visitor.get("/", headers={"HX-Request": "true"}).text
    assert visitor.post("/tour", {"tour": "hidden"}).location == "/"
    assert "First steps" not in visitor.text("/")
    assert visitor.post("/tour", {"tour": "shown", "next": "//evil"}).location == "/"
    assert "First steps" in visitor.text("/")
    assert visitor.post("/tour", {"tour": "<x>"}).status_code == 422


def test_the_first_steps_go_by_themselves_when_all_are_done(visitor: Visitor, fleet: Fleet) -> None:
    fleet.stack("web")
    fleet.member("vera", OTHER, "viewer")
    assert "First steps" not in visitor.text("/")


def test_the_first_steps_of_a_viewer_ask_for_nothing_that_is_refused(
    stranger: Visitor, fleet: Fleet
) -> None:
    fleet.member("vera", OTHER, "viewer")
    stranger.sign_in("vera", OTHER)
    page = stranger.text("/")
    assert "See what there is" in page
    for target in re.findall(r'<a href="([^"]+)">', page.partition("tour-title")[2][:3000]):
        assert stranger.get(target).status_code == 200
