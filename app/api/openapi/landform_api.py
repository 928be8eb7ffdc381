"""The OpenAPI document: its head, and when it is made."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from threading import Lock
from typing import Any, ClassVar, NamedTuple

from flask import Flask, Response, current_app, request
from flask_smorest import Api, Blueprint
from marshmallow import Schema

from app.api.http.blueprint import PREFIX
from app.api.http.fields import ChoiceField, JsonSchemaField
from app.api.http.query_parameters import refuse_unknown_parameters
from app.api.http.schemas import Problem
from app.api.openapi.conventions import PROBLEM, PROBLEMS, Conventions, problem_name
from app.api.openapi.document import complete
from app.api.openapi.schema_names import COMPONENT, ENUM_NAME
from app.api.openapi.webhook_operations import describe_webhooks
from app.version import VERSION
from app.web.compression import pack, takes_gzip
from app.web.http_errors import error_codes

KEPT_FOR = "public, max-age=300"
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


class DocumentFile(NamedTuple):
    """The document as it is sent, written and compressed once."""

    plain: bytes
    packed: bytes
    etag: str

    @classmethod
    def of(cls, plain: bytes) -> DocumentFile:
        """Write it."""
        return cls(plain, pack(plain), hashlib.sha256(plain).hexdigest()[:32])

    def respond(self) -> Response:
        """Answer with it, or with 304."""
        is_packed = takes_gzip()
        response = Response(self.packed if is_packed else self.plain, mimetype="application/json")
        if is_packed:
            response.headers["Content-Encoding"] = "gzip"
        response.vary.add("Accept-Encoding")
        response.headers["Cache-Control"] = KEPT_FOR
        response.set_etag(self.etag)
        response.make_conditional(request)
        return response


class LandformApi(Api):
    """flask-smorest without its error handlers (``app.web.http_errors`` has them all)."""

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
            self.spec.components.response(problem_name(status), response, lazy=True)
        self.ma_plugin.converter.add_attribute_function(_json_schema_properties)
        self.ma_plugin.converter.add_attribute_function(_enumeration)
        self._undescribed: list[tuple[Blueprint, str]] = []
        self._messages: Mapping[str, type[Schema]] = {}
        self._document: dict[str, Any] | None = None
        self._file: DocumentFile | None = None
        self._describing = Lock()

    def register_blueprint(self, blp: Blueprint, **options: Any) -> None:
        """Bind ``blp`` to the application; the document describes it when it is asked for.

        To describe all paths takes longer than all else of a start, and few processes are asked.
        """
        name = options.get("name", blp.name)
        self._app.extensions["flask-smorest"]["blp_name_to_api"][name] = self
        self._app.register_blueprint(blp, **options)
        self._undescribed.append((blp, name))

    def tell_webhooks(self, messages: Mapping[str, type[Schema]]) -> None:
        """Have the document tell what webhooks are sent; ``messages`` has the body by event."""
        self._messages = messages

    def document(self) -> dict[str, Any]:
        """Return the whole document; not to be changed. All paths must be registered by now."""
        with self._describing:
            if self._document is None:
                for blueprint, name in self._undescribed:
                    blueprint.register_views_in_doc(
                        self, self._app, self.spec, name=name, parameters=None
                    )
                    self.spec.tag({"name": name, "description": blueprint.description})
                webhooks = describe_webhooks(self.spec, self._messages)
                whole = {**self.spec.to_dict(), "webhooks": webhooks}
                self._document = complete(whole, [item.code for item in error_codes()])
            return self._document

    def _openapi_json(self) -> Response:
        """Serve the document."""
        refuse_unknown_parameters()
        if self._file is None:  # 450 KB for whoever asks, who need not even be signed in
            text = current_app.json.dumps(self.document(), indent=2, sort_keys=False)
            self._file = DocumentFile.of(text.encode())
        return self._file.respond()

    def _register_error_handlers(self) -> None:
        """Leave errors to ``app.web.http_errors``: one shape for every path."""

    def _register_pagination_header(self) -> None:
        """Pages are told in the body and in a Link header, not in flask-smorest's own one."""


def _enumeration(_converter: Any, field: Any, **_: Any) -> dict[str, Any]:
    names = [item.enum_name for item in field.validators if isinstance(item, ChoiceField)]
    return {ENUM_NAME: names[0]} if names else {}


def _json_schema_properties(_converter: Any, field: Any, **_: Any) -> dict[str, Any]:
    if not isinstance(field, JsonSchemaField):
        return {}
    marked = {COMPONENT: field.component} if field.component else {}
    return {**field.json_schema, **marked}
