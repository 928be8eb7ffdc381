"""Terraform states as tests of the API need them: made up, and kept as a worker would."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import select

from app.models import Operation
from app.services.state import record
from tests.api.rest import Rest

LINEAGE = "6f1c2f5e-8a43-4bfa-9d0e-2f6f3c6f0001"
PROVIDERS = {
    "terraform": 'provider["terraform.io/builtin/terraform"]',
    "sandbox": 'provider["landform.local/landform/sandbox"]',
}


def state_bytes(
    serial: int,
    resources: Mapping[str, str],
    /,
    *,
    sensitive: Collection[str] = (),
    lineage: str = LINEAGE,
    type_: str = "terraform_data",
    **changes: Any,
) -> bytes:
    """Return a state with a ``terraform_data`` for each name, whose input is the value.

    An upload needs another ``type_``: one that the blueprint of its stack declares.
    """
    document = {
        "version": 4,
        "terraform_version": "1.11.4",
        "serial": serial,
        "lineage": lineage,
        "outputs": {},
        "resources": [
            {
                "mode": "managed",
                "type": type_,
                "name": name,
                "provider": PROVIDERS[type_.partition("_")[0]],
                "instances": [
                    {
                        "schema_version": 0,
                        "attributes": {
                            "id": f"id-{name}",
                            "input": {"value": value, "type": "string"},
                            "output": {"value": value, "type": "string"},
                            "triggers_replace": None,
                        },
                        "sensitive_attributes": (
                            [[{"type": "get_attr", "value": "input"}]] if name in sensitive else []
                        ),
                    }
                ],
            }
            for name, value in resources.items()
        ],
        "check_results": None,
    }
    return json.dumps({**document, **changes}, indent=2).encode() + b"\n"


def keep_state(rest: Rest, stack_id: str, data: bytes) -> None:
    """Make ``data`` the state of record of a stack, in the name of its newest operation."""
    newest = select(Operation).where(Operation.stack_id == stack_id).order_by(Operation.id.desc())
    with rest.ctx.write() as session:
        operation = session.scalars(newest.limit(1)).one()
        record.promote(session, rest.ctx.state_store(stack_id), operation, data)
