"""All stacks in one list, and what belongs to one of them."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from flask import Response
from flask.views import MethodView
from marshmallow import ValidationError, fields, validate, validates_schema
from sqlalchemy.orm import Session

from app.api import answers, drift_views, present
from app.api.drift_views import DriftReportPage, DriftReportView
from app.api.json_fields import JsonSchemaField
from app.api.requests import ApiBlueprint, page_request
from app.api.schemas import (
    CONDITIONAL,
    HOLDS,
    AcceptedView,
    Answer,
    OperationPage,
    PageQuery,
    Request,
    StackPage,
    StackView,
    choices,
    page_of,
)
from app.domain.drift import DriftStatus
from app.domain.operations import OperationType
from app.domain.plan_options import MAX_ADDRESSES, PlanOptions
from app.domain.stacks import StackStatus, StateBackend
from app.models import Operation, Stack
from app.services import inventory, operations
from app.services.access import Principal
from app.services.blueprint_upgrades import request_upgrade
from app.services.context import Context
from app.services.inventory import OperationFilter, StackFilter
from app.services.lookup import stack_by_id
from app.services.pages import cut_page
from app.services.state_contents import list_resources
from app.services.state_moves import request_move
from app.web_context import current_context, current_principal

blueprint = ApiBlueprint("stacks", "Stacks of all kinds")

LABEL_FILTER = "^[A-Za-z0-9][A-Za-z0-9._/-]{0,62}="


class StackQuery(PageQuery):
    """Filters of the list of stacks."""

    project = fields.String(validate=validate.Length(max=64))
    kind = fields.String(validate=validate.Length(max=64))
    cloud = fields.String(validate=validate.Length(max=64))
    region = fields.String(validate=validate.Length(max=64))
    status = fields.String(validate=choices(StackStatus))
    drift = fields.String(validate=choices(DriftStatus))
    label = fields.String(
        validate=[
            validate.Length(max=320),
            validate.Regexp(LABEL_FILTER, error="Write it as name=value."),
        ],
        metadata={"example": "team=web", "pattern": LABEL_FILTER},
    )
    q = fields.String(
        validate=validate.Length(max=64), metadata={"description": "Part of the name, or an id"}
    )


class NewOperationBody(Request):
    """An operation to start."""

    type = fields.String(required=True, validate=choices(OperationType))
    targets = fields.List(
        fields.String(validate=validate.Length(max=512)),
        load_default=list,
        validate=validate.Length(max=MAX_ADDRESSES),
        metadata={"description": "For plan and apply: only these addresses"},
    )
    replace = fields.List(
        fields.String(validate=validate.Length(max=512)),
        load_default=list,
        validate=validate.Length(max=MAX_ADDRESSES),
        metadata={"description": "For plan and apply: replace these addresses"},
    )
    serial = fields.Integer(
        strict=True,
        validate=validate.Range(min=0, max=inventory.MAX_SERIAL),
        metadata={"description": "For rollback: the state version to go back to"},
    )
    report_id = fields.String(
        validate=validate.Length(max=64),
        metadata={"description": "For reconcile and accept_drift: the drift report that was seen"},
    )
    state_backend = fields.String(
        validate=choices(StateBackend),
        metadata={"description": "For move_state: where the state goes"},
    )
    blueprint_version = fields.String(
        validate=validate.Length(max=40),
        metadata={
            "description": "For plan and apply: upgrade to this version of the blueprint, or see "
            "what that would do",
            "example": "2.0.0",
        },
    )
    parameters = JsonSchemaField(
        {
            "type": "object",
            "description": "With blueprint_version: parameters that change with it; null gives "
            "one up or puts it back to its default",
        }
    )

    @validates_schema
    def _check_upgrade(self, data: dict[str, Any], **_: object) -> None:
        if "blueprint_version" in data:
            others = ("targets", "replace", "serial", "report_id", "state_backend")
            extra = [name for name in others if data.get(name)]
            message = "Does not go together with blueprint_version."
        else:
            extra = [name for name in ("parameters",) if name in data]
            message = "Is taken with blueprint_version only; else change the stack with PATCH."
        if extra:
            raise ValidationError({name: [message] for name in extra})


class OutputsView(Answer):
    """The outputs of a stack by name."""

    outputs = fields.Dict(required=True)


class ResourceView(Answer):
    """One resource of a stack."""

    address = fields.String(required=True)
    name = fields.String(required=True)
    type = fields.String(required=True, metadata={"example": "subnet"})
    id = fields.String(required=True, allow_none=True)
    status = fields.String(required=True, validate=validate.OneOf(["ok", "tainted", "deposed"]))


@blueprint.route("/stacks")
class Stacks(MethodView):
    """All stacks."""

    @blueprint.doc(operationId="listStacks")
    @blueprint.arguments(StackQuery, location="query")
    @blueprint.response(200, StackPage)
    def get(self, query: dict[str, Any]) -> Response:
        """List stacks of all kinds, newest first

        Deleted stacks are listed with ``status=deleted`` only.
        """
        ctx, principal = current_context(), current_principal()
        asked = page_request(query)
        with ctx.read() as session:
            found = inventory.list_stacks(session, principal, StackFilter(**query), asked)
            return answers.page(found, lambda row: present.stack(ctx, principal, row))


@blueprint.route("/stacks/<stack_id>")
class OneStack(MethodView):
    """One stack."""

    @blueprint.doc(operationId="getStack")
    @blueprint.response(200, StackView)
    def get(self, stack_id: str) -> Response:
        """Show a stack"""
        ctx = current_context()
        with ctx.read() as session:
            return answers.stack(ctx, stack_by_id(session, current_principal(), stack_id))


@blueprint.route("/stacks/<stack_id>/outputs")
class Outputs(MethodView):
    """Outputs of a stack."""

    @blueprint.doc(operationId="getStackOutputs", **CONDITIONAL)
    @blueprint.response(200, OutputsView)
    def get(self, stack_id: str) -> Response:
        """Show the outputs of a stack; sensitive ones are masked unless you may read secrets"""
        ctx, principal = current_context(), current_principal()
        with ctx.read() as session:
            row = stack_by_id(session, principal, stack_id)
            return answers.single({"outputs": present.outputs(ctx, principal, row)})


@blueprint.route("/stacks/<stack_id>/resources")
class Resources(MethodView):
    """What a stack consists of."""

    @blueprint.doc(operationId="listStackResources")
    @blueprint.arguments(PageQuery, location="query")
    @blueprint.response(200, page_of(ResourceView, "ResourcePage"))
    def get(self, query: dict[str, Any], stack_id: str) -> Response:
        """List what a stack consists of, by address, as its recorded state has it"""
        ctx, asked = current_context(), page_request(query)
        with ctx.read() as session:
            row = stack_by_id(session, current_principal(), stack_id)
        return answers.page(cut_page(list_resources(ctx, row.id), "address", asked), asdict)


@blueprint.route("/stacks/<stack_id>/operations")
class StackOperations(MethodView):
    """Operations of a stack."""

    @blueprint.doc(operationId="listStackOperations")
    @blueprint.arguments(PageQuery, location="query")
    @blueprint.response(200, OperationPage)
    def get(self, query: dict[str, Any], stack_id: str) -> Response:
        """List the operations of a stack, newest first"""
        principal = current_principal()
        with current_context().read() as session:
            stack_by_id(session, principal, stack_id)
            wanted = OperationFilter(stack_id=stack_id)
            found = inventory.list_operations(session, principal, wanted, page_request(query))
            return answers.page(found, present.operations(session, found.items))

    @blueprint.doc(operationId="startStackOperation", **HOLDS)
    @blueprint.arguments(NewOperationBody)
    @blueprint.response(202, AcceptedView)
    def post(self, body: dict[str, Any], stack_id: str) -> Response:
        """Start an operation on a stack: plan, apply, destroy, drift_check, rollback, …

        A rollback makes an earlier state version the present state; its plan always waits for
        approval. ``reconcile`` undoes the drift of a report, ``accept_drift`` has the state follow
        reality; both are refused when the drift is another one by then. With
        ``blueprint_version``, an apply upgrades the stack and a plan shows what that would do.
        ``move_state`` takes the Terraform state to the volume or to S3.
        """
        wanted = OperationType(body["type"])
        options = PlanOptions(
            targets=tuple(body["targets"]),
            replace=tuple(body["replace"]),
            serial=body.get("serial"),
            report_id=body.get("report_id"),
            state_backend=body.get("state_backend"),
        )

        def work(
            session: Session, ctx: Context, principal: Principal
        ) -> tuple[Stack, Operation | None]:
            if "blueprint_version" in body:
                version, patch = body["blueprint_version"], body.get("parameters", {})
                return request_upgrade(ctx, session, principal, stack_id, wanted, version, patch)
            if wanted is OperationType.MOVE_STATE:
                return request_move(ctx, session, principal, stack_id, options)
            return operations.request_operation(session, principal, stack_id, wanted, options)

        return answers.accept(work)


@blueprint.route("/stacks/<stack_id>/drift-reports")
class DriftReports(MethodView):
    """Drift reports of a stack."""

    @blueprint.doc(operationId="listDriftReports")
    @blueprint.arguments(PageQuery, location="query")
    @blueprint.response(200, DriftReportPage)
    def get(self, query: dict[str, Any], stack_id: str) -> Response:
        """List the drift reports of a stack, newest first"""
        with current_context().read() as session:
            found = inventory.list_drift_reports(
                session, current_principal(), stack_id, page_request(query)
            )
            return answers.page(found, drift_views.reports(session, found.items))


@blueprint.route("/stacks/<stack_id>/drift-reports/<report_id>")
class OneDriftReport(MethodView):
    """One drift report."""

    @blueprint.doc(operationId="getDriftReport", **CONDITIONAL)
    @blueprint.response(200, DriftReportView)
    def get(self, stack_id: str, report_id: str) -> Response:
        """Show a drift report, with what is known of each change now"""
        with current_context().read() as session:
            row = inventory.drift_report(session, current_principal(), stack_id, report_id)
            return answers.single(drift_views.report(session, row))
