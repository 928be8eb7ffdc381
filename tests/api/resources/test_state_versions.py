"""State versions over HTTP: lists, differences, downloads; each read is verified."""

from __future__ import annotations

import json
from typing import Any

import pytest

from app.clock import utc_now
from app.domain import ids
from app.models import AuditEvent, StateVersion
from tests.api.rest import Rest, pointers, problem
from tests.api.states import keep_state, state_bytes

CANARY = "canary-51c0"


@pytest.fixture
def network_id(network: dict[str, Any], rest: Rest) -> str:
    """A network with two state versions, of which the second has one more resource."""
    stack_id: str = network["id"]
    keep_state(rest, stack_id, state_bytes(1, {"a": "1"}))
    keep_state(rest, stack_id, state_bytes(4, {"a": "1", "b": CANARY}, sensitive=("b",)))
    return stack_id


def test_a_diff_names_what_changed_against_the_version_before(rest: Rest, network_id: str) -> None:
    answer = rest.get(f"/stacks/{network_id}/state-versions/4/diff")
    assert answer.status_code == 200
    body = answer.json or {}
    assert (body["serial"], body["against"], body["truncated"]) == (4, 1, False)
    assert body["summary"] == {"created": 1, "updated": 0, "deleted": 0, "outputs": 0}
    (found,) = body["resources"]
    assert (found["address"], found["change"]) == ("terraform_data.b", "created")


def test_a_diff_can_be_turned_round_and_against_itself_is_empty(
    rest: Rest, network_id: str
) -> None:
    base = f"/stacks/{network_id}/state-versions"
    assert rest.get(f"{base}/1/diff", against=4).json["summary"]["deleted"] == 1
    same = rest.get(f"{base}/4/diff", against=4).json
    assert (same["resources"], same["outputs"]) == ([], [])
    first = rest.get(f"{base}/1/diff").json
    assert first["against"] is None
    assert first["summary"]["created"] == 1


@pytest.mark.parametrize("role", ["viewer", "operator", "admin"])
def test_whoever_sees_the_stack_sees_the_diff_masked(
    rest: Rest, network_id: str, role: str
) -> None:
    answer = rest.as_member(role).get(f"/stacks/{network_id}/state-versions/4/diff")
    assert answer.status_code == 200
    assert CANARY not in answer.text
    assert "(sensitive value)" in answer.text


def test_a_outsider_finds_no_diff(rest: Rest, network_id: str) -> None:
    answer = rest.as_member(None).get(f"/stacks/{network_id}/state-versions/4/diff")
    problem(answer, 404, "not_found")


def test_a_diff_is_not_sent_again_to_who_has_it(rest: Rest, network_id: str) -> None:
    path = f"/stacks/{network_id}/state-versions/4/diff"
    etag = rest.get(path).headers["ETag"]
    assert rest.get(path, headers={"If-None-Match": etag}).status_code == 304


@pytest.mark.parametrize(
    ("serial", "query", "status", "code"),
    [
        ("9", {}, 404, "not_found"),
        ("4", {"against": "9"}, 404, "not_found"),
        ("4", {"against": "-1"}, 422, "validation_failed"),
        ("4", {"against": "x"}, 422, "validation_failed"),
        ("4", {"against": str(2**63)}, 422, "validation_failed"),
        ("4", {"other": "1"}, 422, "validation_failed"),
        (str(2**70), {}, 404, "not_found"),
    ],
)
def test_a_diff_of_what_is_not_there_is_refused(
    rest: Rest, network_id: str, serial: str, query: dict[str, str], status: int, code: str
) -> None:
    answer = rest.get(f"/stacks/{network_id}/state-versions/{serial}/diff", **query)
    body = problem(answer, status, code)
    if status == 422:
        assert pointers(body) == [f"?{name}" for name in query]


@pytest.mark.parametrize("action", ["diff", "download"])
def test_a_flipped_bit_is_told_and_not_shown(rest: Rest, network_id: str, action: str) -> None:
    folder = rest.ctx.settings.state_dir / "stacks" / network_id / "versions"
    (path,) = folder.glob("1-*.tfstate")
    data = bytearray(path.read_bytes())
    data[-20] ^= 1
    path.write_bytes(data)
    serial = 4 if action == "diff" else 1
    answer = rest.get(f"/stacks/{network_id}/state-versions/{serial}/{action}")
    problem(answer, 409, "state_corrupt")


def test_a_diff_of_many_resources_lists_some_and_counts_all(
    rest: Rest, network: dict[str, Any]
) -> None:
    keep_state(rest, network["id"], state_bytes(1, {f"r{n}": "x" for n in range(510)}))
    body = rest.get(f"/stacks/{network['id']}/state-versions/1/diff").json
    assert (len(body["resources"]), body["truncated"]) == (500, True)
    assert body["summary"]["created"] == 510


def test_only_an_administrator_downloads_and_the_trail_says_so(rest: Rest, network_id: str) -> None:
    path = f"/stacks/{network_id}/state-versions/4/download"
    for role in ("viewer", "operator"):
        problem(rest.as_member(role).get(path), 403, "permission_denied")
    answer = rest.as_member("admin").get(path)
    assert json.loads(answer.data)["serial"] == 4
    assert CANARY in answer.text
    with rest.ctx.read() as session:
        acts = [row.action for row in session.query(AuditEvent).all()]
    assert acts.count("state_version.download") == 1


def test_a_version_that_the_volume_lost_is_said_to_be_damaged(rest: Rest, network_id: str) -> None:
    with rest.ctx.write() as session:
        known = session.query(StateVersion).filter_by(stack_id=network_id, serial=4).one()
        session.add(
            StateVersion(
                id=ids.new_id(ids.STATE_VERSION),
                stack_id=network_id,
                serial=5,
                lineage=known.lineage,
                sha256="0" * 64,
                size_bytes=1,
                terraform_version="1.11.4",
                operation_id=known.operation_id,
                created_at=utc_now(),
                created_by="admin",
            )
        )
    for action in ("diff", "download"):
        answer = rest.get(f"/stacks/{network_id}/state-versions/5/{action}")
        problem(answer, 409, "state_corrupt")
