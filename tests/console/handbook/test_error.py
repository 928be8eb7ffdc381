"""Every error code has a page, and errors lead to it."""

from __future__ import annotations

from app.console.handbook.documents import runbook_page
from app.web.http_errors import error_codes
from tests.console.conftest import Visitor
from tests.console.fleet_examples import Fleet


def test_every_error_code_has_a_page_with_what_the_runbook_says(visitor: Visitor) -> None:
    runbook = visitor.text("/help/runbook")
    with_runbook = 0
    for item in error_codes():
        page = visitor.text(f"/help/errors/{item.code}")
        assert f'<code class="break">{item.code}</code>' in page
        assert f'id="{item.code}"' in visitor.text("/help/errors")
        said = runbook_page(item.code)
        if said is None:
            assert "The caller can fix it" in page
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
