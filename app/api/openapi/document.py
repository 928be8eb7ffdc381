"""The OpenAPI document as a whole: what no single operation can say of itself.

Works on the plain document once all paths are in it: schemas get their names, answers of
accepted work link to their operation, every answer names its headers, and every body has an
example. Knows no path and no kind, so whatever is added later is completed alike.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from app.api.openapi.conventions import IF_NONE_MATCH, NOT_MODIFIED
from app.api.openapi.examples import Examples
from app.api.openapi.schema_names import SCHEMAS, name_schemas

Node = dict[str, Any]
METHODS = ("get", "put", "post", "delete", "patch")
PLACES = ("path", "query", "header")
PARAMETER = re.compile(r"\{(\w+)\}")
HEADERS: Node = {
    "RateLimit-Limit": {
        "description": "Requests that one caller may make in the present window",
        "schema": {"type": "integer"},
    },
    "RateLimit-Remaining": {
        "description": "How many of them are left",
        "schema": {"type": "integer"},
    },
    "RateLimit-Reset": {
        "description": "Seconds until there are more",
        "schema": {"type": "integer"},
    },
    "X-Request-Id": {
        "description": "The id of this request in the log and the audit trail",
        "schema": {"type": "string"},
    },
    "ETag": {
        "description": "The version that was shown, for If-Match or If-None-Match",
        "schema": {"type": "string"},
    },
    "Link": {
        "description": 'The next page, as `<…>; rel="next"`; absent on the last one',
        "schema": {"type": "string"},
    },
    "Preference-Applied": {
        "description": "`wait` when the answer was held as Prefer asked",
        "schema": {"type": "string"},
    },
    "Idempotent-Replayed": {
        "description": "`true` when this is the first answer once more",
        "schema": {"type": "string"},
    },
}
EVERYWHERE = ("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset", "X-Request-Id")


def complete(document: Node, codes: Sequence[str]) -> Node:
    """Complete ``document`` in place and return it; ``codes`` are those of all problems."""
    document["components"]["headers"] = HEADERS
    name_schemas(document, codes)
    _add_conditions(document)
    _order_parameters(document)
    examples = Examples(document)
    for name, operation in operations_of(document):
        _tell_headers(document, name, operation)
        _link_work(document, operation)
        _link_things(document, name, operation)
        _show_examples(examples, operation)
    for item in document["webhooks"].values():
        _show_examples(examples, item["post"], is_request=False)
    return document


def operations_of(document: Node) -> Iterator[tuple[str, Node]]:
    """Yield every operation with its ``METHOD path``."""
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item:
                yield f"{method.upper()} {path}", item[method]


def _add_conditions(document: Node) -> None:
    """Say of every GET of one thing that it takes If-None-Match."""
    for name, operation in operations_of(document):
        answer = operation["responses"].get("200", {})
        is_thing = bool(_fields(document, answer)) and not _is_page(document, answer)
        if name.startswith("GET") and is_thing and "304" not in operation["responses"]:
            operation["parameters"] = [*operation["parameters"], IF_NONE_MATCH]
            operation["responses"]["304"] = dict(NOT_MODIFIED)


def _order_parameters(document: Node) -> None:
    """Have every operation list all its parameters: of the path first, headers last.

    Generators make arguments of them in this order.
    """
    for item in document["paths"].values():
        of_path = item.pop("parameters", [])
        for method in METHODS:
            if method in item:
                found = [*of_path, *item[method].get("parameters", [])]
                item[method]["parameters"] = sorted(found, key=lambda one: PLACES.index(one["in"]))


def resolve(document: Node, schema: Node) -> Node:
    """Return the schema that ``schema`` is or points to."""
    while "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].removeprefix(SCHEMAS)]
    return schema


def _tell_headers(document: Node, name: str, operation: Node) -> None:
    answers: Node = operation["responses"]
    sent = {item["name"] for item in operation["parameters"] if item["in"] == "header"}
    for status, answer in answers.items():
        if status[0] not in "23":
            continue
        names = list(EVERYWHERE)
        fields, is_page = _fields(document, answer), _is_page(document, answer)
        is_single = name.startswith("GET") and fields and not is_page
        if is_single or "stack" in fields or "If-None-Match" in sent:
            names.append("ETag")
        if is_page:
            names.append("Link")
        if "Idempotency-Key" in sent:
            names.append("Idempotent-Replayed")
        if "Prefer" in sent:
            names.append("Preference-Applied")
        told = answer.setdefault("headers", {})
        for each in names:
            told.setdefault(each, {"$ref": f"#/components/headers/{each}"})


def _is_page(document: Node, answer: Node) -> bool:
    return {"items", "next_cursor"} <= _fields(document, answer).keys()


def _fields(document: Node, answer: Node) -> Node:
    content = answer.get("content", {}).get("application/json", {})
    return dict(resolve(document, content.get("schema", {})).get("properties", {}))


def _link_work(document: Node, operation: Node) -> None:
    """Say where an accepted request's operation is, for clients that follow links."""
    accepted = operation["responses"].get("202")
    if accepted is None:
        return
    fields = _fields(document, accepted)
    found = [name for name in ("following", "operation") if name in fields]
    place = f"/{found[0]}/id" if found else "/id"
    if not found and "steps" not in fields:
        return
    accepted["links"] = {
        "operation": {
            "operationId": "getOperation",
            "parameters": {"operation_id": f"$response.body#{place}"},
            "description": "The operation to follow until it has ended",
        }
    }


def _link_things(document: Node, name: str, operation: Node) -> None:
    """Lead from what was made, listed or shown to what can be asked of it next."""
    method, path = name.split(" ")
    for status, answer in operation["responses"].items():
        place = _place_of_id(document, method, path, answer) if status[0] == "2" else None
        if place is None:
            continue
        base = path if method == "GET" and path.endswith("}") else None
        found = answer.setdefault("links", {})
        for other, target in operations_of(document):
            parameter = _only_parameter(other, base, path)
            if parameter is not None and other != name:
                values = {parameter: place}
                needs_version = any(item["name"] == "If-Match" for item in target["parameters"])
                if needs_version and "ETag" in answer["headers"] and base == other.split(" ")[1]:
                    values["If-Match"] = "$response.header.ETag"
                link = {"operationId": target["operationId"], "parameters": values}
                found[target["operationId"]] = link


def _place_of_id(document: Node, method: str, path: str, answer: Node) -> str | None:
    """Return where an answer tells the id of the thing that its collection's paths take."""
    fields = _fields(document, answer)
    if method == "GET" and path.endswith("}"):
        return "$response.body#/id" if "id" in fields else None
    if path.endswith("}"):
        return None
    if "items" in fields:
        item = resolve(document, fields["items"].get("items", {})).get("properties", {})
        key = next((key for key in ("id", "kind") if key in item), None)
        return f"$response.body#/items/0/{key}" if key and method == "GET" else None
    if method == "POST" and "stack" in fields:
        return "$response.body#/stack/id"
    return "$response.body#/id" if method == "POST" and "id" in fields else None


def _only_parameter(other: str, base: str | None, path: str) -> str | None:
    """Return the parameter of a path right below ``path``, or below the thing ``base`` itself."""
    below = other.split(" ")[1]
    if base is not None:
        is_near = below == base or below.startswith(f"{base}/")
    else:
        is_near = re.fullmatch(re.escape(path) + r"/\{\w+\}", below) is not None
    names = PARAMETER.findall(below)
    return names[0] if is_near and len(names) == 1 else None


def _show_examples(examples: Examples, operation: Node, *, is_request: bool = True) -> None:
    """Give every body an example; the body of a webhook's request is one that Landform makes."""
    places = [operation.get("requestBody", {})]
    places += [answer for status, answer in operation["responses"].items() if status[0] == "2"]
    for place in places:
        for kind, content in place.get("content", {}).items():
            if kind == "application/json" and "example" not in content:
                content["example"] = examples.of(
                    content["schema"], is_request=is_request and place is places[0]
                )
