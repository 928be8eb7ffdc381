"""Who may do what: roles in a project, and projects that a caller cannot see."""

from __future__ import annotations

from typing import Any

import pytest

from app.models import Operation
from tests.api.rest import Rest, problem

READS = ["", "/operations", "/outputs", "/drift-reports", "/state-versions"]


@pytest.mark.parametrize("path", READS)
def test_a_viewer_reads(rest: Rest, network: dict[str, Any], path: str) -> None:
    assert rest.as_member("viewer").get(f"/stacks/{network['id']}{path}").status_code == 200


def test_a_viewer_changes_nothing(rest: Rest, network: dict[str, Any]) -> None:
    viewer, typed = rest.as_member("viewer"), network["links"]["typed"]
    operation = rest.get("/operations").json["items"][0]["links"]["self"]
    before = rest.count(Operation)
    new = {"name": "other", "cloud_account": "sandbox"}
    attempts = [
        viewer.post("/networks", new),
        viewer.patch(typed, {"labels": {"a": "b"}}, If_Match="*"),
        viewer.delete(typed, If_Match="*"),
        viewer.post(f"/stacks/{network['id']}/operations", {"type": "plan"}),
        viewer.post(f"{operation}/approve"),
        viewer.post(f"{operation}/discard"),
        viewer.post(f"{operation}/cancel"),
        viewer.get(f"/stacks/{network['id']}/state-versions/1/download"),
    ]
    for answer in attempts:
        problem(answer, 403, "permission_denied")
    assert rest.count(Operation) == before


def test_an_operator_changes_but_reads_no_state(rest: Rest, network: dict[str, Any]) -> None:
    operator = rest.as_member("operator")
    assert operator.create("buckets", "files")["stack"]["created_by"] == operator.user
    answer = operator.get(f"/stacks/{network['id']}/state-versions/1/download")
    told = problem(answer, 403, "permission_denied")
    assert "state:read" in told["detail"]


def test_a_project_without_a_role_looks_like_one_that_does_not_exist(
    rest: Rest, network: dict[str, Any]
) -> None:
    rest.make_project("other")
    outsider, typed = rest.as_member("admin", "other"), network["links"]["typed"]
    operation = rest.get("/operations").json["items"][0]["links"]["self"]
    attempts = [
        *(outsider.get(f"/stacks/{network['id']}{path}") for path in READS),
        outsider.get(typed),
        outsider.patch(typed, {}, If_Match="*"),
        outsider.delete(typed, If_Match="*"),
        outsider.get(f"/stacks/{network['id']}/state-versions/1"),
        outsider.get(f"/stacks/{network['id']}/state-versions/1/download"),
        outsider.post(f"/stacks/{network['id']}/operations", {"type": "plan"}),
        *(outsider.get(f"{operation}{path}") for path in ("", "/events", "/log", "/plan")),
        outsider.get(f"{operation}/events", headers={"Accept": "text/event-stream"}),
        *(outsider.post(f"{operation}/{verb}") for verb in ("approve", "discard", "cancel")),
    ]
    for answer in attempts:
        problem(answer, 404, "not_found")
    for path in ("/stacks", "/networks", "/operations", "/drift"):
        assert outsider.get(path).json["items"] == []
    assert outsider.get("/drift").json["counts"] == {
        "in_sync": 0, "drifted": 0, "unknown": 0, "not_checked": 0
    }  # fmt: skip


def test_a_foreign_project_cannot_be_told_from_a_missing_one(rest: Rest) -> None:
    rest.make_project("other")
    member = rest.as_member("operator")
    bodies = []
    for project in ("other", "nowhere"):
        new = {"name": "web", "cloud_account": "sandbox", "project": project}
        told = problem(member.post("/networks", new), 422, "validation_failed")
        bodies.append(told["detail"].replace(project, "…"))
    assert bodies[0] == bodies[1]


def test_someone_without_any_role_sees_empty_lists(rest: Rest, network: dict[str, Any]) -> None:
    nobody = rest.as_member(None)
    assert nobody.get("/stacks").json["items"] == []
    problem(nobody.get(f"/stacks/{network['id']}"), 404, "not_found")
