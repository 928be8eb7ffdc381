"""The OpenAPI document: valid, whole, typed from the catalog, and committed as it is."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from app.web.http_errors import error_codes
from tests.api.rest import Rest

ROOT = Path(__file__).parents[2]
METHODS = {"get", "post", "put", "patch", "delete"}
UNCONDITIONAL = {
    "DELETE /api/v1/drift/findings/{finding_id}/acknowledge",
    "DELETE /api/v1/auth/second-factor",
    "DELETE /api/v1/auth/sessions",
    "DELETE /api/v1/auth/sessions/{session_id}",
    "DELETE /api/v1/projects/{project}/members/{user}",
    "DELETE /api/v1/policy-overrides/{override_id}",
    "DELETE /api/v1/tokens/{token_id}",
    "DELETE /api/v1/users/{user}/second-factor",
}


@pytest.fixture(scope="module")
def document(reader: Rest) -> dict[str, Any]:
    return dict(reader.app.test_client().get("/api/v1/openapi.json").json or {})


@pytest.fixture(scope="module")
def operations(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Every operation by ``METHOD path``."""
    return {
        f"{method.upper()} {path}": operation
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if method in METHODS
    }


def _patterns(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [value["pattern"]] if isinstance(value.get("pattern"), str) else []
        return own + [found for item in value.values() for found in _patterns(item)]
    return [found for item in value for found in _patterns(item)] if isinstance(value, list) else []


def test_the_document_is_valid(document: dict[str, Any]) -> None:
    validator = pytest.importorskip("openapi_spec_validator")
    assert list(validator.OpenAPIV31SpecValidator(document).iter_errors()) == []


def test_every_schema_is_a_json_schema(document: dict[str, Any]) -> None:
    assert document["openapi"] == "3.1.0"
    for schema in document["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)


def test_every_route_of_the_api_is_described(
    reader: Rest, operations: dict[str, dict[str, Any]]
) -> None:
    routes = {
        f"{method} " + re.sub(r"<(?:[^:>]+:)?([^>]+)>", r"{\1}", rule.rule)
        for rule in reader.app.url_map.iter_rules()
        if rule.rule.startswith("/api/v1") and not rule.rule.endswith("openapi.json")
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert routes == set(operations)


def test_every_operation_has_a_name_of_its_own_and_a_summary(
    operations: dict[str, dict[str, Any]],
) -> None:
    names = [operation["operationId"] for operation in operations.values()]
    assert len(names) == len(set(names))
    assert all(re.fullmatch(r"[a-z][A-Za-z]+", name) for name in names)
    assert all(operation["summary"] for operation in operations.values())
    assert all(len(operation["tags"]) == 1 for operation in operations.values())


def test_every_operation_tells_its_problems(
    document: dict[str, Any], operations: dict[str, dict[str, Any]]
) -> None:
    for name, operation in operations.items():
        answers = operation["responses"]
        assert {"429", "default"} <= set(answers), name
        for status, answer in answers.items():
            if status[0] not in "23":
                found = document["components"]["responses"][answer["$ref"].rpartition("/")[2]]
                assert list(found["content"]) == ["application/problem+json"], name
        if operation.get("security") != []:
            assert "401" in answers, name
        if "{" in name:
            assert "404" in answers, name
        if "requestBody" in operation:
            assert {"400", "413", "415", "422"} <= set(answers), name


def test_only_signing_in_needs_no_token(
    document: dict[str, Any], operations: dict[str, dict[str, Any]]
) -> None:
    assert document["security"] == [{"bearer": []}]
    open_ones = {name for name, item in operations.items() if item.get("security") == []}
    assert open_ones == {"POST /api/v1/auth/login", "POST /api/v1/auth/login/totp"}


def test_work_is_described_with_its_headers(operations: dict[str, dict[str, Any]]) -> None:
    for name, operation in operations.items():
        headers = {p["name"]: p for p in operation.get("parameters", []) if p["in"] == "header"}
        accepted = operation["responses"].get("202")
        created = operation["responses"].get("201")
        is_post = name.startswith("POST") and "/auth/" not in name
        assert ("Idempotency-Key" in headers) is (is_post or accepted is not None), name
        is_held = accepted is not None or operation["operationId"] == "getOperation"
        assert ("Prefer" in headers) is is_held, name
        assert created is None or "Location" in created["headers"], name
        if accepted is not None:
            assert {"Location", "Retry-After", "Preference-Applied"} <= set(accepted["headers"])
            assert accepted["links"]["operation"]["operationId"] == "getOperation", name
        is_change = name.startswith(("PATCH", "DELETE")) and name not in UNCONDITIONAL
        assert ("If-Match" in headers) is is_change, name
        assert not any(header.get("required") for header in headers.values()), name


def test_every_body_and_answer_has_an_example_that_is_valid(
    document: dict[str, Any], operations: dict[str, dict[str, Any]]
) -> None:
    for name, operation in operations.items():
        places = {"request": operation.get("requestBody", {}), **operation["responses"]}
        for place, shown in places.items():
            content = shown.get("content", {}).get("application/json")
            if content is not None and content["schema"].get("format") != "binary":
                schema = {**content["schema"], "components": document["components"]}
                checker = jsonschema.Draft202012Validator(schema)
                faults = [error.message for error in checker.iter_errors(content["example"])]
                assert faults == [], f"{name} {place}"


def test_an_enumeration_has_one_name(document: dict[str, Any]) -> None:
    """Or an SDK has NetworkStatus, BucketStatus and StackStatus for one and the same thing."""
    schemas = document["components"]["schemas"]
    named = {tuple(item["enum"]) for item in schemas.values() if "enum" in item}
    assert {"OperationStatus", "StackStatus", "DriftStatus"} <= set(schemas)
    for name, schema in schemas.items():
        for field, part in schema.get("properties", {}).items():
            assert tuple(part.get("enum", ["-"])) not in named, f"{name}.{field}"


def test_an_operation_has_one_success_shape(operations: dict[str, dict[str, Any]]) -> None:
    """Or generated clients throw, or lose the operation of an accepted request."""
    for name, operation in operations.items():
        shapes = {
            json.dumps(answer.get("content", {}).get("application/json", {}).get("schema"))
            for status, answer in operation["responses"].items()
            if status[0] == "2"
        }
        assert len(shapes) == 1, name


def test_parameters_come_in_one_order(
    document: dict[str, Any], operations: dict[str, dict[str, Any]]
) -> None:
    assert not any("parameters" in item for item in document["paths"].values())
    for name, operation in operations.items():
        places = [item["in"] for item in operation["parameters"]]
        assert places == sorted(places, key=["path", "query", "header"].index), name
        told = [item["name"] for item in operation["parameters"] if item["in"] == "path"]
        assert told == re.findall(r"\{(\w+)\}", name)


def _schemas_in(schema: Any) -> list[dict[str, Any]]:
    """Return a schema and all that it is made of."""
    if not isinstance(schema, dict):
        return []
    parts = [*schema.get("properties", {}).values()]
    parts += [schema.get("items"), schema.get("additionalProperties")]
    parts += [part for word in ("anyOf", "allOf", "oneOf") for part in schema.get(word, ())]
    return [schema, *(found for part in parts for found in _schemas_in(part))]


def test_types_are_named_by_the_contract(document: dict[str, Any]) -> None:
    """Generators name what has no name after a title, which is a label for people."""
    for name, schema in document["components"]["schemas"].items():
        assert re.fullmatch(r"[A-Z][A-Za-z]+", name)
        for part in _schemas_in(schema):
            assert not isinstance(part.get("title"), str), name
            assert not any(mark in part for mark in ("x-component", "x-enum")), name


def test_the_parameters_of_a_kind_are_one_object_over_its_versions(
    document: dict[str, Any], reader: Rest
) -> None:
    schemas = document["components"]["schemas"]
    versions = reader.ctx.catalog.versions
    assert any(len(found) > 1 for found in versions.values())
    for kind, found in versions.items():
        name = "".join(part.capitalize() for part in kind.split("-"))
        for ending in ("Parameters", "ChangeParameters", "Outputs"):
            shown = schemas[name + ending]
            assert shown["type"] == "object"
            assert "anyOf" not in shown
        members = {key for one in found.values() for key in one.parameters["properties"]}
        assert schemas[f"{name}Parameters"]["properties"].keys() == members
        assert set(schemas[f"{name}Parameters"]["required"]) <= members


def test_what_an_answer_may_lack_is_known(document: dict[str, Any]) -> None:
    """All else is required, so that a client need not ask whether it is there."""
    lacking = {}
    requests = ("Body", "Change", "Parameters", "Outputs")
    for name, schema in document["components"]["schemas"].items():
        if name.startswith(("New", "Wanted")) or name.endswith(requests):
            continue
        optional = set(schema.get("properties", {})) - set(schema.get("required", ()))
        if optional and not name.endswith("Message"):
            lacking[name] = optional
    assert lacking == {
        "Problem": {"errors", "error_count"},
        "WaitView": {"position", "operation_id", "holder", "since"},
        "WebhookWithSecretView": {"secret", "omitted"},
    }


def test_every_code_of_a_problem_is_in_the_document(document: dict[str, Any]) -> None:
    assert document["components"]["schemas"]["ErrorCode"]["enum"] == [
        item.code for item in error_codes()
    ]


def test_a_stream_is_described_with_how_it_is_resumed(
    operations: dict[str, dict[str, Any]],
) -> None:
    streams = {
        name: [item["name"] for item in operation["parameters"]]
        for name, operation in operations.items()
        if "text/event-stream" in operation["responses"].get("200", {}).get("content", {})
    }
    assert "GET /api/v1/operations/{operation_id}/events" in streams
    assert all("Last-Event-ID" in names for names in streams.values())


def test_no_answer_is_a_nameless_object(operations: dict[str, dict[str, Any]]) -> None:
    for name, operation in operations.items():
        for status, answer in operation["responses"].items():
            for kind, content in answer.get("content", {}).items():
                if kind == "application/json" and status[0] == "2":
                    schema = content["schema"]
                    assert "$ref" in schema or schema.get("format") == "binary", name


def test_a_time_says_that_it_is_one(document: dict[str, Any]) -> None:
    for name, schema in document["components"]["schemas"].items():
        for field, part in schema.get("properties", {}).items():
            is_phase = field == "at" and name.startswith("Policy")  # when a policy is asked
            if (field.endswith("_at") or field in ("since", "at")) and not is_phase:
                assert part.get("format") == "date-time", f"{name}.{field}"


def test_every_link_leads_to_an_operation_and_its_parameter(
    operations: dict[str, dict[str, Any]],
) -> None:
    by_id = {operation["operationId"]: name for name, operation in operations.items()}
    for operation in operations.values():
        for answer in operation["responses"].values():
            for link in answer.get("links", {}).values():
                target = by_id[link["operationId"]]
                sent = {item["name"] for item in operations[target]["parameters"]}
                known = sent | set(re.findall(r"\{(\w+)\}", target))
                assert set(link["parameters"]) <= known, target


def test_every_pattern_is_one_that_javascript_knows(document: dict[str, Any]) -> None:
    patterns = _patterns(document)
    assert patterns
    for pattern in patterns:
        assert not re.search(r"\\[AZz]|\(\?P|\(\?[aiLmsux]+\)|\(\?>|[*+?}]\+", pattern), pattern
        assert pattern.startswith("^"), pattern


def test_parameters_are_typed_as_their_blueprint_says(
    document: dict[str, Any], reader: Rest
) -> None:
    schemas = document["components"]["schemas"]
    for kind in reader.get("/kinds").json["items"]:
        name = "".join(part.capitalize() for part in kind["kind"].split("-"))
        shown = schemas[f"New{name}Parameters"]
        assert shown["properties"].keys() == kind["parameters"]["properties"].keys()
        for field, spec in shown["properties"].items():
            told = kind["parameters"]["properties"][field]
            kept = {key: value for key, value in told.items() if key != "title"}
            assert {**spec, "properties": 0, "items": 0} == {**kept, "properties": 0, "items": 0}
        assert shown["additionalProperties"] is False
        assert set(schemas[f"{name}Outputs"]["properties"]) == set(kind["outputs"])
        patch = schemas[f"{name}ChangeParameters"]
        assert "required" not in patch
        assert schemas[f"New{name}"]["additionalProperties"] is False


def test_the_committed_document_is_what_the_command_prints() -> None:
    command = [sys.executable, "-m", "app.cli", "openapi"]
    printed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    committed = (ROOT / "docs/openapi.json").read_text(encoding="utf-8")
    assert printed == committed, "run: .venv/bin/landform admin openapi > docs/openapi.json"
    assert json.loads(committed)["info"]["title"] == "Landform"


def test_the_served_document_is_the_committed_one(document: dict[str, Any]) -> None:
    committed = json.loads((ROOT / "docs/openapi.json").read_text(encoding="utf-8"))
    assert document == committed
