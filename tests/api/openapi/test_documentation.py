"""The documentation is tested: paths, codes and pages cannot drift from the code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from app.web.http_errors import error_codes
from tests.api.rest import Rest

DOCS = Path(__file__).parents[3] / "docs"
API = (DOCS / "api.md").read_text(encoding="utf-8")
ERRORS = (DOCS / "errors.md").read_text(encoding="utf-8")
MACHINE = ("/api", "/healthz", "/readyz", "/metrics")


def _routes(reader: Rest) -> set[str]:
    """Return ``METHOD path`` of every route for machines, typed collections as ``{plural}``."""
    plurals = "|".join(kind["plural"] for kind in reader.get("/kinds").json["items"])
    found = set()
    for rule in reader.app.url_map.iter_rules():
        if rule.rule.startswith(MACHINE):
            path = re.sub(r"<(?:[^:>]+:)?([^>]+)>", r"{\1}", rule.rule)
            path = re.sub(rf"/({plurals})(?=/|$)", "/{plural}", path)
            found |= {f"{verb} {path}" for verb in (rule.methods or set()) - {"HEAD", "OPTIONS"}}
    return found


def test_the_documentation_names_exactly_the_paths_that_there_are(reader: Rest) -> None:
    rows = re.findall(r"^\| `([A-Z ]+) (/\S+)` \|", API, flags=re.M)
    documented = {f"{verb} {path}" for verbs, path in rows for verb in verbs.split()}
    assert documented == _routes(reader)


def test_the_documentation_names_exactly_the_codes_that_there_are() -> None:
    rows = re.findall(r"^\| <a id=\"(\w+)\"></a>`(\w+)` \| (\d{3}|any) \|", ERRORS, flags=re.M)
    assert all(anchor == code for anchor, code, _ in rows)
    documented = {code: status for _, code, status in rows}
    assert documented == {item.code: str(item.status or "any") for item in error_codes()}


@pytest.mark.parametrize("path", ["/api/docs", "/api/docs/errors"])
def test_a_page_about_the_api_loads_nothing_from_elsewhere(reader: Rest, path: str) -> None:
    client = reader.app.test_client()
    page = client.get(path)
    assert page.status_code == 200
    assert page.content_type == "text/html; charset=utf-8"
    assert not re.search(r"<script>|<style|\sstyle=|\son\w+=|(?:href|src)=\"https?://", page.text)
    for address in re.findall(r'(?:href|src)="([^"#]+)', page.text):
        with client.get(address) as answer:
            assert answer.status_code in (200, 303), address


def test_every_error_type_leads_to_its_place_on_the_page(reader: Rest) -> None:
    page = reader.app.test_client().get("/api/docs/errors").text
    for item in error_codes():
        assert f'id="{item.code}"' in page


def test_the_page_shows_every_operation_and_every_schema(reader: Rest) -> None:
    client = reader.app.test_client()
    page, document = client.get("/api/docs").text, client.get("/api/v1/openapi.json").json
    for path, item in document["paths"].items():
        assert f"<code>{path}</code>" in page
        for method, operation in item.items():
            if method != "parameters":
                assert f'id="{operation["operationId"]}"' in page
    for name in document["components"]["schemas"]:
        assert f'id="schema-{name}"' in page
    anchors = set(re.findall(r'id="([^"]+)"', page))
    assert set(re.findall(r'href="#([^"]+)"', page)) <= anchors
