"""Price sheets, and what stacks and projects cost."""

from __future__ import annotations

from typing import Any

from flask import Response
from flask.views import MethodView
from marshmallow import fields, validate

from app.api.http import responses
from app.api.http.blueprint import ApiBlueprint
from app.api.http.requests import page_request
from app.api.http.schemas import CONDITIONAL, PageQuery, Ref, Request, ResponseSchema, page_of
from app.api.resources.operations.cost_schemas import PlanCostView
from app.clock import rfc3339
from app.models import PriceSheetRow
from app.services.costs import sheets
from app.services.costs.stack_costs import StackCost, cost_of_stack, costs_of_project
from app.services.work import Work
from app.web.context import current_context, current_principal

blueprint = ApiBlueprint("costs", "What resources cost, by price sheets")

MAX_CSV = 1_000_000
EXAMPLE = (
    "cloud,region,type,match,component,unit,quantity,price,currency,low,typical,high,source,date\n"
    "sandbox,*,a_type_of_resource,,storage,month,,2.50,USD,,,,our list,2026-11-30\n"
)


class NewPriceSheetBody(Request):
    """A price sheet."""

    csv = fields.String(
        required=True,
        validate=validate.Length(min=1, max=MAX_CSV),
        metadata={"description": "See docs/cost.md for its columns", "example": EXAMPLE},
    )


class PriceSheetView(ResponseSchema):
    """A price sheet without its prices."""

    id = fields.String(required=True)
    prices = fields.Integer(required=True)
    currency = fields.String(required=True)
    oldest = fields.String(
        required=True, metadata={"description": "Day of the oldest price", "format": "date"}
    )
    imported_by = fields.String(required=True)
    imported_at = fields.String(required=True, metadata={"format": "date-time"})


class WholePriceSheetView(PriceSheetView):
    """A price sheet."""

    csv = fields.String(required=True)


class StackCostView(ResponseSchema):
    """What a stack costs in a month, by what was applied last; null where that was not priced."""

    stack = fields.Nested(Ref, required=True)
    cost = fields.Nested(PlanCostView, required=True, allow_none=True)


class ProjectCostView(ResponseSchema):
    """What the stacks of a project cost in a month."""

    stacks = fields.List(fields.Nested(StackCostView), required=True)


@blueprint.route("/price-sheets")
class PriceSheets(MethodView):
    """All sheets."""

    @blueprint.doc(operationId="listPriceSheets")
    @blueprint.arguments(PageQuery, location="query")
    @blueprint.response(200, page_of(PriceSheetView, "PriceSheetPage"))
    def get(self, query: dict[str, Any]) -> Response:
        """List the price sheets, the one that counts first"""
        with current_context().read() as session:
            return responses.page(sheets.list_price_sheets(session, page_request(query)), _present)

    @blueprint.doc(operationId="importPriceSheet")
    @blueprint.arguments(NewPriceSheetBody)
    @blueprint.response(201, PriceSheetView)
    def post(self, body: dict[str, Any]) -> Response:
        """Import a price sheet, which counts from now on; needs price:write"""

        def act(work: Work) -> responses.Created:
            row = sheets.import_price_sheet(work, body["csv"])
            return responses.Created(_present(row), f"price-sheets/{row.id}")

        return responses.create(act)


@blueprint.route("/price-sheets/<sheet_id>")
class OnePriceSheet(MethodView):
    """One sheet."""

    @blueprint.doc(operationId="getPriceSheet", **CONDITIONAL)
    @blueprint.response(200, WholePriceSheetView)
    def get(self, sheet_id: str) -> Response:
        """Show a price sheet"""
        with current_context().read() as session:
            row = sheets.price_sheet_by_id(session, sheet_id)
            return responses.single({**_present(row), "csv": row.csv})


@blueprint.route("/stacks/<stack_id>/cost")
class CostOfStack(MethodView):
    """The cost of a stack."""

    @blueprint.doc(operationId="getStackCost", **CONDITIONAL)
    @blueprint.response(200, StackCostView)
    def get(self, stack_id: str) -> Response:
        """Say what a stack costs in a month, by what was applied last"""
        with current_context().read() as session:
            found = cost_of_stack(session, current_principal(), stack_id)
            return responses.single(_present_cost(found))


@blueprint.route("/projects/<project>/costs")
class CostsOfProject(MethodView):
    """The cost of a project."""

    @blueprint.doc(operationId="getProjectCosts", **CONDITIONAL)
    @blueprint.response(200, ProjectCostView)
    def get(self, project: str) -> Response:
        """Say what each stack of a project costs in a month"""
        with current_context().read() as session:
            found = costs_of_project(session, current_principal(), project)
            return responses.single({"stacks": [_present_cost(item) for item in found]})


def _present(row: PriceSheetRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "prices": row.prices,
        "currency": row.currency,
        "oldest": row.oldest.isoformat(),
        "imported_by": row.imported_by,
        "imported_at": rfc3339(row.imported_at),
    }


def _present_cost(item: StackCost) -> dict[str, Any]:
    return {"stack": {"id": item.stack.id, "name": item.stack.name}, "cost": item.cost}
