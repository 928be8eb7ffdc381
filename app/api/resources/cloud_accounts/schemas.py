"""Shapes of cloud accounts; credentials are taken and never shown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marshmallow import fields, validate

from app.api.http.fields import timestamp
from app.api.http.schemas import Request, ResponseSchema
from app.domain.names import NAME_PATTERN, NAME_RULE
from app.services.cloud_accounts.grants import ALL, Grants

MAX_CREDENTIAL = 16 * 1024


class ProjectGrants(fields.Raw):
    """``all``, or a list of projects by id or name."""

    default_error_messages = {"invalid": "Must be 'all' or a list of ids or names of projects."}  # noqa: RUF012  # as marshmallow has it

    def __init__(self, **options: Any) -> None:
        """Describe both forms in the OpenAPI document."""
        listed = {"type": "array", "items": {"type": "string", "maxLength": 64}, "maxItems": 1000}
        metadata = {
            "oneOf": [{"type": "string", "enum": [ALL]}, listed],
            "example": ["default"],
            "description": "Projects that may use the account: `all`, or a list",
        }
        super().__init__(metadata=metadata, **options)

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **_: Any
    ) -> Grants:
        if value == ALL:
            return Grants(is_all=True)
        is_list = isinstance(value, list) and len(value) <= 1000
        if not is_list or not all(isinstance(item, str) and len(item) <= 64 for item in value):
            raise self.make_error("invalid")
        return Grants(projects=value)

    def _serialize(self, value: Any, attr: str | None, obj: Any, **_: Any) -> Any:
        return value


def _name(**options: Any) -> fields.String:
    metadata = {"pattern": NAME_PATTERN, "description": NAME_RULE, "example": "practice"}
    return fields.String(metadata=metadata, **options)


def _credentials(**options: Any) -> fields.Dict:
    return fields.Dict(
        keys=fields.String(validate=validate.Length(max=64)),
        values=fields.String(validate=validate.Length(max=MAX_CREDENTIAL)),
        metadata={
            "description": "The fields that `GET /clouds` names; never shown again",
            "writeOnly": True,
            "example": {"endpoint": "http://127.0.0.1:8090/v1", "token": "a-token"},
        },
        **options,
    )


def _regions(**options: Any) -> Any:
    return fields.List(
        fields.String(validate=validate.Length(max=64)),
        validate=validate.Length(max=100),
        metadata={"description": "Allowed regions; none means all", "example": ["eu-west"]},
        **options,
    )


class NewCloudAccountBody(Request):
    """A new cloud account."""

    name = _name(required=True)
    cloud = fields.String(
        required=True, validate=validate.Length(max=64), metadata={"example": "sandbox"}
    )
    credentials = _credentials(required=True)
    regions = _regions(load_default=list)
    default_region = fields.String(
        load_default=None,
        allow_none=True,
        validate=validate.Length(max=64),
        metadata={"example": "eu-west"},
    )
    grants = ProjectGrants(data_key="projects", load_default=Grants)


class CloudAccountChangeBody(Request):
    """Changes to a cloud account; credentials are replaced as a whole."""

    name = _name()
    credentials = _credentials()
    regions = _regions()
    default_region = fields.String(allow_none=True, validate=validate.Length(max=64))
    grants = ProjectGrants(data_key="projects")


class CheckView(ResponseSchema):
    """How the last check of the credentials went; ``passed`` is null if it cannot be told."""

    passed = fields.Boolean(required=True, allow_none=True)
    detail = fields.String(required=True)
    checked_at = timestamp()


class CloudAccountView(ResponseSchema):
    """A cloud account."""

    id = fields.String(required=True)
    name = fields.String(required=True)
    cloud = fields.String(required=True)
    regions = fields.List(fields.String(), required=True)
    default_region = fields.String(required=True, allow_none=True)
    projects = ProjectGrants(required=True)
    check = fields.Nested(CheckView, required=True, allow_none=True)
    created_at = timestamp()
    links = fields.Dict(keys=fields.String(), values=fields.String(), required=True)
