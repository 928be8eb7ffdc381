"""Operations: follow them, read their plan, steer them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from flask import Response, request
from flask.views import MethodView
from sqlalchemy.orm import Session

from app.api.http import responses
from app.api.http.blueprint import PREFIX, ApiBlueprint
from app.api.http.held import (
    RETRY_AFTER_SECONDS,
    headers_to_follow,
    hold_until,
    perform_and_hold,
)
from app.api.http.requests import is_newest_first, page_request
from app.api.http.schemas import CONDITIONAL, STREAMS, TRIES, WAITS, NoBody, PageQuery
from app.api.resources.operations.bodies import ApproveBody, CancelBody, OperationQuery, ResolveBody
from app.api.resources.operations.plan_schemas import PlanView
from app.api.resources.operations.presenter import (
    operation_presenter,
    present_event,
    present_operation,
)
from app.api.resources.operations.schemas import (
    EventPage,
    OperationPage,
    OperationView,
    ResolvedView,
)
from app.api.resources.operations.stream import EventFollower, last_event_id
from app.api.resources.stacks.bodies import named_filters
from app.domain.interruptions import Resolution
from app.domain.operations import FINAL, OperationStatus
from app.domain.plan_options import Import
from app.models import Operation
from app.services.idempotency import Reply
from app.services.identity.stream_rights import Viewer
from app.services.lookup import operation_by_id
from app.services.operations import control, queries
from app.services.operations.log import log_lines
from app.services.operations.plan_pages import plan_page
from app.services.operations.queries import OperationFilter
from app.services.operations.resolve import Decision, examine_imports, resolve
from app.services.stacks.filters import refuse_unknown, stack_ids
from app.services.work import Work
from app.web.context import current_context, current_principal
from app.web.event_stream import respond

blueprint = ApiBlueprint("operations", "Asynchronous work on stacks")

ASK_AGAIN = {
    "Retry-After": {
        "description": "Seconds until it is worth asking again; absent once it has ended",
        "schema": {"type": "string"},
    }
}


@blueprint.route("/operations")
class Operations(MethodView):
    """All operations."""

    @blueprint.doc(operationId="listOperations")
    @blueprint.arguments(OperationQuery, location="query")
    @blueprint.response(200, OperationPage)
    def get(self, query: dict[str, Any]) -> Response:
        """List operations, newest first"""
        ctx, principal = current_context(), current_principal()
        asked, newest_first = page_request(query), is_newest_first(query)
        with ctx.read() as session:
            stacks = stack_ids(session, principal, query.pop("stack_id", None))
            refuse_unknown(ctx, session, principal, **named_filters(query))
            wanted = OperationFilter(**query, stack_id=stacks)
            found = queries.list_operations(
                session, principal, wanted, asked, newest_first=newest_first
            )
            return responses.page(found, operation_presenter(session, found.items))


@blueprint.route("/operations/<operation_id>")
class OneOperation(MethodView):
    """One operation."""

    @blueprint.doc(operationId="getOperation", **CONDITIONAL, **WAITS)
    @blueprint.response(200, OperationView, headers=ASK_AGAIN)
    def get(self, operation_id: str) -> Response:
        """Show an operation with its steps, and why it waits if it does

        ``Prefer: wait=N`` holds the answer until it has ended or awaits approval, with
        ``wait-for=<status>`` until it has that status or has ended.
        """
        ctx = current_context()
        seconds = 0
        if "Prefer" in request.headers:
            with ctx.read() as session:  # who may not see it does not wait for it
                operation_by_id(session, current_principal(), operation_id)
            seconds = hold_until(operation_id)
        with ctx.read() as session:
            row = operation_by_id(session, current_principal(), operation_id)
            answer = responses.single(present_operation(session, row))
            if OperationStatus(row.status) not in FINAL:
                answer.headers["Retry-After"] = RETRY_AFTER_SECONDS
            if seconds:
                answer.headers["Preference-Applied"] = f"wait={seconds}"
            return answer


@blueprint.route("/operations/<operation_id>/plan")
class OperationPlan(MethodView):
    """The plan of an operation."""

    @blueprint.doc(operationId="getOperationPlan", **CONDITIONAL)
    @blueprint.arguments(PageQuery, location="query")
    @blueprint.response(200, PlanView)
    def get(self, query: dict[str, Any], operation_id: str) -> Response:
        """Show the plan: summary and a page of its changes, sensitive values masked

        Changes come first, then drift; follow ``next_cursor`` for the rest.
        """
        ctx = current_context()
        with ctx.read() as session:
            plan = queries.plan_of(ctx, session, current_principal(), operation_id)
        body, page = plan_page(plan, page_request(query))
        return responses.linked(responses.single(body), page)


@blueprint.route("/operations/<operation_id>/events")
class OperationEvents(MethodView):
    """The events of an operation."""

    @blueprint.doc(operationId="listOperationEvents", **STREAMS)
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
                followed = operation_by_id(session, principal, operation_id)
                viewer = Viewer(principal, followed.stack.project_id)
                return respond(operation_id, viewer, EventFollower(last_event_id()))
            found = queries.list_events(session, principal, operation_id, page_request(query))
            return responses.page(found, present_event)


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


def _steer(decide: Callable[[Work, str], Operation], operation_id: str) -> Response:
    def act(work: Work) -> Reply:
        row = decide(work, operation_id)
        work.session.flush()
        return _followed(work.session, row)

    return perform_and_hold(act, lambda given: operation_id, _followed)


def _followed(session: Session, row: Operation) -> Reply:
    return Reply(202, present_operation(session, row), headers_to_follow(row))


@blueprint.route("/operations/<operation_id>/approve")
class Approve(MethodView):
    """Approval of a plan."""

    @blueprint.doc(operationId="approveOperation", **TRIES)
    @blueprint.arguments(ApproveBody, required=False)
    @blueprint.response(202, OperationView)
    def post(self, body: dict[str, Any], operation_id: str) -> Response:
        """Let the plan be applied

        Outside a change window, or in maintenance, it waits until that is over, unless
        ``override_windows`` says not to; that needs the right ``window:override``.
        """
        overrides = body["override_windows"]
        return _steer(partial(control.approve, overrides_windows=overrides), operation_id)


@blueprint.route("/operations/<operation_id>/discard")
class Discard(MethodView):
    """Rejection of a plan."""

    @blueprint.doc(operationId="discardOperation", **TRIES)
    @blueprint.arguments(NoBody, required=False)
    @blueprint.response(202, OperationView)
    def post(self, _body: dict[str, Any], operation_id: str) -> Response:
        """Throw the plan away without applying it"""
        return _steer(control.discard, operation_id)


@blueprint.route("/operations/<operation_id>/cancel")
class Cancel(MethodView):
    """Cancellation."""

    @blueprint.doc(operationId="cancelOperation", **TRIES)
    @blueprint.arguments(CancelBody, required=False)
    @blueprint.response(202, OperationView)
    def post(self, body: dict[str, Any], operation_id: str) -> Response:
        """Stop an operation: at once when it waits, gracefully when Terraform runs

        A Terraform that has not stopped within its grace period is killed when the request is
        repeated with ``force``; that can leave resources without a record.
        """
        if body["force"]:
            return _steer(control.force_cancel, operation_id)
        return _steer(control.cancel, operation_id)


@blueprint.route("/operations/<operation_id>/resolve")
class Resolve(MethodView):
    """Resolution of an interrupted operation."""

    @blueprint.doc(operationId="resolveOperation", **TRIES)
    @blueprint.arguments(ResolveBody)
    @blueprint.response(202, ResolvedView)
    @blueprint.alt_response(200, schema=ResolvedView, description="Nothing is left to do")
    def post(self, body: dict[str, Any], operation_id: str) -> Response:
        """Decide what becomes of an interrupted operation: adopt, retry, destroy or accept

        ``adopt`` imports the possible orphans; ``retry`` plans again and imports each one that was
        found, or leaves them out with ``force`` and a ``reason``; ``destroy`` destroys the stack
        and the orphans with it. What is planned waits for approval. ``accept`` keeps the state as
        it was saved. Until it is resolved, nothing else may change the stack: 409
        ``orphans_unresolved``.
        """
        principal = current_principal()
        decision = Decision(
            Resolution(body["action"]),
            tuple(Import(item["address"], item["id"]) for item in body["imports"]),
            is_forced=body["force"],
            reason=body["reason"],
        )
        responses.examine_first(
            lambda: examine_imports(current_context(), principal, operation_id, decision)
        )

        def act(work: Work) -> Reply:
            row, following = resolve(work, operation_id, decision)
            work.session.flush()
            return _resolved(work.session, row, following)

        def look_again(session: Session, following: Operation) -> Reply:
            return _resolved(session, session.get_one(Operation, operation_id), following)

        return perform_and_hold(
            act, lambda given: (given.body["following"] or {}).get("id"), look_again
        )


def _resolved(session: Session, row: Operation, following: Operation | None) -> Reply:
    queued = present_operation(session, following) if following else None
    shown = {"operation": present_operation(session, row), "following": queued}
    if following is None:
        return Reply(200, shown, {"Location": f"{PREFIX}/operations/{row.id}"})
    return Reply(202, shown, headers_to_follow(following))
