"""Lists of stacks over the API: linked one by one, protected, changed."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from app.services.engine.engine import Engine
from sandbox.provider.install import install
from tests.api.conftest import MakeApp
from tests.api.rest import Rest, pointers, problem
from tests.catalog.test_reference_lists import PEERS
from tests.catalog.versions import write_version
from tests.conftest import MakeSettings

SHIPPED = Path(__file__).parents[2] / "terraform"


@pytest.fixture
def rest(make_app: MakeApp, tmp_path: Path) -> Rest:
    """An administrator of a Landform whose notes name networks."""
    root = tmp_path / "terraform"
    shutil.copytree(SHIPPED, root)
    note = root / "blueprints/note"
    properties = "".join(f"    {line}\n" for line in PEERS.strip().splitlines())
    write_version(note, "1.0.0", properties=properties, variables=(), required="[]")
    variables = note / "sandbox/variables.tf"
    variables.write_text(
        f'{variables.read_text()}variable "peer_ids" {{\n  type = list(string)\n}}\n'
    )
    main = note / "sandbox/main.tf"
    joined = 'join("/", coalesce(var.peer_ids, ["none"]))'
    main.write_text(main.read_text().replace('join("/", compact([]))', joined))
    return Rest(make_app(catalog_root=root))


def note(rest: Rest, peers: Any) -> Any:
    return rest.post(
        "/notes", {"name": "memo", "cloud_account": "sandbox", "parameters": {"peers": peers}}
    )


def test_each_entry_is_a_reference_of_its_own(rest: Rest) -> None:
    made = {name: rest.made("networks", name) for name in ("one", "two", "three")}
    answer = note(rest, ["two", made["one"]["id"]])
    assert answer.status_code == 202, answer.text
    stack = answer.get_json()["stack"]
    assert stack["parameters"]["peers"] == [made["two"]["id"], made["one"]["id"]]
    uses = {item["parameter"]: item["name"] for item in stack["references"]["uses"]}
    assert uses == {"peers/0": "two", "peers/1": "one"}
    refused = rest.delete(f"/networks/{made['one']['id']}", If_Match="*")
    problem(refused, 409, "stack_referenced")
    rest.end(answer.get_json()["operation"]["id"])

    path = f"/notes/{stack['id']}"
    changed = rest.patch(path, {"parameters": {"peers": ["three", "two"]}}, If_Match="*")
    uses = changed.get_json()["stack"]["references"]["uses"]
    assert {item["parameter"]: item["name"] for item in uses} == {
        "peers/0": "three",
        "peers/1": "two",
    }
    assert rest.delete(f"/networks/{made['one']['id']}", If_Match="*").status_code == 202
    emptied = rest.patch(path, {"parameters": {"peers": None}}, If_Match="*").get_json()["stack"]
    assert emptied["references"]["uses"] == []


@pytest.mark.parametrize(
    ("peers", "place"),
    [
        (["one", "nothing"], "/parameters/peers/1"),
        (["one", "one"], "/parameters/peers/1"),
        (["files"], "/parameters/peers/0"),
        ("one", "/parameters/peers"),
        ([5], "/parameters/peers/0"),
        (["../one"], "/parameters/peers/0"),
        ([["one"]], "/parameters/peers/0"),
    ],
)
def test_a_wrong_entry_is_named_by_its_place(rest: Rest, peers: Any, place: str) -> None:
    rest.made("networks", "one")
    rest.made("buckets", "files")
    assert pointers(problem(note(rest, peers), 422, "validation_failed")) == [place]


def test_one_stack_by_its_name_and_by_its_id_is_one_too_many(rest: Rest) -> None:
    one = rest.made("networks", "one")
    told = problem(note(rest, ["one", one["id"]]), 422, "validation_failed")
    assert told["errors"] == [
        {"pointer": "/parameters/peers/1", "message": "Is the same stack as /parameters/peers/0."}
    ]


def test_the_page_of_the_stack_names_them(rest: Rest, make_settings: MakeSettings) -> None:
    install(make_settings().sandbox_mirror)
    answer = note(rest, [])
    Engine(rest.ctx).carry_out(answer.get_json()["operation"]["id"])
    shown = rest.get(f"/notes/{answer.get_json()['stack']['id']}").get_json()
    assert shown["status"] == "ready", shown["status_reason"]
    assert shown["outputs"] == {"text": ""}
