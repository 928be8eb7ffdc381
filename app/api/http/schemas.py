"""Shapes that every group of paths shares: bodies, answers, pages, problems."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from marshmallow import EXCLUDE, RAISE, Schema, fields, validate

from app.api.http.fields import ChoiceField, Moment, Several
from app.api.http.query_parameters import DRY_RUN_MARK
from app.services.paging import DEFAULT_LIMIT, MAX_LIMIT

# Marks for app.api.openapi.conventions: the answer takes If-None-Match, waits as Prefer says,
# or may be an event stream.
CONDITIONAL = {"x-conditional": True}
HOLDS = {"x-holds": True}
STREAMS = {"x-streams": True}
WAITS = {"x-waits": True}

# The request takes dry_run: it may be tried out, since all that it writes is SQL.
TRIES = {DRY_RUN_MARK: True}

# This DELETE needs no If-Match: what it ends (a role, a token, a session) has no versions, and must
# end at once.
UNCONDITIONAL = {"x-unconditional": True}
EMPTY: dict[str, Any] = {"example": []}


class Request(Schema):
    """Base of bodies and queries: an unknown field is an error."""

    class Meta:
        """Options of marshmallow."""

        unknown = RAISE


class NoBody(Request):
    """Nothing: an empty object, or no body at all."""


class ResponseSchema(Schema):
    """Base of answers."""

    class Meta:
        """Options of marshmallow."""

        unknown = EXCLUDE


def choices(enum: type[StrEnum]) -> ChoiceField:
    """Return a validator that lists the values of a StrEnum."""
    return ChoiceField(enum.__name__, [item.value for item in enum])


class ProblemItem(ResponseSchema):
    """One bad field."""

    pointer = fields.String(
        required=True, metadata={"description": "JSON pointer, or ?name of a query parameter"}
    )
    message = fields.String(required=True)


class Problem(ResponseSchema):
    """An error as RFC 9457 has it."""

    type = fields.String(required=True)
    title = fields.String(required=True)
    status = fields.Integer(required=True)
    detail = fields.String(required=True)
    instance = fields.String(required=True)
    code = fields.String(required=True, metadata={"description": "Stable; decide on this one"})
    advice = fields.String(required=True)
    request_id = fields.String(required=True)
    errors = fields.List(fields.Nested(ProblemItem))
    error_count = fields.Integer(
        metadata={"description": "of all, where `errors` has the first 50"}
    )


class PageQuery(Request):
    """Which part of a list."""

    limit = fields.Integer(
        load_default=DEFAULT_LIMIT, validate=validate.Range(min=1, max=MAX_LIMIT)
    )
    cursor = fields.String(
        load_default=None,
        validate=validate.Length(max=500),
        metadata={"description": "next_cursor of the page before"},
    )


class Sort(StrEnum):
    """Which come first, by when they were made."""

    NEWEST = "-created_at"
    OLDEST = "created_at"


class CreatedQuery(PageQuery):
    """Which part of a list of what was made at some time, and in which order."""

    sort = fields.String(load_default=Sort.NEWEST.value, validate=choices(Sort))
    ids = Several(validate=validate.Length(max=64))
    created_after = Moment(format="iso")
    created_before = Moment(format="iso")


class Ref(ResponseSchema):
    """A thing by id and name."""

    id = fields.String(required=True, metadata={"example": "prj_01k9z3t7q8v5w2x4y6a8b0c1d2"})
    name = fields.String(required=True)


def page_of(item: type[Schema], name: str) -> type[Schema]:
    """Return the schema of a page of ``item``."""
    return ResponseSchema.from_dict(
        {
            "items": fields.List(fields.Nested(item), required=True),
            "next_cursor": fields.String(required=True, allow_none=True),
        },
        name=name,
    )
