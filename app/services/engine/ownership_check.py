"""The last look before anything is changed: whose are the resources that a plan is about?

Whatever way a state or an import came, and whatever it said, Terraform has read the resources
themselves for the plan. What carries the tag of another stack, or is in the state of one, is left
alone. A plan that has waited is looked at again: meanwhile another stack may have got them.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.orm import Session

from app.catalog.catalog import Cloud
from app.clouds.login import CloudLogin
from app.clouds.owners import find_owners
from app.domain.resource_keys import Place, identity_texts, own_keys, whole_keys
from app.domain.state_file import StateFile
from app.errors import CloudSearchError
from app.models import Stack
from app.services.cloud_accounts.credentials import sign_in
from app.services.context import Context
from app.services.engine.claims import Claim
from app.services.engine.recorder import Recorder
from app.services.state.held_resources import Identity, find_held, place_of
from app.services.state.ownership import (
    ForeignResourceError,
    claims_of_imports,
    claims_of_state,
)
from app.terraform.plan import Plan
from app.terraform.planned_owners import PlannedResource

SHOWN = 5


def refuse_foreign_plan(ctx: Context, plan: Plan, stack_id: str) -> None:
    """Refuse a plan that knows a resource of another stack, also where it would not change it.

    Args:
        ctx: the adapters.
        plan: as Terraform made it.
        stack_id: whose plan it is.

    Raises:
        ForeignResourceError: names the addresses in this stack, not the other stack.
    """
    _refuse(ctx, plan.existing, stack_id)


def refuse_foreign_since(
    ctx: Context, claim: Claim, state: bytes | None, recorder: Recorder
) -> None:
    """Refuse to apply a plan that waited when another stack has got one of its resources.

    A cloud that does not answer is no reason: it was asked, through Terraform, for the plan. What
    other stacks hold is looked at all the same.

    Args:
        ctx: the adapters.
        claim: the approved operation.
        state: the one that its plan is about.
        recorder: is told when the cloud could not be asked.

    Raises:
        ForeignResourceError: as ``refuse_foreign_plan``.
    """

    def look(session: Session) -> tuple[Cloud, str, CloudLogin]:
        stack = session.get_one(Stack, claim.stack_id)
        cloud = ctx.catalog.cloud(stack.cloud)
        region = cloud.region(stack.region).provider_name
        return cloud, region, sign_in(ctx, stack.cloud_account)

    cloud, region, login = ctx.ask(look)
    named = claims_of_imports(claim.options.imports, cloud)
    if state is not None:
        named += claims_of_state(StateFile.parse(state), cloud)
    asked = [item.resource for item in named if not item.resource.is_part]
    try:
        owners = find_owners(cloud.name, login, region, asked) if asked else None
    except CloudSearchError as error:
        owners = None
        recorder.note(
            f"Whose the resources are could not be asked once more: {error.detail}", level="warn"
        )
    known = iter(owners or [])
    resources = [
        PlannedResource(
            item.address,
            item.resource.type,
            identity_texts(item.resource.attributes),
            frozenset() if item.resource.is_part else next(known, frozenset()),
        )
        for item in named
    ]
    _refuse(ctx, resources, claim.stack_id)


def _refuse(ctx: Context, resources: Sequence[PlannedResource], stack_id: str) -> None:
    foreign = _find_foreign(ctx, resources, stack_id)
    if foreign:
        more = f" and {len(foreign) - SHOWN} more" if len(foreign) > SHOWN else ""
        raise ForeignResourceError(
            f"{', '.join(foreign[:SHOWN])}{more}: the resource is in the state of another stack, "
            "or carries its tag. Nothing was changed."
        )


def _find_foreign(ctx: Context, resources: Sequence[PlannedResource], stack_id: str) -> list[str]:
    """Return the addresses of what belongs to another stack.

    The own tag, as the cloud has it, says more than the state of another stack: that could name
    what did not exist yet, and so keep this stack from what it makes later.
    """
    named = [Identity(item.type, item.texts) for item in resources]

    def look(session: Session) -> tuple[Place, list[bool]]:
        stack = session.get_one(Stack, stack_id)
        return place_of(stack), find_held(session, stack, named)

    place, held = ctx.ask(look)
    proven = {
        key
        for item in resources
        if item.owners == {stack_id}
        for key in own_keys(place, item.type, item.texts)
    }

    def is_proven(item: PlannedResource) -> bool:
        whole = whole_keys(place, item.type, item.texts)
        return item.owners == {stack_id} or (bool(whole) and whole <= proven)

    return [
        item.address
        for item, is_held in zip(resources, held, strict=True)
        if item.owners - {stack_id} or (is_held and not is_proven(item))
    ]
