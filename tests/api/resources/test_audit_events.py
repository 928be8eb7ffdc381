"""The audit trail over the API: who may read which part, filters, pages, exports, refusals."""

from __future__ import annotations

import csv
import io
import json
from datetime import timedelta
from typing import Any

import pytest

from app.clock import rfc3339, utc_now
from app.domain.audit_chain import ChainCheck, ChainedEvent
from app.domain.refusal_budget import FOR_ONE, IN_ALL, WINDOW_SECONDS, RefusalBudget, RefusalKind
from app.services import audit
from app.services.access import Principal
from app.services.refusals import record_refusal
from tests.api.rest import Rest, pointers, problem

NDJSON = "application/x-ndjson"


def items(rest: Rest, **query: Any) -> list[dict[str, Any]]:
    answer = rest.get("/audit-events", limit=200, **query)
    assert answer.status_code == 200, answer.text
    return list(answer.json["items"])


def export(rest: Rest, accept: str, **query: Any) -> str:
    answer = rest.get("/audit-events", headers={"Accept": accept}, **query)
    assert answer.status_code == 200, answer.text
    assert answer.content_type == f"{accept}; charset=utf-8"
    assert answer.headers["Content-Disposition"].startswith("attachment; ")
    return answer.text


def note(rest: Rest, object_id: str, project: str | None = None, **detail: Any) -> None:
    with rest.ctx.write() as session:
        caller = Principal("usr_x", "x", address="192.0.2.1")
        audit.record_as(
            session, caller, "test.act", "test", object_id, project_id=project, **detail
        )


def test_a_change_is_shown_with_its_actor_address_and_request(
    rest: Rest, network: dict[str, Any]
) -> None:
    answer = rest.patch(network["links"]["typed"], {"labels": {"a": "b"}}, If_Match="*")
    found = items(rest, object_id=network["id"], action="stack.change")[0]
    assert found["actor"]["name"] == "admin"
    assert found["actor"]["kind"] == "user"
    assert found["actor"]["address"] == "127.0.0.1"
    assert found["actor"]["id"].startswith("usr_")
    assert found["request_id"] == answer.headers["X-Request-Id"]
    assert found["project_id"] == network["project"]["id"]
    assert found["detail"]["changed"] == ["labels"]


def test_the_newest_comes_first_and_pages_join_without_gap_or_repetition(rest: Rest) -> None:
    for number in range(7):
        note(rest, str(number))
    seen, cursor = [], None
    while True:
        query = {"cursor": cursor} if cursor else {}
        page = rest.get("/audit-events", limit=3, object_type="test", **query).json
        seen += [item["object_id"] for item in page["items"]]
        note(rest, "later", None) if not cursor else None
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == ["6", "5", "4", "3", "2", "1", "0"]


def test_each_filter_keeps_what_it_says(rest: Rest, network: dict[str, Any]) -> None:
    note(rest, "a", network["project"]["id"])
    everything = items(rest)
    for name, value in (
        ("actor", "x"),
        ("actor", "usr_x"),
        ("action", "test.act"),
        ("object_type", "stack"),
        ("object_id", network["id"]),
        ("project", "default"),
        ("project", network["project"]["id"]),
    ):
        found = items(rest, **{name: value})
        expected = [item for item in everything if _matches(item, name, value, network)]
        assert found == expected, (name, value)
        assert 0 < len(found) < len(everything)
    for name in ("actor", "action", "object_type", "object_id", "project"):
        assert items(rest, **{name: "of nothing"}) == []


def _matches(item: dict[str, Any], name: str, value: str, network: dict[str, Any]) -> bool:
    if name == "actor":
        return value in (item["actor"]["id"], item["actor"]["name"])
    if name == "project":
        return bool(item["project_id"] == network["project"]["id"])
    return bool(item[name] == value)


def test_a_time_filter_includes_its_start_and_not_its_end(rest: Rest) -> None:
    note(rest, "a")
    moment = items(rest, object_type="test")[0]["at"]
    assert [item["object_id"] for item in items(rest, object_type="test", since=moment)] == ["a"]
    assert items(rest, object_type="test", until=moment) == []
    later = rfc3339(utc_now() + timedelta(hours=1))
    assert items(rest, since=later) == []
    assert len(items(rest, object_type="test", until=later)) == 1


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("who", "x"),
        ("since", "yesterday"),
        ("since", "2026-11-23T08:00:00"),
        ("until", "0001-01-01T00:00:00Z"),
        ("actor", ""),
        ("actor", "x" * 65),
        ("action", "a\x00b"),
        ("cursor", "bm90IGEgY3Vyc29y"),
        ("limit", "0"),
    ],
)
def test_a_filter_that_is_none_is_refused(rest: Rest, name: str, value: str) -> None:
    body = problem(rest.get("/audit-events", **{name: value}), 422, "validation_failed")
    assert pointers(body) == [f"?{name}"]


@pytest.mark.parametrize(
    "value", ["' OR 1=1 --", "%", "_", "stack.create' UNION SELECT 1", "\u202e"]
)
def test_a_filter_is_text_and_nothing_else(rest: Rest, value: str) -> None:
    for name in ("actor", "action", "object_type", "object_id", "project"):
        assert items(rest, **{name: value}) == []


def test_members_see_the_trail_of_projects_that_they_administer_only(
    rest: Rest, network: dict[str, Any]
) -> None:
    rest.make_project("other")
    note(rest, "of nobody")
    own, foreign = rest.as_member("admin"), rest.as_member("admin", "other")
    seen = items(own)
    assert {item["project_id"] for item in seen} == {network["project"]["id"]}
    assert network["id"] in {item["object_id"] for item in seen}
    assert items(foreign) == []
    assert items(foreign, project="default") == []
    assert items(foreign, object_id=network["id"]) == []
    exported = export(own, NDJSON).splitlines()
    assert {json.loads(line)["project_id"] for line in exported} == {network["project"]["id"]}
    assert export(foreign, NDJSON) == ""


@pytest.mark.parametrize("role", ["viewer", "operator", None])
@pytest.mark.parametrize("accept", ["application/json", NDJSON, "text/csv"])
def test_who_administers_no_project_reads_no_trail(
    rest: Rest, role: str | None, accept: str
) -> None:
    answer = rest.as_member(role).get("/audit-events", headers={"Accept": accept})
    problem(answer, 403, "permission_denied")


def test_an_export_holds_the_whole_chain_in_its_order_and_is_audited(
    rest: Rest, network: dict[str, Any]
) -> None:
    for number in range(5):
        note(rest, str(number), text="é\u2028")
    lines = export(rest, NDJSON).splitlines()
    check = ChainCheck()
    assert list(check.walk(ChainedEvent.from_dict(json.loads(line)) for line in lines)) == []
    assert check.count == len(lines) > 9
    last = json.loads(lines[-1])
    assert (last["action"], last["actor"]["name"]) == ("audit.export", "admin")
    shown = {item["sequence"]: item for item in items(rest)}
    assert [json.loads(line) for line in lines] == [shown[n] for n in range(1, len(lines) + 1)]


def test_an_export_takes_the_filters(rest: Rest) -> None:
    note(rest, "a")
    lines = export(rest, NDJSON, object_type="test").splitlines()
    assert [json.loads(line)["object_id"] for line in lines] == ["a"]
    found = items(rest, action="audit.export")[0]
    assert found["detail"] == {"filters": {"object_type": "test"}}


# Where a program parts cells at tabs or line ends, the formula behind them is disarmed, too.
FORMULAS = {
    "=1+1": "'=1+1",
    "+1": "'+1",
    "-1": "'-1",
    "@SUM(A1)": "'@SUM(A1)",
    "\t=1": "'\t'=1",
    "\r=1": "'\r'=1",
    "\n=1": "'\n'=1",
    "\uff1d1": "'\uff1d1",
    "=cmd|' /C calc'!A0": "'=cmd|' /C calc'!A0",
}


def test_a_spreadsheet_takes_no_text_for_a_formula(rest: Rest) -> None:
    for text in FORMULAS:
        note(rest, text)
    text = export(rest, "text/csv", object_type="test")
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert [row["object_id"] for row in rows] == list(FORMULAS.values())
    for row in csv.reader(io.StringIO(text, newline="")):
        assert not any(cell.startswith(tuple("=+-@\t\r\n\uff1d")) for cell in row)
    assert json.loads(rows[0]["detail"]) == {}


def test_an_answer_that_cannot_be_given_is_406(rest: Rest) -> None:
    answer = rest.get("/audit-events", headers={"Accept": "image/png"})
    problem(answer, 406, "not_acceptable")


def test_what_a_caller_was_refused_is_in_the_trail(rest: Rest, network: dict[str, Any]) -> None:
    viewer = rest.as_member("viewer")
    answer = viewer.delete(network["links"]["typed"], If_Match="*")
    problem(answer, 403, "permission_denied")
    problem(
        viewer.get(f"/stacks/{network['id']}/state-versions/1/download"), 403, "permission_denied"
    )
    download, delete = items(rest, actor=viewer.user, action="request.refused")
    assert delete["project_id"] == network["project"]["id"]
    assert delete["object_id"] == network["links"]["typed"][:64]
    assert delete["request_id"] == answer.headers["X-Request-Id"]
    assert delete["detail"]["method"] == "DELETE"
    assert "stack:write" in delete["detail"]["reason"]
    assert "state:read" in download["detail"]["reason"]


def test_who_may_do_it_leaves_no_refusal(rest: Rest, network: dict[str, Any]) -> None:
    rest.patch(network["links"]["typed"], {"labels": {"a": "b"}}, If_Match="*")
    rest.get("/stacks/stk_none")
    assert items(rest, action="request.refused") == []


def test_a_flood_of_refusals_fills_no_disk_and_is_counted(
    rest: Rest, network: dict[str, Any]
) -> None:
    viewer = rest.as_member("viewer")
    for _ in range(FOR_ONE + 15):
        problem(viewer.delete(network["links"]["typed"], If_Match="*"), 403, "permission_denied")
    assert len(items(rest, action="request.refused")) == FOR_ONE
    rest.ctx.refusals._alone._ends_at = 0.0  # a minute passes
    problem(viewer.delete(network["links"]["typed"], If_Match="*"), 403, "permission_denied")
    assert items(rest, action="request.refused")[0]["detail"]["unrecorded_before"] == 15


def test_many_callers_together_have_a_limit_too() -> None:
    budget = RefusalBudget()
    kind = RefusalKind.RIGHT
    taken = [budget.take(kind, f"192.0.2.{number}", 5.0) for number in range(200)]
    assert [item for item in taken if item is not None] == [0] * IN_ALL
    assert budget.take(kind, "192.0.2.7", 5.0 + WINDOW_SECONDS - 0.1) is None
    assert budget.take(kind, "192.0.2.7", 5.0 + WINDOW_SECONDS) == 200 - IN_ALL + 1
    assert budget.take(kind, "192.0.2.7", 5.0 + WINDOW_SECONDS) == 0


@pytest.fixture
def without_database(rest: Rest) -> Rest:
    path = rest.ctx.settings.home_dir / "landform.db"
    if not path.exists():
        pytest.skip("the database is a server here")
    rest.ctx.db.engine.dispose()
    path.rename(path.with_suffix(".away"))
    path.mkdir()
    return rest


def test_a_refusal_stays_one_while_the_database_is_away(without_database: Rest) -> None:
    record_refusal(
        without_database.ctx, RefusalKind.RIGHT, Principal("usr_1", "x"), "a.b", "c", "d"
    )


def test_somebody_who_tries_the_ids_of_another_project_is_in_its_trail(
    rest: Rest, network: dict[str, Any]
) -> None:
    rest.make_project("other")
    outsider = rest.as_member("admin", "other")
    path, operation = f"/stacks/{network['id']}", rest.get("/operations").json["items"][0]["id"]
    tries = [
        ("GET", path, None),
        ("PATCH", network["links"]["typed"], {"labels": {}}),
        ("POST", f"/operations/{operation}/approve", None),
        ("POST", "/networks", {"name": "x", "cloud_account": "sandbox", "project": "default"}),
    ]
    for method, place, body in tries:
        headers = {"If-Match": "*"} if method == "PATCH" else {}
        answer = outsider.call(method, place, json=body, headers=headers, buffered=True)
        assert answer.status_code == (404 if place != "/networks" else 422)
    found = items(rest, actor=outsider.user, action="request.refused")
    assert [item["project_id"] for item in found] == [network["project"]["id"]] * len(tries)
    assert {item["detail"]["method"] for item in found} == {"GET", "PATCH", "POST"}
    assert items(outsider, actor=outsider.user, action="request.refused") == []


def test_an_id_that_does_not_exist_is_no_attempt(rest: Rest) -> None:
    for path in ("/stacks/stk_none", "/operations/op_none", "/projects/none"):
        problem(rest.as_member("viewer").call("GET", path, buffered=True), 404, "not_found")
    assert items(rest, action="request.refused") == []


def test_bad_sign_ins_do_not_crowd_out_what_else_is_refused(
    rest: Rest, network: dict[str, Any]
) -> None:
    budget = rest.ctx.refusals
    for number in range(500):
        budget.take(RefusalKind.SIGN_IN, f"192.0.2.{number}")
    rest.make_project("other")
    outsider, viewer = rest.as_member("admin", "other"), rest.as_member("viewer")
    outsider.call("GET", f"/stacks/{network['id']}", buffered=True)
    viewer.delete(network["links"]["typed"], If_Match="*")
    found = items(rest, action="request.refused")
    assert {item["actor"]["name"] for item in found} == {outsider.user, viewer.user}
    assert not any("unrecorded_before" in item["detail"] for item in found)
    text = rest.get("/metrics").text
    assert 'landform_refusals_total{kind="sign_in"} 500.0' in text
    assert 'landform_refusals_total{kind="foreign"} 1.0' in text
    assert 'landform_refusals_total{kind="right"} 1.0' in text


def test_one_who_tries_many_ids_is_counted_and_leaves_room_for_others(
    rest: Rest, network: dict[str, Any]
) -> None:
    rest.make_project("other")
    first, second = rest.as_member("admin", "other"), rest.as_member("admin", "other")
    for _ in range(FOR_ONE + 5):
        first.call("GET", f"/stacks/{network['id']}", buffered=True)
    second.call("GET", f"/stacks/{network['id']}", buffered=True)
    assert len(items(rest, actor=first.user, action="request.refused")) == FOR_ONE
    (of_second,) = items(rest, actor=second.user, action="request.refused")
    assert of_second["detail"]["unrecorded_before"] == 5
