"""A folder dropped into the catalog is a typed REST resource, without a line of Python."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from app.services.engine.engine import Engine
from sandbox.provider.install import install
from tests.api.conftest import MakeApp
from tests.api.rest import Rest, pointers, problem
from tests.conftest import MakeSettings
from tests.plan_counts import counts
from tests.sandbox_cloud import Cloud, connect

SHIPPED = Path(__file__).parents[2] / "terraform"
NAMES = ("landform_name", "landform_region", "landform_zones", "landform_tags")
TYPES = ("string", "string", "list(string)", "map(string)")
BLUEPRINT = """
kind: note
plural: notes
version: 1.2.3
title: Note
description: A text that Terraform remembers.
parameters:
  required: [text]
  properties:
    text:
      type: string
      title: Text
      description: What to remember.
      minLength: 1
      maxLength: 50
    copies:
      type: integer
      title: Copies
      description: How often.
      minimum: 1
      maximum: 5
      default: 1
      immutable: true
outputs:
  text:
    type: string
    description: What is remembered.
"""
MAIN = """
resource "terraform_data" "this" {
  input = "${var.landform_name}: ${var.text} (${var.copies})"
}

output "text" {
  description = "What is remembered."
  value       = terraform_data.this.output
}
"""


@pytest.fixture
def catalog_root(tmp_path: Path) -> Path:
    root = tmp_path / "terraform"
    shutil.copytree(SHIPPED, root)
    module = root / "blueprints/note/sandbox"
    module.mkdir(parents=True)
    (module.parent / "blueprint.yaml").write_text(BLUEPRINT)
    (module / "main.tf").write_text(MAIN)
    declared = [*zip(NAMES, TYPES, strict=True), ("text", "string"), ("copies", "number")]
    (module / "variables.tf").write_text(
        "\n".join(
            f'variable "{name}" {{\n  description = "{name}"\n  type = {type_}\n}}\n'
            for name, type_ in declared
        )
    )
    return root


@pytest.fixture
def rest(make_app: MakeApp, catalog_root: Path) -> Rest:
    return Rest(make_app(catalog_root=catalog_root))


def test_the_kind_is_in_the_catalogue_and_in_the_document(rest: Rest) -> None:
    assert rest.get("/kinds/note").json["plural"] == "notes"
    document = rest.get("/api/v1/openapi.json").json
    item = document["paths"]["/api/v1/notes/{stack_id}"]
    assert {"get", "patch", "delete"} <= set(item)
    assert document["paths"]["/api/v1/notes"]["post"]["operationId"] == "createNote"
    named = document["components"]["schemas"]["NewNote"]["properties"]["parameters"]
    assert named == {"$ref": "#/components/schemas/NewNoteParameters"}
    typed = document["components"]["schemas"]["NewNoteParameters"]
    assert typed["properties"]["text"]["maxLength"] == 50
    assert typed["required"] == ["text"]
    assert "NoteChange" in document["components"]["schemas"]
    assert "/api/v1/notes" in rest.app.test_client().get("/api/docs").text


def test_its_collection_validates_creates_and_changes(rest: Rest) -> None:
    for parameters, place in (
        ({}, "/parameters"),
        ({"text": ""}, "/parameters/text"),
        ({"text": "x", "copies": 6}, "/parameters/copies"),
        ({"text": "x", "colour": "red"}, "/parameters"),
    ):
        new = {"name": "memo", "cloud_account": "sandbox", "parameters": parameters}
        told = problem(rest.post("/notes", new), 422, "validation_failed")
        assert pointers(told)[0].startswith(place)
    note = rest.made("notes", "memo", parameters={"text": "hello"})
    assert note["parameters"] == {"text": "hello", "copies": 1}
    assert (note["kind"], note["blueprint_version"]) == ("note", "1.2.3")
    assert [item["name"] for item in rest.get("/notes").json["items"]] == ["memo"]
    path = note["links"]["typed"]
    assert path == f"/api/v1/notes/{note['id']}"
    changed = rest.patch(path, {"parameters": {"text": "bye"}}, If_Match="*")
    assert changed.json["operation"]["type"] == "apply"
    refused = rest.patch(path, {"parameters": {"copies": 2}}, If_Match="*")
    assert pointers(problem(refused, 409, "immutable_parameter")) == ["/parameters/copies"]


def _carry_out(rest: Rest, answer: Any) -> dict[str, Any]:
    assert answer.status_code == 202, answer.text
    operation = answer.json["operation"]
    Engine(rest.ctx).carry_out(operation["id"])
    shown: dict[str, Any] = rest.get(f"/operations/{operation['id']}").json or {}
    return shown


def test_it_lives_and_dies_with_real_terraform(
    rest: Rest, make_settings: MakeSettings, cloud: Cloud
) -> None:
    connect(rest.ctx, cloud)  # which is asked at the end whether anything is left
    install(make_settings().sandbox_mirror)
    parameters = {"text": '${file("x")}'}
    new = {"name": "memo", "cloud_account": "sandbox", "parameters": parameters}
    answer = rest.post("/notes", new)
    made = _carry_out(rest, answer)
    assert made["status"] == "applied", made["error"]
    assert made["plan"] == counts(add=1)
    path = answer.json["stack"]["links"]["typed"]
    note = rest.get(path)
    assert note.json["status"] == "ready"
    assert note.json["outputs"] == {"text": 'memo: ${file("x")} (1)'}
    (version,) = rest.get(f"/stacks/{note.json['id']}/state-versions").json["items"]
    assert version["operation_id"] == made["id"]
    state = rest.get(f"/stacks/{note.json['id']}/state-versions/{version['serial']}/download")
    assert state.json["lineage"] == version["lineage"]
    assert "Apply complete" in rest.get(f"/operations/{made['id']}/log").text
    assert rest.get(f"/operations/{made['id']}/plan").status_code == 200
    changed = rest.patch(path, {"parameters": {"text": "bye"}}, If_Match=note.headers["ETag"])
    assert _carry_out(rest, changed)["status"] == "applied"
    assert rest.get(path).json["outputs"] == {"text": "memo: bye (1)"}
    destroyed = _carry_out(rest, rest.delete(path, If_Match="*"))
    assert destroyed["status"] == "applied", destroyed["error"]
    assert rest.get(path).json["status"] == "deleted"
    assert rest.get("/notes").json["items"] == []
