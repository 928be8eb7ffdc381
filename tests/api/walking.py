"""Walk every operation of the OpenAPI document, also those that are added later.

Knows how a path is filled: with an id that exists nowhere, or with one that a list shows.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.api.rest import Rest

DOCUMENT: dict[str, Any] = json.loads(
    (Path(__file__).parents[2] / "docs" / "openapi.json").read_text(encoding="utf-8")
)
METHODS = ("get", "put", "post", "delete", "patch")
NOWHERE = {"serial": "7"}


@dataclass(frozen=True)
class Described:
    """One operation as the document describes it."""

    method: str
    path: str
    operation: dict[str, Any]

    def __str__(self) -> str:
        return f"{self.method} {self.path.removeprefix('/api/v1')}"

    @property
    def id(self) -> str:
        return str(self.operation["operationId"])

    @property
    def is_open(self) -> bool:
        return self.operation.get("security") == []

    @property
    def example(self) -> Any:
        """The body that the document suggests, or ``None`` when it takes none."""
        content = self.operation.get("requestBody", {}).get("content", {})
        return content.get("application/json", {}).get("example")

    @property
    def names(self) -> list[str]:
        return re.findall(r"\{(\w+)\}", self.path)

    @property
    def nowhere(self) -> str:
        """The path of something that does not exist."""
        return re.sub(r"\{(\w+)\}", lambda m: NOWHERE.get(m[1], "none_0"), self.path)

    def headers(self) -> set[str]:
        """Names of the request headers that it takes."""
        parameters = self.operation["parameters"]
        return {item["name"] for item in parameters if item["in"] == "header"}

    def answer(self, status: int | str) -> dict[str, Any]:
        found: dict[str, Any] = self.operation["responses"].get(str(status), {})
        return found

    def fields(self, status: int | str = 200) -> set[str]:
        """Names of the fields of its JSON answer."""
        content = self.answer(status).get("content", {}).get("application/json", {})
        reference = content.get("schema", {}).get("$ref", "")
        schema = DOCUMENT["components"]["schemas"].get(reference.rpartition("/")[2], {})
        return set(schema.get("properties", {}))

    @property
    def is_list(self) -> bool:
        return self.method == "GET" and {"items", "next_cursor"} <= self.fields()


def operations() -> list[Described]:
    """Every operation of the document."""
    return [
        Described(method.upper(), path, item[method])
        for path, item in DOCUMENT["paths"].items()
        for method in METHODS
        if method in item
    ]


def methods_of(path: str) -> str:
    """The value of ``Allow`` for a path of the document."""
    found = {method.upper() for method in METHODS if method in DOCUMENT["paths"][path]}
    if "GET" in found:
        found.add("HEAD")
    return ", ".join(sorted(found | {"OPTIONS"}))


def find_real(rest: Rest, path: str) -> str | None:
    """Fill a path with ids of what exists, as the lists before each of them show; else ``None``."""
    filled = ""
    for part in path.removeprefix("/api/v1").strip("/").split("/"):
        if part.startswith("{"):
            found = next(_ids(rest, filled, part.strip("{}")), None)
            if found is None:
                return None
            part = found  # noqa: PLW2901  # the id stands where its name stood
        filled += f"/{part}"
    return filled


def _ids(rest: Rest, collection: str, name: str) -> Iterator[str]:
    answer = rest.get(collection)
    items = (answer.json or {}).get("items", []) if answer.status_code == 200 else []
    for item in items:
        key = next((key for key in (name, "id", "kind", "name") if key in item), None)
        if key is not None:
            yield str(item[key])
