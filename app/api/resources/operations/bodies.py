"""Bodies and queries about operations: filters, a new one, decisions."""

from __future__ import annotations

from typing import Any

from marshmallow import ValidationError, fields, validate, validates_schema

from app.api.http.fields import Flag, JsonSchemaField, Several
from app.api.http.schemas import CreatedQuery, Request, choices
from app.api.resources.operations.schemas import type_choices
from app.domain.interruptions import Resolution
from app.domain.operations import OperationStatus
from app.domain.plan_options import MAX_ADDRESSES, MAX_FINDINGS
from app.domain.stacks import StateBackend
from app.services.state import versions


class OperationQuery(CreatedQuery):
    """Filters of the list of operations."""

    stack_id = Several("Id or name", data_key="stack", validate=validate.Length(max=64))
    project = Several("Id or name", validate=validate.Length(max=64))
    kind = Several(validate=validate.Length(max=64))
    status = Several(validate=choices(OperationStatus))
    type = Several(validate=type_choices())
    requested_by = Several("Name of a user", validate=validate.Length(max=64))


class NewOperationBody(Request):
    """An operation to start."""

    type = fields.String(required=True, validate=type_choices())
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
        validate=validate.Range(min=0, max=versions.MAX_SERIAL),
        metadata={"description": "For rollback: the state version to go back to"},
    )
    adopt_forgotten = Flag(
        load_default=False,
        metadata={"description": "For rollback: import what that state does not know, too"},
    )
    report_id = fields.String(
        validate=validate.Length(max=64),
        metadata={"description": "For reconcile and accept_drift: the drift report that was seen"},
    )
    findings = fields.List(
        fields.String(validate=validate.Length(max=64)),
        load_default=list,
        validate=validate.Length(max=MAX_FINDINGS),
        metadata={
            "description": "For accept_drift: which findings of the report are accepted; the "
            "others stay open. Without any, all of them"
        },
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
            others = (
                *("targets", "replace", "serial", "adopt_forgotten"),
                *("report_id", "findings", "state_backend"),
            )
            extra = [name for name in others if data.get(name)]
            message = "Does not go together with blueprint_version."
        else:
            extra = [name for name in ("parameters",) if name in data]
            message = "Is taken with blueprint_version only; else change the stack with PATCH."
        if extra:
            raise ValidationError({name: [message] for name in extra})


class ApproveBody(Request):
    """Whether to apply at once, whatever the change windows say."""

    override_windows = Flag(
        load_default=False,
        metadata={"description": "Apply outside change windows and in maintenance"},
    )


class CancelBody(Request):
    """How to cancel an operation."""

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
    force = Flag(
        load_default=False,
        metadata={
            "description": "Retry without the orphans, or accept where the cloud was never asked"
        },
    )
    reason = fields.String(
        load_default=None,
        validate=validate.Length(min=1, max=500),
        metadata={"description": "Why; recorded, and required with force"},
    )
