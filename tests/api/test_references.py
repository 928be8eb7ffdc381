"""References over the API: accepted while the other stack is being made, told in words."""

from __future__ import annotations

from typing import Any

from tests.api.rest import Rest, problem


def ask(rest: Rest, network: str, name: str = "workers") -> Any:
    body = {"name": name, "cloud_account": "sandbox", "parameters": {"network": network}}
    return rest.post("/machine-groups", body)


def waits(rest: Rest, operation: dict[str, Any]) -> dict[str, Any] | None:
    found: dict[str, Any] | None = rest.get(f"/operations/{operation['id']}").get_json()[
        "waiting_for"
    ]
    return found


def test_a_stack_may_refer_to_one_that_is_still_being_made(rest: Rest) -> None:
    network = rest.create("networks", "net")
    answer = ask(rest, "net")
    assert answer.status_code == 202, answer.text
    made = answer.get_json()
    waiting = made["operation"]["waiting_for"]
    assert waiting == {
        "reason": "reference",
        "operation_id": network["operation"]["id"],
        "stacks": [{"id": network["stack"]["id"], "name": "net", "kind": "network"}],
        "detail": "Waits until network net is made; its apply is queued.",
    }
    listed = rest.get("/operations").get_json()["items"]
    (found,) = [item for item in listed if item["id"] == made["operation"]["id"]]
    assert found["waiting_for"] == waiting
    (uses,) = made["stack"]["references"]["uses"]
    assert (uses["name"], uses["parameter"]) == ("net", "network")
    used = rest.get(f"/stacks/{network['stack']['id']}").get_json()["references"]["used_by"]
    assert [item["name"] for item in used] == ["workers"]


def test_it_waits_no_longer_once_the_other_one_is_made(rest: Rest) -> None:
    network = rest.create("networks", "net")
    waiting = ask(rest, "net").get_json()["operation"]
    rest.end(network["operation"]["id"])
    now = waits(rest, waiting)
    assert now is not None
    assert now["reason"] == "worker"


def test_it_says_when_the_other_one_waits_for_approval(rest: Rest) -> None:
    network = rest.create("networks", "net", auto_apply="never")
    waiting = ask(rest, "net").get_json()["operation"]
    rest.set_operation(network["operation"]["id"], status="planned")
    now = waits(rest, waiting)
    assert now is not None
    assert "its apply is waiting for approval" in now["detail"]


def test_what_nobody_makes_is_refused_with_what_to_do(rest: Rest) -> None:
    network = rest.create("networks", "net")
    rest.end(network["operation"]["id"], "errored", "failed")
    rest.set_stack(network["stack"]["id"], applied_generation=0)
    told = problem(ask(rest, "net"), 409, "reference_not_ready")
    assert [item["pointer"] for item in told["errors"]] == ["/parameters/network"]
    assert "'net' is failed" in told["detail"]
    assert "fix it" in told["advice"]


def test_a_stack_that_is_made_again_is_waited_for_again(rest: Rest) -> None:
    network = rest.create("networks", "net")
    rest.end(network["operation"]["id"], "errored", "failed")
    rest.set_stack(network["stack"]["id"], applied_generation=0)
    rest.post(f"/stacks/{network['stack']['id']}/operations", {"type": "apply"})
    assert ask(rest, "net").status_code == 202


def test_a_stack_that_others_wait_for_cannot_be_deleted(rest: Rest) -> None:
    network = rest.create("networks", "net")["stack"]
    ask(rest, "net")
    told = rest.delete(f"/networks/{network['id']}", If_Match="*")
    problem(told, 409, "stack_referenced")


def test_later_work_on_a_waiting_stack_keeps_its_place(rest: Rest) -> None:
    rest.create("networks", "net")
    made = ask(rest, "net").get_json()
    later = rest.delete(f"/machine-groups/{made['stack']['id']}", If_Match="*").get_json()
    now = waits(rest, later["operation"])
    assert now is not None
    assert (now["reason"], now["operation_id"]) == ("operation", made["operation"]["id"])
