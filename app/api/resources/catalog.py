"""The catalog: which clouds and kinds there are."""

from __future__ import annotations

from typing import Any

from flask import Response
from flask.views import MethodView
from marshmallow import fields, validate

from app.api.http.blueprint import ApiBlueprint
from app.api.http.responses import single
from app.api.http.schemas import CONDITIONAL, Request, ResponseSchema
from app.catalog.blueprint import KindBlueprint
from app.catalog.catalog import Catalog
from app.catalog.cloud import Cloud
from app.errors import NotFoundError
from app.web.context import current_context

blueprint = ApiBlueprint("catalogue", "Clouds and kinds on offer")


class RegionView(ResponseSchema):
    """A region in neutral words."""

    name = fields.String(required=True)
    title = fields.String(required=True)


class SizeView(ResponseSchema):
    """A size in neutral words."""

    name = fields.String(required=True)
    title = fields.String(required=True)
    description = fields.String(required=True)


class WordView(ResponseSchema):
    """A neutral word, such as a version, and until when the cloud supports what it stands for."""

    name = fields.String(required=True)
    title = fields.String(required=True)
    description = fields.String(required=True)
    supported_until = fields.Date(
        required=True,
        allow_none=True,
        metadata={"description": "The last day; null for what has none", "example": "2027-06-28"},
    )


class CloudView(ResponseSchema):
    """A cloud with what it offers."""

    name = fields.String(required=True)
    title = fields.String(required=True)
    description = fields.String(required=True)
    regions = fields.List(fields.Nested(RegionView), required=True)
    default_region = fields.String(required=True, allow_none=True)
    sizes = fields.List(fields.Nested(SizeView), required=True)
    vocabulary = fields.Dict(
        keys=fields.String(),
        values=fields.List(fields.Nested(WordView)),
        required=True,
        metadata={"description": "The words of each `x-vocabulary` that the cloud offers"},
    )


class KindView(ResponseSchema):
    """A kind with its parameters (JSON Schema 2020-12) and outputs."""

    kind = fields.String(required=True)
    plural = fields.String(required=True)
    version = fields.String(required=True)
    versions = fields.List(
        fields.String(),
        required=True,
        metadata={"description": "All versions in the catalog, the newest first"},
    )
    title = fields.String(required=True)
    description = fields.String(required=True)
    clouds = fields.List(fields.String(), required=True)
    parameters = fields.Dict(required=True)
    outputs = fields.Dict(required=True)
    references = fields.Dict(required=True)
    stands_for = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "Its stacks may be named wherever one of this kind may"},
    )


class KindQuery(Request):
    """Which version of a kind."""

    version = fields.String(
        load_default=None,
        validate=validate.Length(max=40),
        metadata={"description": "One of its versions; else the newest", "example": "1.0.0"},
    )


class CloudList(ResponseSchema):
    """All clouds."""

    items = fields.List(fields.Nested(CloudView), required=True)
    next_cursor = fields.String(required=True, allow_none=True)


class KindList(ResponseSchema):
    """All kinds."""

    items = fields.List(fields.Nested(KindView), required=True)
    next_cursor = fields.String(required=True, allow_none=True)


@blueprint.route("/clouds")
class Clouds(MethodView):
    """All clouds."""

    @blueprint.doc(operationId="listClouds", **CONDITIONAL)
    @blueprint.arguments(Request, location="query")
    @blueprint.response(200, CloudList)
    def get(self, _query: dict[str, Any]) -> Response:
        """List the clouds with their regions and sizes"""
        clouds = current_context().catalog.clouds.values()
        return single({"items": [_cloud(cloud) for cloud in clouds], "next_cursor": None})


@blueprint.route("/kinds")
class Kinds(MethodView):
    """All kinds."""

    @blueprint.doc(operationId="listKinds", **CONDITIONAL)
    @blueprint.arguments(Request, location="query")
    @blueprint.response(200, KindList)
    def get(self, _query: dict[str, Any]) -> Response:
        """List the kinds with their parameters and outputs"""
        catalog = current_context().catalog
        items = [_kind(catalog, kind) for kind in catalog.kinds.values()]
        return single({"items": items, "next_cursor": None})


@blueprint.route("/kinds/<kind>")
class Kind(MethodView):
    """One kind."""

    @blueprint.doc(operationId="getKind", **CONDITIONAL)
    @blueprint.arguments(KindQuery, location="query")
    @blueprint.response(200, KindView)
    def get(self, query: dict[str, Any], kind: str) -> Response:
        """Show a kind with its parameters and outputs, in its newest or a given version"""
        catalog = current_context().catalog
        newest = catalog.kind(kind)
        version = query["version"] or newest.version
        found = catalog.find(kind, version)
        if found is None:
            known = ", ".join(catalog.versions[kind])
            raise NotFoundError(f"The kind {kind} has no such version; it has: {known}.")
        return single(_kind(catalog, found))


def _cloud(cloud: Cloud) -> dict[str, Any]:
    return {
        "name": cloud.name,
        "title": cloud.title,
        "description": cloud.description,
        "regions": [{"name": r.name, "title": r.title} for r in cloud.regions.values()],
        "default_region": cloud.default_region,
        "sizes": [
            {"name": size.name, "title": size.title, "description": size.description}
            for size in cloud.sizes.values()
        ],
        "vocabulary": {
            name: [
                {
                    "name": word.name,
                    "title": word.title,
                    "description": word.description,
                    "supported_until": word.supported_until and word.supported_until.isoformat(),
                }
                for word in words.values()
            ]
            for name, words in cloud.vocabulary.items()
        },
    }


def _kind(catalog: Catalog, kind: KindBlueprint) -> dict[str, Any]:
    return {
        "kind": kind.kind,
        "plural": kind.plural,
        "version": kind.version,
        "versions": list(catalog.versions[kind.kind]),
        "title": kind.title,
        "description": kind.description,
        "clouds": list(kind.clouds),
        "parameters": kind.parameters,
        "outputs": {
            name: {"type": spec.type, "description": spec.description, "sensitive": spec.sensitive}
            for name, spec in kind.outputs.items()
        },
        "references": {name: {"kind": spec.kind} for name, spec in kind.references.items()},
        "stands_for": kind.stands_for,
    }
