"""Remember what a plan lets go of, so that it is not taken for made outside or for an orphan.

A resource that a blueprint forgets (``removed`` with ``destroy = false``) stays in the cloud with
the tags of its stack. It is remembered before Terraform starts, so that no kill comes in between;
one that is in the state after all is known there.
"""

from __future__ import annotations

from sqlalchemy.orm import Session

from app.clock import rfc3339, utc_now
from app.domain.plan_summary import PlanSummary
from app.domain.state_file import StateFile, names_of
from app.models import Operation, StoredPlan
from app.services.context import Context
from app.services.engine.claims import Claim, write_fenced
from app.services.secrets import open_plan


def remember(ctx: Context, claim: Claim, state: bytes | None) -> None:
    """Keep on the stack what the plan of its operation is about to let go of.

    Args:
        ctx: the adapters.
        claim: the operation, whose plan is in SQL.
        state: the state that it begins with.

    Raises:
        FenceLostError: another process owns the operation now.
    """

    def work(session: Session, operation: Operation) -> None:
        if state is None or not PlanSummary.from_dict(operation.plan_summary or {}).forget:
            return
        row = session.get_one(StoredPlan, operation.id)
        plan = open_plan(ctx.keys, row)
        addresses = {item["address"] for item in plan["changes"] if "forget" in item["actions"]}
        kept = {item["address"]: item for item in operation.stack.let_go}
        for resource in StateFile.parse(state).resources:
            for instance in resource.instances:
                address = resource.instance_address(instance)
                if address in addresses:
                    kept[address] = {
                        "address": address,
                        "type": resource.type,
                        "id": instance.identifier,
                        "names": sorted(names_of(instance)),
                        "operation_id": operation.id,
                        "at": rfc3339(utc_now()),
                    }
        operation.stack.let_go = [*kept.values()]

    write_fenced(ctx, claim, work)
