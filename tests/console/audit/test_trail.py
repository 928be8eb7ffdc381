"""The audit trail in the console: read, filtered, exported, verified, by who may."""

from __future__ import annotations

from flask import Flask

from app.models import AuditEvent, Stack
from app.services.context import Context
from app.services.stacks.change import StackChange, change_stack
from app.services.stacks.upgrade import request_upgrade
from app.services.work import perform
from tests.console.conftest import Visitor, words
from tests.console.fleet_examples import Fleet
from tests.console.test_pages import ATTACK

OTHER = "another fine long phrase"


def test_the_trail_is_filtered_and_its_filters_are_chips(visitor: Visitor, fleet: Fleet) -> None:
    fleet.stack("web")
    page = visitor.text("/audit")
    assert "stack.create" in page
    assert "session.start" in page
    page = visitor.text("/audit?action=stack.create&days=1")
    assert "session.start" not in page
    assert "Remove the filter Action stack.create" in page
    assert "No matching events" in visitor.text(f"/audit?actor={ATTACK}")
    assert ATTACK not in visitor.text(f"/audit?actor={ATTACK}")
    assert visitor.get("/audit?days=3").status_code == 422
    assert visitor.get("/audit?cursor=x").status_code == 422


def test_the_trail_is_exported_and_that_is_audited(visitor: Visitor) -> None:
    lines = visitor.get("/audit/export.ndjson?action=session.start")
    assert lines.headers["Content-Type"].startswith("application/x-ndjson")
    assert lines.text.count("\n") == 1
    table = visitor.get("/audit/export.csv")
    assert "attachment" in table.headers["Content-Disposition"]
    assert table.text.startswith("sequence,")
    assert "audit.export" in visitor.text("/audit")
    assert visitor.get("/audit/export.pdf").status_code == 404


def test_the_chain_is_verified_and_a_change_is_found(
    visitor: Visitor, fleet: Fleet, ctx: Context
) -> None:
    fleet.stack("web")
    assert "Verify chain" in visitor.text("/audit")
    assert "Chain not verified yet" in visitor.text("/audit")
    whole = visitor.post("/audit/verify")
    assert "The chain is intact" in whole.text
    assert "Something is wrong" not in whole.text
    assert "Chain verified" in visitor.text("/audit")
    with ctx.write() as session:
        row = session.query(AuditEvent).filter_by(action="stack.create").one()
        row.detail = {"name": ATTACK}
    broken = visitor.post("/audit/verify")
    assert "The audit trail failed verification" in broken.text
    assert "Chain broken" in visitor.text("/audit")
    assert ATTACK not in broken.text


def test_only_who_may_reads_and_verifies(console_app: Flask, fleet: Fleet) -> None:
    fleet.stack("web")
    for name, role, status in (("vera", "viewer", 403), ("paula", "admin", 200)):
        fleet.member(name, OTHER, role)
        person = Visitor(console_app.test_client())
        person.sign_in(name, OTHER)
        assert person.get("/audit").status_code == status
        assert ('href="/audit"' in person.text("/")) == (status == 200)
        assert person.get("/audit/export.csv").status_code == status
        assert person.post("/audit/verify").status_code == 403
    page = person.text("/audit")
    assert "stack.create" in page
    assert "session.start" not in page
    assert "Verify chain" not in page
    assert "Chain" not in page.partition("<main")[2]


def test_the_trail_says_who_changed_a_stack_from_what_to_what(
    visitor: Visitor, fleet: Fleet
) -> None:
    made, other = fleet.stack("web"), fleet.stack("other")
    for row, zones in ((made, 3), (other, 1)):
        change = StackChange(parameters={"zones": zones}, labels={"team": "shop"})
        with perform(fleet.ctx, fleet.principal) as work:
            change_stack(work, row.stack_id, change)
    assert f'href="/audit?stack={made.stack_id}"' in visitor.text(f"/stacks/{made.stack_id}")
    page = words(visitor.text("/audit?stack=web&action=stack.change"))
    assert "Zones 2 → 3" in page
    assert 'Labels {} → {"team": "shop"}' in page
    assert "2 → 1" not in page
    assert "web stack" in page
    assert "No matching events" in visitor.text("/audit?stack=nothing")


def test_a_changed_secret_is_told_and_not_shown(visitor: Visitor, fleet: Fleet) -> None:
    fleet.stack("net")
    parameters = {"network": "net", "user_data": "hunter2-before"}
    made = fleet.stack("web", "machine-group", parameters=parameters)
    with perform(fleet.ctx, fleet.principal) as work:
        change_stack(work, made.stack_id, StackChange(parameters={"user_data": "hunter2-after"}))
    page = words(visitor.text(f"/audit?stack={made.stack_id}"))
    assert "User data ******** → ********" in page
    assert "hunter2" not in page


def test_a_changed_parameter_is_no_upgrade(visitor: Visitor, fleet: Fleet) -> None:
    made = fleet.stack("web")
    with perform(fleet.ctx, fleet.principal) as work:
        version = work.session.get_one(Stack, made.stack_id).blueprint_version
        request_upgrade(work, made.stack_id, "apply", version, {"zones": 3})
    page = words(visitor.text("/audit?stack=web"))
    assert "stack.change" in page
    assert "Zones 2 → 3" in page
    assert "stack.upgrade" not in page
