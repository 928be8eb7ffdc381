"""The OpenAPI document: its head, what all operations share, and raw JSON Schemas in it."""

from __future__ import annotations

from threading import Lock
from typing import Any, ClassVar

from apispec import APISpec, BasePlugin
from flask import Flask, Response, current_app
from flask_smorest import Api, Blueprint
from marshmallow import Schema

from app.api.document import ENUM_NAME, complete
from app.api.json_fields import Choice, JsonSchemaField
from app.api.schemas import Problem

VERSION = "1.0.0"
PREFIX = "/api/v1"
PROBLEM = "application/problem+json"
CONFIG: dict[str, Any] = {
    "API_TITLE": "Landform",
    "API_VERSION": VERSION,
    "OPENAPI_VERSION": "3.1.0",
    "OPENAPI_URL_PREFIX": PREFIX,
    "OPENAPI_JSON_PATH": "openapi.json",
    "API_SPEC_OPTIONS": {
        "info": {
            "description": (
                "A self-hosted control plane for cloud infrastructure in provider-neutral words. "
                "What touches a cloud answers 202 with an operation to follow."
            ),
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "security": [{"bearer": []}],
        "servers": [{"url": "/"}],
        "externalDocs": {"url": "/api/docs", "description": "The same for people"},
    },
}

# What these answer must not be kept: tokens are stored nowhere. They are safe to send again as they
# are, except a refresh, of which a copy is told from a theft by nothing.
TAKES_NO_KEY = f"{PREFIX}/auth/"
IDEMPOTENCY_KEY = {
    "in": "header",
    "name": "Idempotency-Key",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
    "description": "Makes the request safe to send again: the first answer is given once more.",
}
IF_MATCH = {
    "in": "header",
    "name": "If-Match",
    "required": True,
    "schema": {"type": "string"},
    "description": "The ETag that you read, or `*`",
}
IF_NONE_MATCH = {
    "in": "header",
    "name": "If-None-Match",
    "schema": {"type": "string"},
    "description": "The ETag that you have; 304 when nothing has changed",
}
PREFER = {
    "in": "header",
    "name": "Prefer",
    "schema": {"type": "string"},
    "example": "wait=1",
    "description": "`wait=N` holds the answer until the operation has ended, at most 30 seconds.",
}
ACCEPTED_HEADERS = {
    "Location": {"description": "The operation to follow", "schema": {"type": "string"}},
    "Retry-After": {
        "description": "Seconds until it is worth asking",
        "schema": {"type": "string"},
    },
}
CREATED_HEADERS = {"Location": {"description": "The new thing", "schema": {"type": "string"}}}
PROBLEMS = {
    "400": "The body is not JSON",
    "401": "No valid token",
    "403": "The role does not include this",
    "404": "There is no such thing, or you may not see it",
    "409": "The present state forbids this",
    "412": "The resource changed meanwhile",
    "413": "The body is too large",
    "415": "The body is not application/json",
    "422": "Some values are not acceptable; `errors` lists them",
    "428": "If-Match is required",
    "429": "Too many requests; wait as long as Retry-After says",
    "default": "Any other problem",
}


class LandformApi(Api):
    """flask-smorest without its error handlers (``app.http_errors`` has them all)."""

    ERROR_SCHEMA: ClassVar[type[Schema]] = Problem

    def __init__(self, app: Flask) -> None:
        """Bind to ``app`` and describe what all operations share."""
        super().__init__(app, spec_kwargs={"extra_plugins": [Conventions()]})
        self.spec.components.security_scheme(
            "bearer", {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
        )
        for status, description in PROBLEMS.items():
            content = {PROBLEM: {"schema": Problem}}
            response = {"description": description, "content": content}
            self.spec.components.response(_problem_name(status), response, lazy=True)
        self.ma_plugin.converter.add_attribute_function(_json_schema_properties)
        self.ma_plugin.converter.add_attribute_function(_enumeration)
        self._undescribed: list[tuple[Blueprint, str]] = []
        self._document: dict[str, Any] | None = None
        self._describing = Lock()

    def register_blueprint(self, blp: Blueprint, **options: Any) -> None:
        """Bind ``blp`` to the application; the document describes it when it is asked for.

        To describe all paths takes longer than all else of a start, and few processes are asked.
        """
        name = options.get("name", blp.name)
        self._app.extensions["flask-smorest"]["blp_name_to_api"][name] = self
        self._app.register_blueprint(blp, **options)
        self._undescribed.append((blp, name))

    def document(self) -> dict[str, Any]:
        """Return the whole document; not to be changed. All paths must be registered by now."""
        with self._describing:
            if self._document is None:
                for blueprint, name in self._undescribed:
                    blueprint.register_views_in_doc(
                        self, self._app, self.spec, name=name, parameters=None
                    )
                    self.spec.tag({"name": name, "description": blueprint.description})
                self._document = complete(self.spec.to_dict())
            return self._document

    def _openapi_json(self) -> Response:
        """Serve the document."""
        text = current_app.json.dumps(self.document(), indent=2, sort_keys=False)
        return Response(text, mimetype="application/json")

    def _register_error_handlers(self) -> None:
        """Leave errors to ``app.http_errors``: one shape for every path."""

    def _register_pagination_header(self) -> None:
        """Pages are told in the body and in a Link header, not in flask-smorest's own one."""


class Conventions(BasePlugin):
    """Adds to every operation what ``docs/api.md`` promises of all: headers and problems."""

    def init_spec(self, spec: APISpec) -> None:
        """Need nothing of the document as a whole."""

    def operation_helper(
        self, path: str | None = None, operations: dict[str, Any] | None = None, **_: Any
    ) -> None:
        """Complete the operations of one path."""
        for method, operation in (operations or {}).items():
            if isinstance(operation, dict) and "responses" in operation:
                _add_headers(method, path or "", operation)
                _add_problems(method, path or "", operation)


def _add_headers(method: str, path: str, operation: dict[str, Any]) -> None:
    answers = {str(status): answer for status, answer in operation["responses"].items()}
    parameters = operation.setdefault("parameters", [])
    operation.pop("x-holds", None)  # whatever is accepted work does
    is_work = "202" in answers
    if is_work or (method == "post" and not path.startswith(TAKES_NO_KEY)):
        parameters.append(IDEMPOTENCY_KEY)
    if "201" in answers:
        answers["201"].setdefault("headers", {}).update(CREATED_HEADERS)
    if is_work:
        parameters.append(PREFER)
        answers["202"].setdefault("headers", {}).update(ACCEPTED_HEADERS)
    if method in ("patch", "delete") and not operation.pop("x-unconditional", False):
        parameters.append(IF_MATCH)
    if operation.pop("x-conditional", False):
        parameters.append(IF_NONE_MATCH)
        answers["304"] = {"description": "Nothing has changed since that ETag"}
    operation["responses"] = answers


def _add_problems(method: str, path: str, operation: dict[str, Any]) -> None:
    answers: dict[str, Any] = operation["responses"]
    named = {status for status in answers if status[0] == "4"} | {"429", "default"}
    if operation.get("security") != []:
        named |= {"401", "403"} if "{" in path or method != "get" else {"401"}
    if "{" in path:
        named.add("404")
    if "requestBody" in operation:
        named |= {"400", "413", "415", "422"}
    if any(item["in"] == "query" for item in operation["parameters"]):
        named.add("422")
    if any(item["name"] == "Idempotency-Key" for item in operation["parameters"]):
        named |= {"409", "422"}
    if IF_MATCH in operation["parameters"]:
        named |= {"412", "428"}
    kept = {status: answer for status, answer in answers.items() if status not in named}
    operation["responses"] = kept | {status: _problem_name(status) for status in sorted(named)}


def _problem_name(status: str) -> str:
    return f"Problem{status.capitalize()}"


def _enumeration(_converter: Any, field: Any, **_: Any) -> dict[str, Any]:
    names = [item.enum_name for item in field.validators if isinstance(item, Choice)]
    return {ENUM_NAME: names[0]} if names else {}


def _json_schema_properties(_converter: Any, field: Any, **_: Any) -> dict[str, Any]:
    return dict(field.json_schema) if isinstance(field, JsonSchemaField) else {}
