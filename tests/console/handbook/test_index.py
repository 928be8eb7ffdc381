"""The documents as pages."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from app.console.handbook.documents import document_names, read_document
from tests.console.conftest import Visitor

DOCS = Path(__file__).resolve().parents[3] / "docs"


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


def test_a_outsider_is_shown_no_document(outsider: Visitor) -> None:
    for path in ("/help", "/help/runbook", "/help/errors/not_found", "/help/images/overview.png"):
        assert outsider.get(path).status_code == 303
