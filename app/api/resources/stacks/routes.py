"""All stacks in one list, and what belongs to one of them."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from flask import Response
from flask.views import MethodView

from app.api.http import responses
from app.api.http.blueprint import ApiBlueprint
from app.api.http.requests import is_newest_first, page_request
from app.api.http.schemas import CONDITIONAL, HOLDS, TRIES, PageQuery
from app.api.resources.drift.presenter import present_report, report_presenter
from app.api.resources.drift.schemas import DriftReportPage, DriftReportView
from app.api.resources.operations.bodies import NewOperationBody
from app.api.resources.operations.presenter import operation_presenter
from app.api.resources.operations.schemas import OperationPage
from app.api.resources.stacks.answers import accept, answer_stack
from app.api.resources.stacks.bodies import StackQuery, named_filters
from app.api.resources.stacks.cascades import DeletionPlanView, show_deletion_plan
from app.api.resources.stacks.presenter import present_outputs, present_stack
from app.api.resources.stacks.schemas import (
    AcceptedView,
    OutputsView,
    ResourcePage,
    StackPage,
    StackView,
)
from app.domain.operation_registry import facts_of
from app.domain.plan_options import PlanOptions
from app.models import Operation, Stack
from app.services.drift import reports
from app.services.drift.missing import missing_outputs
from app.services.lookup import stack_by_id
from app.services.operations import control
from app.services.operations.move_state import request_move
from app.services.operations.queries import OperationFilter, list_operations
from app.services.paging import cut_page
from app.services.stacks.filters import refuse_unknown
from app.services.stacks.queries import StackFilter, list_stacks
from app.services.stacks.upgrade import request_upgrade
from app.services.state.contents import list_let_go, list_resources
from app.services.work import Work
from app.web.context import current_context, current_principal

blueprint = ApiBlueprint("stacks", "Stacks of all kinds")


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
        asked, newest_first = page_request(query), is_newest_first(query)
        with ctx.read() as session:
            refuse_unknown(ctx, session, principal, **named_filters(query))
            wanted = StackFilter(**query)
            found = list_stacks(session, principal, wanted, asked, newest_first=newest_first)
            return responses.page(found, lambda row: present_stack(ctx, principal, row))


@blueprint.route("/stacks/<stack_id>")
class OneStack(MethodView):
    """One stack."""

    @blueprint.doc(operationId="getStack")
    @blueprint.response(200, StackView)
    def get(self, stack_id: str) -> Response:
        """Show a stack"""
        ctx = current_context()
        with ctx.read() as session:
            return answer_stack(ctx, stack_by_id(session, current_principal(), stack_id))


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
            missing = missing_outputs(ctx.keys, row)
            shown = present_outputs(ctx, principal, row, missing)
            return responses.single({"outputs": shown, "missing_outputs": sorted(missing)})


@blueprint.route("/stacks/<stack_id>/resources")
class Resources(MethodView):
    """What a stack consists of."""

    @blueprint.doc(operationId="listStackResources")
    @blueprint.arguments(PageQuery, location="query")
    @blueprint.response(200, ResourcePage)
    def get(self, query: dict[str, Any], stack_id: str) -> Response:
        """List what a stack consists of, by address, as its recorded state has it"""
        ctx, asked = current_context(), page_request(query)
        with ctx.read() as session:
            row = stack_by_id(session, current_principal(), stack_id)
            let_go = list_let_go(row)
        found = cut_page(list_resources(ctx, row.id), "address", asked)
        return responses.page(found, asdict, let_go=let_go)


@blueprint.route("/stacks/<stack_id>/deletion-plan")
class DeletionPlan(MethodView):
    """What would go with a stack."""

    @blueprint.doc(operationId="getDeletionPlan", **CONDITIONAL)
    @blueprint.response(200, DeletionPlanView)
    def get(self, stack_id: str) -> Response:
        """Show what a DELETE of the stack with ``cascade=true`` would destroy, in order"""
        return show_deletion_plan(stack_id)


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
            found = list_operations(session, principal, wanted, page_request(query))
            return responses.page(found, operation_presenter(session, found.items))

    @blueprint.doc(operationId="startStackOperation", **HOLDS, **TRIES)
    @blueprint.arguments(NewOperationBody)
    @blueprint.response(202, AcceptedView)
    def post(self, body: dict[str, Any], stack_id: str) -> Response:
        """Start an operation on a stack: plan, apply, destroy, drift_check, rollback, …

        A rollback makes an earlier state version the present state; its plan always waits for
        approval and names what it forgets, which ``adopt_forgotten`` imports. ``reconcile``
        undoes the drift of a report, ``accept_drift`` has the state follow reality; both are
        refused when the drift is another one by then. With
        ``blueprint_version``, an apply upgrades the stack and a plan shows what that would do.
        ``move_state`` takes the Terraform state to the volume or to S3.
        """
        wanted = facts_of(body["type"])
        options = PlanOptions(
            targets=tuple(body["targets"]),
            replace=tuple(body["replace"]),
            serial=body.get("serial"),
            adopts_forgotten=body["adopt_forgotten"],
            report_id=body.get("report_id"),
            findings=tuple(body["findings"]),
            state_backend=body.get("state_backend"),
        )

        def act(work: Work) -> tuple[Stack, Operation | None]:
            if "blueprint_version" in body:
                version, patch = body["blueprint_version"], body.get("parameters", {})
                return request_upgrade(work, stack_id, wanted.name, version, patch)
            if wanted.moves_state:
                return request_move(work, stack_id, options)
            return control.request_operation(work, stack_id, wanted.name, options)

        return accept(act)


@blueprint.route("/stacks/<stack_id>/drift-reports")
class DriftReports(MethodView):
    """Drift reports of a stack."""

    @blueprint.doc(operationId="listDriftReports")
    @blueprint.arguments(PageQuery, location="query")
    @blueprint.response(200, DriftReportPage)
    def get(self, query: dict[str, Any], stack_id: str) -> Response:
        """List the drift reports of a stack, newest first"""
        with current_context().read() as session:
            found = reports.list_drift_reports(
                session, current_principal(), stack_id, page_request(query)
            )
            return responses.page(found, report_presenter(session, found.items))


@blueprint.route("/stacks/<stack_id>/drift-reports/<report_id>")
class OneDriftReport(MethodView):
    """One drift report."""

    @blueprint.doc(operationId="getDriftReport", **CONDITIONAL)
    @blueprint.response(200, DriftReportView)
    def get(self, stack_id: str, report_id: str) -> Response:
        """Show a drift report, with what is known of each change now"""
        with current_context().read() as session:
            row = reports.drift_report(session, current_principal(), stack_id, report_id)
            return responses.single(present_report(session, row))
