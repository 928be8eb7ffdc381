"""The shape of what a plan makes of the cost of a stack."""

from __future__ import annotations

from marshmallow import fields

from app.api.http.schemas import ResponseSchema

AMOUNT = {"description": "of a month, with two digits", "example": "62.05"}


class CostView(ResponseSchema):
    """What some resources cost in a month."""

    low = fields.String(required=True, metadata=AMOUNT)
    typical = fields.String(required=True, metadata=AMOUNT)
    high = fields.String(required=True, metadata=AMOUNT)
    priced = fields.Integer(required=True, metadata={"description": "How many have a price"})
    unpriced = fields.Dict(
        keys=fields.String(),
        values=fields.Integer(),
        required=True,
        metadata={"description": "How many of each type have none; they are in no amount"},
    )


class PlanCostView(ResponseSchema):
    """What a plan makes of the cost of its stack; null where there is no price sheet."""

    currency = fields.String(required=True, metadata={"example": "USD"})
    sheet_id = fields.String(required=True)
    prices_from = fields.String(
        required=True, metadata={"description": "Day of the oldest price", "format": "date"}
    )
    before = fields.Nested(CostView, required=True)
    after = fields.Nested(CostView, required=True)
    others = fields.String(
        required=True,
        metadata={**AMOUNT, "description": "Typical cost of the project's other stacks"},
    )
