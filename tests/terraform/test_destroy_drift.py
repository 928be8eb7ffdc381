"""What the plan of a destroy met outside is told by the state that it was made from."""

from __future__ import annotations

import json
from typing import Any

from app.domain.state_file import StateFile
from app.terraform.destroy_drift import with_destroy_drift

Attributes = dict[str, Any]


def state(attributes: Attributes, **more: Any) -> StateFile:
    instance = {"schema_version": 1, "attributes": attributes, "index_key": "eu", **more}
    names = {"mode": "managed", "type": "x_y", "name": "a", "provider": "x"}
    resources = [{**names, "instances": [instance]}]
    document = {"version": 4, "serial": 1, "lineage": "l", "resources": resources}
    return StateFile.parse(json.dumps(document).encode())


def prior(values: Attributes, **more: Any) -> dict[str, Any]:
    names = {"address": 'x_y.a["eu"]', "mode": "managed", "type": "x_y", "name": "a"}
    resource = {**names, "index": "eu", "schema_version": 1, "values": values, **more}
    return {"prior_state": {"values": {"root_module": {"resources": [resource]}}}}


RECORDED = {"id": "i", "port": 1, "secret": "s"}
MARKS = [[{"type": "get_attr", "value": "secret"}]]


def drift(document: dict[str, Any], recorded: StateFile) -> list[dict[str, Any]]:
    told: list[dict[str, Any]] = with_destroy_drift(document, recorded)["resource_drift"]
    return told


def test_what_is_as_recorded_is_no_drift() -> None:
    assert drift(prior(RECORDED), state(RECORDED)) == []


def test_what_is_otherwise_than_recorded_is_told_with_its_secrets_marked() -> None:
    recorded = state(RECORDED, sensitive_attributes=MARKS)
    found = {**RECORDED, "port": 2}
    (item,) = drift(prior(found, sensitive_values={"port": True}), recorded)
    assert (item["address"], item["index"]) == ('x_y.a["eu"]', "eu")
    change = item["change"]
    assert (change["before"], change["after"]) == (RECORDED, found)
    assert change["before_sensitive"] == {"port": True, "secret": True}
    assert change["after_sensitive"] == {"port": True}


def test_of_what_is_gone_no_more_is_told_than_its_id() -> None:
    (item,) = drift({}, state(RECORDED))
    assert item["change"] == {"actions": ["delete"], "before": {"id": "i"}, "after": None}


def test_another_version_of_the_schema_is_not_compared() -> None:
    assert drift(prior({"id": "i"}, schema_version=2), state(RECORDED)) == []


def test_what_terraform_tells_itself_and_what_has_moved_is_told_once() -> None:
    moved = {"address": "x_y.b", "previous_address": 'x_y.a["eu"]'}
    document = prior({**RECORDED, "port": 2}, address="x_y.b")
    document["resource_changes"] = [{**moved, "change": {"actions": ["delete"]}}]
    (item,) = drift(document, state(RECORDED))
    assert item["address"] == "x_y.b"
    assert drift({**document, "resource_drift": [item]}, state(RECORDED)) == [item]
