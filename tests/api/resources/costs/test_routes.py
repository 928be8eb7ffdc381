"""Price sheets over the API, and what stacks cost without one."""

from __future__ import annotations

from app.api.resources.costs.routes import EXAMPLE
from tests.api.rest import Rest, problem


def test_a_sheet_is_imported_and_the_newest_counts(rest: Rest) -> None:
    first = rest.post("/price-sheets", {"csv": EXAMPLE})
    assert first.status_code == 201, first.text
    assert (first.json["prices"], first.json["currency"]) == (1, "USD")
    second = rest.post("/price-sheets", {"csv": EXAMPLE.replace("2.50", "3.00")})
    listed = rest.get("/price-sheets").json["items"]
    assert [item["id"] for item in listed] == [second.json["id"], first.json["id"]]
    whole = rest.get(f"/price-sheets/{first.json['id']}").json
    assert whole["csv"] == EXAMPLE
    assert whole["oldest"] == "2026-11-30"
    problem(rest.get("/price-sheets/none"), 404, "not_found")
    actions = [item["action"] for item in rest.get("/audit-events").json["items"]]
    assert actions.count("price_sheet.import") == 2


def test_a_sheet_with_a_mistake_is_refused_as_a_whole(rest: Rest) -> None:
    wrong = EXAMPLE.replace("month", "fortnight")
    body = problem(rest.post("/price-sheets", {"csv": wrong}), 422, "validation_failed")
    assert body["errors"][0]["pointer"] == "/csv"
    assert body["errors"][0]["message"].startswith("Line 2: unit")
    assert rest.get("/price-sheets").json["items"] == []


def test_what_was_not_priced_has_no_cost(rest: Rest) -> None:
    stack = rest.made("networks", "web")
    assert rest.get(f"/stacks/{stack['id']}/cost").json["cost"] is None
    [item] = rest.get("/projects/default/costs").json["stacks"]
    assert (item["stack"]["name"], item["cost"]) == ("web", None)
