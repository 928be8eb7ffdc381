"""One typed collection for each kind in the catalog: ``/networks``, ``/buckets``, …

Compiled at start from the blueprints, so a new kind takes no Python: its parameters appear in the
OpenAPI document as they stand in its JSON Schema.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flask import Response
from flask.views import MethodView
from marshmallow import Schema, fields

from app.api.http import responses
from app.api.http.blueprint import ApiBlueprint
from app.api.http.fields import JsonSchemaField
from app.api.http.requests import expected_version, is_newest_first, page_request
from app.api.http.schemas import HOLDS, TRIES, ResponseSchema, page_of
from app.api.openapi import kind_schemas
from app.api.resources.operations.schemas import OperationView
from app.api.resources.stacks.answers import accept, answer_stack
from app.api.resources.stacks.bodies import StackQuery, WantedStackBody, named_filters
from app.api.resources.stacks.cascades import DeletionQuery
from app.api.resources.stacks.further_checks import change_body_of, new_body_of
from app.api.resources.stacks.presenter import present_stack
from app.api.resources.stacks.schemas import StackView
from app.catalog.blueprint import KindBlueprint
from app.catalog.catalog import Catalog
from app.domain.auto_reconcile import AutoReconcile
from app.domain.drift import ChangeKind
from app.domain.operations import AutoApply
from app.domain.stacks import OnExpiry
from app.services.lookup import stack_by_id
from app.services.schedules.settings import DriftSettings
from app.services.stacks import queries
from app.services.stacks.change import StackChange, change_stack
from app.services.stacks.create import NewStack, create_stack
from app.services.stacks.deletion import delete_stack
from app.services.stacks.filters import refuse_unknown
from app.services.stacks.put import WantedStack, put_stack, stack_named
from app.services.stacks.queries import StackFilter
from app.web.context import current_context, current_principal


class CollectionQuery(StackQuery):
    """Filters of a typed collection: those of all stacks but the kind."""

    class Meta(StackQuery.Meta):
        """Options of marshmallow."""

        exclude = ("kind",)


def build_blueprints(catalog: Catalog) -> list[ApiBlueprint]:
    """Return one group of paths for each kind."""
    return [
        _build(kind, list(catalog.versions[kind.kind].values())) for kind in catalog.kinds.values()
    ]


def _build(kind: KindBlueprint, versions: list[KindBlueprint]) -> ApiBlueprint:
    blueprint = ApiBlueprint(kind.plural, kind.description)
    shapes = _Shapes(kind, versions)
    blueprint.route(f"/{kind.plural}")(_collection_view(blueprint, kind, shapes))
    blueprint.route(f"/{kind.plural}/<stack_id>")(_item_view(blueprint, kind, shapes))
    by_name = f"/projects/<project>/{kind.plural}/<stack_name>"
    blueprint.route(by_name)(_named_view(blueprint, kind, shapes))
    return blueprint


class _Shapes:
    """The schemas of one kind; what exists may have any of its versions."""

    def __init__(self, kind: KindBlueprint, versions: list[KindBlueprint]) -> None:
        self.name = "".join(part.capitalize() for part in kind.kind.split("-"))
        self.plural = "".join(part.capitalize() for part in kind.plural.split("-"))
        parameters = kind.parameters
        is_needed = bool(parameters.get("required"))
        self.new: type[Schema] = new_body_of(kind.kind).from_dict(
            {
                "parameters": JsonSchemaField(
                    parameters,
                    component=f"New{self.name}Parameters",
                    **({"required": True} if is_needed else {"load_default": dict}),
                )
            },
            name=f"New{self.name}",
        )
        self.wanted: type[Schema] = WantedStackBody.from_dict(
            {
                "parameters": JsonSchemaField(
                    parameters,
                    component=f"New{self.name}Parameters",
                    **({"required": True} if is_needed else {"load_default": dict}),
                )
            },
            name=f"Wanted{self.name}",
        )
        self.change: type[Schema] = change_body_of(kind.kind).from_dict(
            {
                "parameters": JsonSchemaField(
                    kind_schemas.patch(versions), component=f"{self.name}ChangeParameters"
                )
            },
            name=f"{self.name}Change",
        )
        self.view: type[Schema] = StackView.from_dict(
            {
                "parameters": JsonSchemaField(
                    kind_schemas.shown(versions), component=f"{self.name}Parameters", required=True
                ),
                "outputs": JsonSchemaField(
                    kind_schemas.outputs(versions), component=f"{self.name}Outputs", required=True
                ),
            },
            name=self.name,
        )
        self.page = page_of(self.view, f"{self.name}Page")
        self.accepted: type[Schema] = ResponseSchema.from_dict(
            {
                "stack": fields.Nested(self.view, required=True),
                "operation": fields.Nested(OperationView, required=True, allow_none=True),
            },
            name=f"{self.name}Accepted",
        )


def _collection_view(
    blueprint: ApiBlueprint, kind: KindBlueprint, shapes: _Shapes
) -> type[MethodView]:
    class Collection(MethodView):
        @blueprint.doc(operationId=f"list{shapes.plural}", summary=f"List stacks: {kind.title}")
        @blueprint.arguments(CollectionQuery, location="query")
        @blueprint.response(200, shapes.page)
        def get(self, query: dict[str, Any]) -> Response:
            ctx, principal = current_context(), current_principal()
            asked, newest_first = page_request(query), is_newest_first(query)
            with ctx.read() as session:
                refuse_unknown(ctx, session, principal, **named_filters(query))
                wanted = StackFilter(**query, kind=kind.kind)
                found = queries.list_stacks(
                    session, principal, wanted, asked, newest_first=newest_first
                )
                return responses.page(found, lambda row: present_stack(ctx, principal, row))

        @blueprint.doc(
            operationId=f"create{shapes.name}", summary=f"Create: {kind.title}", **HOLDS, **TRIES
        )
        @blueprint.arguments(shapes.new)
        @blueprint.response(202, shapes.accepted)
        def post(self, body: dict[str, Any]) -> Response:
            wanted = _new_stack(kind.kind, body)

            return accept(lambda work: create_stack(work, wanted))

    return Collection


def _item_view(blueprint: ApiBlueprint, kind: KindBlueprint, shapes: _Shapes) -> type[MethodView]:
    class Item(MethodView):
        @blueprint.doc(operationId=f"get{shapes.name}", summary=f"Show: {kind.title}")
        @blueprint.response(200, shapes.view)
        def get(self, stack_id: str) -> Response:
            ctx = current_context()
            with ctx.read() as session:
                row = stack_by_id(session, current_principal(), stack_id, kind=kind.kind)
                return answer_stack(ctx, row)

        @blueprint.doc(
            operationId=f"change{shapes.name}", summary=f"Change: {kind.title}", **HOLDS, **TRIES
        )
        @blueprint.arguments(shapes.change)
        @blueprint.response(202, shapes.accepted)
        @blueprint.alt_response(200, schema=shapes.accepted, description="Nothing for Terraform")
        def patch(self, body: dict[str, Any], stack_id: str) -> Response:
            version, change = expected_version(), _stack_change(body)

            return accept(
                lambda work: change_stack(
                    work, stack_id, change, kind=kind.kind, expected_version=version
                )
            )

        @blueprint.doc(
            operationId=f"delete{shapes.name}", summary=f"Destroy: {kind.title}", **HOLDS, **TRIES
        )
        @blueprint.arguments(DeletionQuery, location="query")
        @blueprint.response(202, shapes.accepted)
        @blueprint.alt_response(200, schema=shapes.accepted, description="It is destroyed already")
        def delete(self, query: dict[str, Any], stack_id: str) -> Response:
            version, cascade = expected_version(), query["cascade"]

            return accept(
                lambda work: delete_stack(
                    work, stack_id, kind=kind.kind, expected_version=version, with_users=cascade
                )
            )

    return Item


def _named_view(blueprint: ApiBlueprint, kind: KindBlueprint, shapes: _Shapes) -> type[MethodView]:
    class Named(MethodView):
        @blueprint.doc(operationId=f"get{shapes.name}ByName", summary=f"Show by name: {kind.title}")
        @blueprint.response(200, shapes.view)
        def get(self, project: str, stack_name: str) -> Response:
            ctx = current_context()
            with ctx.read() as session:
                row = stack_named(session, current_principal(), project, kind.kind, stack_name)
                return answer_stack(ctx, row)

        @blueprint.doc(
            operationId=f"put{shapes.name}",
            summary=f"Make or change: {kind.title}",
            **HOLDS,
            **TRIES,
        )
        @blueprint.arguments(shapes.wanted)
        @blueprint.response(202, shapes.accepted)
        @blueprint.alt_response(200, schema=shapes.accepted, description="It is so already")
        def put(self, body: dict[str, Any], project: str, stack_name: str) -> Response:
            new = _new_stack(kind.kind, {**body, "project": project, "name": stack_name})
            own = ("parameters", "labels")
            settings = {key: value for key, value in body.items() if key not in own}
            wanted = WantedStack(new, _stack_change(settings))

            return accept(lambda work: put_stack(work, wanted))

    return Named


def _new_stack(kind: str, body: dict[str, Any]) -> NewStack:
    settings = {
        name: body[name] for name in ("region", "labels", "deletion_protection") if name in body
    }
    return NewStack(
        kind=kind,
        name=body["name"],
        project=body["project"],
        cloud_account=body["cloud_account"],
        parameters=body["parameters"],
        auto_apply=AutoApply(body["auto_apply"]) if "auto_apply" in body else None,
        drift=_drift_settings(body.get("drift", {})),
        expires_at=body.get("expires_at"),
        lives_for=_lives_for(body),
        on_expiry=OnExpiry(body.get("on_expiry", OnExpiry.DESTROY)),
        **settings,
    )


def _lives_for(body: dict[str, Any]) -> timedelta | None:
    if "ttl_seconds" not in body:
        return None
    return timedelta(seconds=body["ttl_seconds"])


def _drift_settings(body: dict[str, Any]) -> DriftSettings:
    if "auto_reconcile" not in body:
        return DriftSettings(**body)
    others, wanted = dict(body), body["auto_reconcile"]
    del others["auto_reconcile"]
    if wanted is None:
        return DriftSettings(**others, clear_auto_reconcile=True)
    changes = frozenset(map(ChangeKind, wanted["changes"]))
    return DriftSettings(**others, auto_reconcile=AutoReconcile(changes, wanted["per_day"]))


def _stack_change(body: dict[str, Any]) -> StackChange:
    return StackChange(
        parameters=body.get("parameters"),
        labels=body.get("labels"),
        auto_apply=AutoApply(body["auto_apply"]) if "auto_apply" in body else None,
        drift=_drift_settings(body["drift"]) if "drift" in body else None,
        expires_at=body.get("expires_at"),
        lives_for=_lives_for(body),
        on_expiry=OnExpiry(body["on_expiry"]) if "on_expiry" in body else None,
        clear_expiry="expires_at" in body and body["expires_at"] is None,
        deletion_protection=body.get("deletion_protection"),
    )
