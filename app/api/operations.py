"""Operations: follow them, read their plan, steer them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from flask import Response, request
from flask.views import MethodView
from marshmallow import fields, validate
from sqlalchemy.orm import Session

from app.api import answers, event_stream, present
from app.api.json_fields import Flag
from app.api.plan_schemas import PlanView
from app.api.requests import ApiBlueprint, page_request
from app.api.schemas import (
    CONDITIONAL,
    EventPage,
    NoBody,
    OperationPage,
    OperationView,
    PageQuery,
    Request,
    choices,
)
from app.api.schemas import (
    Answer as AnswerSchema,
)
from app.domain.operations import FINAL, OperationStatus, OperationType
from app.domain.plan_options import MAX_ADDRESSES, Import
from app.models import Operation
from app.services import inventory, operations
from app.services.access import Principal
from app.services.idempotency import Answer
from app.services.inventory import OperationFilter
from app.services.lookup import operation_by_id
from app.services.operation_log import log_lines
from app.services.resolutions import Resolution, resolve
from app.web_context import current_context, current_principal

blueprint = ApiBlueprint("operations", "Asynchronous work on stacks")

ASK_AGAIN = {
    "Retry-After": {
        "description": "Seconds until it is worth asking again; absent once it has ended",
        "schema": {"type": "string"},
    }
}


class OperationQuery(PageQuery):
    """Filters of the list of operations."""

    stack_id = fields.String(data_key="stack", validate=validate.Length(max=64))
    status = fields.String(validate=choices(OperationStatus))
    type = fields.String(validate=choices(OperationType))


class ApproveBody(Request):
    """Whether to apply at once, whatever the change windows say."""

    override_windows = Flag(
        load_default=False,
        metadata={"description": "Apply outside change windows and in maintenance"},
    )


class CancelBody(Request):
    """How to stop."""

    force = fields.Boolean(
        load_default=False, metadata={"description": "Kill a Terraform that was canceled before"}
    )


class ImportItem(Request):
    """A resource to take into the state."""

    address = fields.String(required=True, validate=validate.Length(max=512))
    id = fields.String(required=True, validate=validate.Length(max=512))


class ResolveBody(Request):
    """A decision about an interrupted operation."""

    action = fields.String(required=True, validate=choices(Resolution))
    imports = fields.List(
        fields.Nested(ImportItem),
        load_default=list,
        validate=validate.Length(max=MAX_ADDRESSES),
        metadata={"description": "For adopt; without any, all orphans that are fully known"},
    )


class ResolvedView(AnswerSchema):
    """The interrupted operation, and the one that was queued."""

    operation = fields.Nested(OperationView, required=True)
    following = fields.Nested(OperationView, required=True, allow_none=True)


@blueprint.route("/operations")
class Operations(MethodView):
    """All operations."""

    @blueprint.doc(operationId="listOperations")
    @blueprint.arguments(OperationQuery, location="query")
    @blueprint.response(200, OperationPage)
    def get(self, query: dict[str, Any]) -> Response:
        """List operations, newest first"""
        asked = page_request(query)
        with current_context().read() as session:
            wanted = OperationFilter(**query)
            found = inventory.list_operations(session, current_principal(), wanted, asked)
            return answers.page(found, present.operations(session, found.items))


@blueprint.route("/operations/<operation_id>")
class OneOperation(MethodView):
    """One operation."""

    @blueprint.doc(operationId="getOperation", **CONDITIONAL)
    @blueprint.response(200, OperationView, headers=ASK_AGAIN)
    def get(self, operation_id: str) -> Response:
        """Show an operation with its steps, and why it waits if it does"""
        with current_context().read() as session:
            row = operation_by_id(session, current_principal(), operation_id)
            answer = answers.single(present.operation(session, row))
            if OperationStatus(row.status) not in FINAL:
                answer.headers["Retry-After"] = answers.RETRY_AFTER_SECONDS
            return answer


@blueprint.route("/operations/<operation_id>/plan")
class OperationPlan(MethodView):
    """The plan of an operation."""

    @blueprint.doc(operationId="getOperationPlan", **CONDITIONAL)
    @blueprint.response(200, PlanView)
    def get(self, operation_id: str) -> Response:
        """Show the plan: summary and changes, sensitive values masked"""
        ctx = current_context()
        with ctx.read() as session:
            return answers.single(
                inventory.plan_of(ctx, session, current_principal(), operation_id)
            )


@blueprint.route("/operations/<operation_id>/events")
class OperationEvents(MethodView):
    """The story of an operation."""

    @blueprint.doc(operationId="listOperationEvents")
    @blueprint.arguments(PageQuery, location="query")
    @blueprint.response(200, EventPage)
    def get(self, query: dict[str, Any], operation_id: str) -> Response:
        """List the events of an operation, or follow them as text/event-stream

        With ``Accept: text/event-stream`` the answer streams events until the operation ends;
        ``Last-Event-ID`` resumes after that event.
        """
        ctx, principal = current_context(), current_principal()
        best = request.accept_mimetypes.best_match(["application/json", "text/event-stream"])
        with ctx.read() as session:
            if best == "text/event-stream":
                operation_by_id(session, principal, operation_id)
                return event_stream.follow(ctx, operation_id)
            found = inventory.list_events(session, principal, operation_id, page_request(query))
            return answers.page(found, present.event)


@blueprint.route("/operations/<operation_id>/log")
class OperationLog(MethodView):
    """The log of an operation."""

    @blueprint.doc(operationId="getOperationLog")
    @blueprint.response(200, {"type": "string"}, content_type="text/plain")
    def get(self, operation_id: str) -> Response:
        """Show the events of an operation as plain text, one line each"""
        ctx = current_context()
        with ctx.read() as session:
            operation_by_id(session, current_principal(), operation_id)
        return Response(log_lines(ctx, operation_id), content_type="text/plain; charset=utf-8")


def _steer(act: Callable[[Session, Principal, str], Operation], operation_id: str) -> Response:
    principal = current_principal()

    def work(session: Session) -> Answer:
        row = act(session, principal, operation_id)
        session.flush()
        return _followed(session, row)

    return answers.carry_out(work, lambda given: operation_id, _followed)


def _followed(session: Session, row: Operation) -> Answer:
    return Answer(202, present.operation(session, row), _to_follow(row))


def _to_follow(row: Operation) -> dict[str, str]:
    return {
        "Location": f"{present.PREFIX}/operations/{row.id}",
        "Retry-After": answers.RETRY_AFTER_SECONDS,
    }


@blueprint.route("/operations/<operation_id>/approve")
class Approve(MethodView):
    """Approval of a plan."""

    @blueprint.doc(operationId="approveOperation")
    @blueprint.arguments(ApproveBody, required=False)
    @blueprint.response(202, OperationView)
    def post(self, body: dict[str, Any], operation_id: str) -> Response:
        """Let the plan be applied

        Outside a change window, or in maintenance, it waits until that is over, unless
        ``override_windows`` says not to; that needs the right ``window:override``.
        """
        overrides = body["override_windows"]
        return _steer(partial(operations.approve, overrides_windows=overrides), operation_id)


@blueprint.route("/operations/<operation_id>/discard")
class Discard(MethodView):
    """Rejection of a plan."""

    @blueprint.doc(operationId="discardOperation")
    @blueprint.arguments(NoBody, required=False)
    @blueprint.response(202, OperationView)
    def post(self, _body: dict[str, Any], operation_id: str) -> Response:
        """Throw the plan away without applying it"""
        return _steer(operations.discard, operation_id)


@blueprint.route("/operations/<operation_id>/cancel")
class Cancel(MethodView):
    """Cancellation."""

    @blueprint.doc(operationId="cancelOperation")
    @blueprint.arguments(CancelBody, required=False)
    @blueprint.response(202, OperationView)
    def post(self, body: dict[str, Any], operation_id: str) -> Response:
        """Stop an operation: at once when it waits, gracefully when Terraform runs

        A Terraform that has not stopped within its grace period is killed when the request is
        repeated with ``force``; that can leave resources without a record.
        """
        if body["force"]:
            return _steer(partial(operations.force_cancel, current_context()), operation_id)
        return _steer(operations.cancel, operation_id)


@blueprint.route("/operations/<operation_id>/resolve")
class Resolve(MethodView):
    """Resolution of an interrupted operation."""

    @blueprint.doc(operationId="resolveOperation")
    @blueprint.arguments(ResolveBody)
    @blueprint.response(202, ResolvedView)
    @blueprint.alt_response(200, schema=ResolvedView, description="Nothing is left to do")
    def post(self, body: dict[str, Any], operation_id: str) -> Response:
        """Decide what becomes of an interrupted operation: retry, adopt or accept

        ``retry`` plans again, ``adopt`` plans with the possible orphans imported; both wait for
        approval. ``accept`` keeps the state as it was saved.
        """
        principal = current_principal()
        imports = [Import(item["address"], item["id"]) for item in body["imports"]]

        def work(session: Session) -> Answer:
            resolution = Resolution(body["action"])
            row, following = resolve(session, principal, operation_id, resolution, imports)
            session.flush()
            return _resolved(session, row, following)

        def look_again(session: Session, following: Operation) -> Answer:
            return _resolved(session, session.get_one(Operation, operation_id), following)

        return answers.carry_out(
            work, lambda given: (given.body["following"] or {}).get("id"), look_again
        )


def _resolved(session: Session, row: Operation, following: Operation | None) -> Answer:
    queued = present.operation(session, following) if following else None
    shown = {"operation": present.operation(session, row), "following": queued}
    if following is None:
        return Answer(200, shown, {"Location": f"{present.PREFIX}/operations/{row.id}"})
    return Answer(202, shown, _to_follow(following))
