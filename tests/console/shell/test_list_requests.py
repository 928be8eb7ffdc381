"""Lists: search, order, and the same as CSV that no spreadsheet runs as formulas."""

from __future__ import annotations

import csv
import io
import re

import pytest

from tests.console.conftest import Visitor
from tests.console.fleet_examples import Fleet, deleted, updated


def rows(visitor: Visitor, path: str) -> list[dict[str, str]]:
    response = visitor.get(path)
    assert response.status_code == 200
    assert response.mimetype == "text/csv"
    assert response.headers["Content-Disposition"].startswith("attachment; filename=")
    return list(csv.DictReader(io.StringIO(response.text)))


def test_the_filtered_list_of_stacks_is_exported(visitor: Visitor, fleet: Fleet) -> None:
    web = fleet.stack("web")
    fleet.stack("assets", "bucket", status="failed", status_reason='a "quota", reached')
    assert [row["name"] for row in rows(visitor, "/stacks.csv")] == ["assets", "web"]
    (row,) = rows(visitor, "/stacks.csv?kind=network")
    assert (row["id"], row["status"], row["project"]) == (web.stack_id, "ready", "default")
    (row,) = rows(visitor, "/stacks.csv?q=asse")
    assert row["status_reason"] == 'a "quota", reached'
    assert rows(visitor, "/stacks.csv?project=elsewhere") == []
    assert visitor.get("/stacks.csv?status=odd").status_code == 422


def test_operations_are_found_by_stack_by_person_and_by_id(visitor: Visitor, fleet: Fleet) -> None:
    web, shop = fleet.stack("web"), fleet.stack("shop")
    fleet.change_operation(shop.operation_id, requested_by="ann")
    for text, wanted in (("we", web), ("ann", shop), (shop.operation_id, shop)):
        (row,) = rows(visitor, f"/operations.csv?q={text}")
        assert row["id"] == wanted.operation_id
        page = visitor.text(f"/operations?q={text}")
        assert f'href="/operations/{wanted.operation_id}"' in page
        assert f"Remove the filter Search {text}" in page
    assert rows(visitor, "/operations.csv?q=%25") == []


@pytest.mark.parametrize("path", ["/stacks", "/operations"])
def test_a_list_goes_both_ways_and_keeps_it_in_the_address(
    visitor: Visitor, fleet: Fleet, path: str
) -> None:
    for name in ("first", "second"):
        fleet.stack(name)
    newest, oldest = visitor.text(path), visitor.text(f"{path}?order=oldest")
    assert newest.index(">second<") < newest.index(">first<")
    assert oldest.index(">first<") < oldest.index(">second<")
    assert f'href="{path}.csv?order=oldest"' in oldest
    assert visitor.get(f"{path}?order=odd").status_code == 422


def test_the_stacks_of_a_list_are_checked_together(visitor: Visitor, fleet: Fleet) -> None:
    for name, kind in (("web", "network"), ("assets", "bucket"), ("logs", "bucket")):
        fleet.stack(name, kind)
    page = visitor.text("/stacks?kind=bucket")
    assert "Check filtered stacks" in page
    form = {"kind": "bucket", "project": "", "cloud": "", "verdict": ""}
    answer = visitor.post("/drift/checks", form, follow_redirects=True)
    assert "2 drift checks scheduled." in " ".join(re.sub(r"<[^>]+>", "", answer.text).split())


@pytest.mark.parametrize("filters", ["q=web", "status=ready", "region=eu-west"])
def test_a_list_that_the_check_of_many_cannot_choose_offers_none(
    visitor: Visitor, fleet: Fleet, filters: str
) -> None:
    fleet.stack("web")
    assert 'action="/drift/checks"' not in visitor.text(f"/stacks?{filters}")


def test_findings_of_drift_are_exported_without_what_rules_hide(
    visitor: Visitor, fleet: Fleet
) -> None:
    web, shop = fleet.stack("web"), fleet.stack("shop", "bucket")
    fleet.drift(web, "drifted", [updated("a_b.one", "size", 1, 2), deleted("a_b.two")])
    fleet.drift(shop, "drifted", [updated("a_b.three", "=cmd", 1, 2)])
    found = rows(visitor, "/drift.csv")
    assert {row["address"] for row in found} == {"a_b.one", "a_b.two", "a_b.three"}
    (row,) = rows(visitor, "/drift.csv?kind=bucket")
    assert (row["stack_name"], row["severity"]) == ("shop", "medium")
    assert row["attributes"] == "'=cmd"
    assert rows(visitor, "/drift.csv?group=hidden") == []
    assert 'href="/drift.csv?kind=bucket"' in visitor.text("/drift?kind=bucket")
    assert visitor.get("/drift.csv?verdict=odd").status_code == 422


def test_one_stack_of_the_list_is_checked_by_who_may(visitor: Visitor, fleet: Fleet) -> None:
    made = fleet.stack("web")
    assert f'action="/stacks/{made.stack_id}/operations"' in visitor.text("/stacks")
    fleet.member("viewer", "a password of theirs", "viewer")
    viewer = Visitor(visitor.client.application.test_client())
    viewer.sign_in("viewer", "a password of theirs")
    assert "drift of" not in viewer.text("/stacks")
