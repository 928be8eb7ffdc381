"""Every place in the body of a request where a text may stand, from the OpenAPI document.

A field that is added later is walked without a line here. What a schema leaves open is said in
``INSIDE``; an open object that is not named there, or a schema that cannot be read, is an error.
"""

from __future__ import annotations

import copy
import itertools
import json
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from app.catalog.loader import load_catalog
from app.config.settings import Settings
from tests.api.states import state_bytes
from tests.api.walking import DOCUMENT, Described

Path = tuple[str | int, ...]
NAME = "(the name of a field)"
NUMBERS = itertools.count(1)
PLAIN_TYPES = {"integer", "number", "boolean", "null"}
DEEPEST = 12


def whole_state() -> dict[str, Any]:
    """A state with a text in each place that Terraform knows."""
    state: dict[str, Any] = json.loads(state_bytes(1, {"this": "x"}, type_="sandbox_network"))
    resource = state["resources"][0]
    resource |= {"module": "module.a", "each": "map"}
    resource["instances"][0] |= {
        "index_key": "a",
        "status": "tainted",
        "deposed": "0123abcd",
        "attributes": {"id": "x", "tags": {"landform:stack": "x"}, "subnets": ["x"]},
        "identity": {"id": "x"},
        "private": "eA==",
        "dependencies": ["sandbox_network.other"],
        "sensitive_attributes": [[{"type": "get_attr", "value": "x"}]],
    }
    state["outputs"] = {"a": {"value": "x", "type": "string"}}
    objects = [{"object_addr": "output.a", "status": "pass", "failure_messages": ["x"]}]
    check = {"object_kind": "output", "config_addr": "output.a", "status": "pass"}
    state["check_results"] = [{**check, "objects": objects}]
    return state


def valid_state() -> dict[str, Any]:
    """The same without what would be refused whatever else it holds; newer than any before."""
    state = whole_state()
    resource = state["resources"][0]
    for name in ("module", "each"):
        del resource[name]
    for name in ("index_key", "deposed", "status"):
        del resource["instances"][0][name]
    resource["instances"][0]["attributes"] = {"id": "x"}
    return {**state, "serial": 100 + next(NUMBERS)}


def _credentials() -> dict[str, str]:
    catalog = load_catalog(Settings(env="test").catalog_root)
    return {name: "x" for cloud in catalog.clouds.values() for name in cloud.credential_fields}


INSIDE: dict[tuple[str, Path], Any] = {
    ("/state", ()): whole_state(),
    ("/operations", ("parameters",)): {"cidr": "10.0.0.0/16"},
    ("", ("labels",)): {"team": "web"},
    **{
        (path, ("policies", 0, *place)): content
        for path in ("/policies", "/policies/{policy_set}", "/policy-checks")
        for place, content in (
            (("when", "labels"), {"team": "web"}),
            (("tests", 0, "given"), {"stack.region": "us-east"}),
        )
    },
    ("", ("credentials",)): _credentials(),
}
"""What stands in an open object, by the end of the path of its operations and by its field."""

AROUND: dict[tuple[str, str], dict[str, Any]] = {
    ("/operations", "targets"): {"type": "plan"},
    ("/operations", "replace"): {"type": "plan"},
    ("/operations", "report_id"): {"type": "reconcile"},
    ("/operations", "findings"): {"type": "accept_drift"},
    ("/operations", "blueprint_version"): {"type": "plan"},
    ("/operations", "parameters"): {"type": "plan", "blueprint_version": "1.0.0"},
    ("/resolve", "imports"): {
        "action": "adopt",
        "imports": [{"address": "sandbox_network.this", "id": "net_1"}],
    },
    ("/resolve", "reason"): {"action": "accept", "force": True},
}
"""The body around a field that only some bodies take; any other stands in the example."""


def schema_of(item: Described) -> dict[str, Any] | None:
    """The schema of the body of an operation, if it takes one."""
    content = item.operation.get("requestBody", {}).get("content", {})
    assert set(content) <= {"application/json"}, "a body that is no JSON is not walked"
    found: dict[str, Any] | None = content.get("application/json", {}).get("schema")
    return found


def places(item: Described) -> list[Path]:
    """Where in the body of an operation a text may stand."""
    schema = schema_of(item)
    return [] if schema is None else list(dict.fromkeys(_places(item, schema, ())))


def _places(item: Described, schema: dict[str, Any], path: Path) -> Iterator[Path]:
    assert len(path) < DEEPEST, f"{item}: the schema at {path} has no end"
    if "$ref" in schema:
        schema = DOCUMENT["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    if "enum" in schema or "const" in schema:
        return  # a closed set names nothing that a project has
    several = [one for key in ("allOf", "anyOf", "oneOf") for one in schema.get(key, ())]
    for one in several:
        yield from _places(item, one, path)
    types = {schema["type"]} if isinstance(schema.get("type"), str) else set(schema.get("type", ()))
    assert types or several, f"{item}: what is at {path} is not said"
    assert types <= PLAIN_TYPES | {"string", "array", "object"}, types
    if "string" in types:
        yield path
    if "array" in types:
        yield from _places(item, schema["items"], (*path, 0))
    if "object" in types and not several:
        yield from _fields(item, schema, path)


def _fields(item: Described, schema: dict[str, Any], path: Path) -> Iterator[Path]:
    fields = schema.get("properties", {})
    for name, one in fields.items():
        yield from _places(item, one, (*path, name))
    if not fields and schema.get("additionalProperties") is not False:
        known = [INSIDE[key] for key in INSIDE if item.path.endswith(key[0]) and key[1] == path]
        is_empty = not path and not schema.get("additionalProperties") and item.example == {}
        assert known or is_empty, f"{item}: say in INSIDE what is in the object at {path}"
        for content in known:
            yield from texts_within(content, path)


def texts_within(value: Any, path: Path = ()) -> Iterator[Path]:
    """Yield where the texts of a value stand, and where another field might be."""
    if isinstance(value, str):
        yield path
    elif isinstance(value, dict):
        yield (*path, NAME)
        for key, inner in value.items():
            yield from texts_within(inner, (*path, key))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from texts_within(inner, (*path, number))


def body_with(item: Described, path: Path, value: str, project: str) -> Any:
    """Return a body that is as good as the example, with ``value`` in one place."""
    if item.path.endswith("/state"):
        body = valid_state()
    else:
        around = [
            body for key, body in AROUND.items() if item.path.endswith(key[0]) and key[1] == path[0]
        ]
        body = copy.deepcopy(around[0] if around else item.example)
    if "name" in body:
        body["name"] = f"n-{next(NUMBERS)}"
    if "project" in fields_of(item):
        body["project"] = project
    put(body, path, value)
    return body


def fields_of(item: Described) -> set[str]:
    """Names of the fields that the body of an operation may have."""
    reference = (schema_of(item) or {}).get("$ref", "")
    schema = DOCUMENT["components"]["schemas"].get(reference.rpartition("/")[2], {})
    return set(schema.get("properties", {}))


def put(body: Any, path: Path, value: str) -> None:
    """Put a value in its place, and make what must be around it."""
    place = body
    for key, following in pairwise(path):
        empty: Any = [] if isinstance(following, int) else {}
        if isinstance(place, list):
            if len(place) <= int(key):
                place.append(empty)
        elif place.get(key) is None:
            place[key] = empty
        place = place[key]
    last = path[-1]
    if last == NAME:
        place[value] = "x"
    elif isinstance(place, list):
        place[last : int(last) + 1] = [value]
    else:
        place[last] = value
