"""The three first steps of somebody who is new here, and which of them are done."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import exists, select

from app.domain.permissions import Right
from app.domain.stacks import StackStatus
from app.models import ApiToken, User
from app.services.access import Principal
from app.services.context import Context
from app.services.stacks.fleet import FleetCounts


@dataclass(frozen=True)
class TourStep:
    """One step: what to do, why, and the page that does it."""

    title: str
    text: str
    endpoint: str
    link: str
    is_done: bool


@dataclass(frozen=True)
class Tour:
    """All steps, in their order."""

    steps: tuple[TourStep, ...]

    @property
    def is_done(self) -> bool:
        """Tell whether nothing is left to do."""
        return all(step.is_done for step in self.steps)


def read_tour(ctx: Context, principal: Principal, fleet: FleetCounts) -> Tour:
    """Return the steps for what the caller may do."""
    return Tour((_first(principal, fleet), _second(fleet), _third(ctx, principal)))


def _first(principal: Principal, fleet: FleetCounts) -> TourStep:
    if not principal.has_anywhere(Right.STACK_WRITE):
        text = "You have read access to your projects. Stacks that others create appear here."
        return TourStep("Browse stacks", text, "list_stacks", "Stacks", fleet.total > 0)
    text = "Choose a kind, fill in the form and review the plan. The sandbox cloud is free."
    return TourStep("Create a stack", text, "choose_kind", "New stack", fleet.total > 0)


def _second(fleet: FleetCounts) -> TourStep:
    text = "The operation page shows every step live, pending approvals and errors."
    is_done = fleet.by_status.get(StackStatus.READY, 0) > 0
    return TourStep("Follow the operation", text, "list_operations", "Operations", is_done)


def _third(ctx: Context, principal: Principal) -> TourStep:
    with ctx.read() as session:
        mine = exists().where(ApiToken.user_id == principal.id, ApiToken.revoked_at.is_(None))
        others = exists().where(User.id != principal.id, User.deleted_at.is_(None))
        wanted = mine | others if principal.is_admin else mine
        is_done = bool(session.scalar(select(wanted)))
    if principal.is_admin:
        text = "Add a user with a role, or create an API token for a script."
        return TourStep("Invite your team", text, "list_people", "Users", is_done)
    text = "Scripts call the API with a token that has your permissions, or fewer."
    return TourStep("Create an API token", text, "list_own_tokens", "API tokens", is_done)
