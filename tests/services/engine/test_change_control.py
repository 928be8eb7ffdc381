"""Change windows and maintenance: plans are made, what would be applied waits and says so."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from app.clock import utc_now
from app.domain.operations import AutoApply, OperationType
from app.domain.permissions import Role
from app.errors import OperationStateError, PermissionDeniedError
from app.models import Operation, Project, Stack
from app.services.access import Principal
from app.services.operations import control as operations
from app.services.projects.change_control import ControlChange, Maintenance, change_control
from app.services.queue.dispatch import choose_next
from app.services.queue.redelivery import notify_again
from app.services.work import perform
from tests.landform import ADMIN, Landform

NEVER = {"effect": "deny", "days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]}
NEVER |= {"start": "00:00", "end": "00:00", "timezone": "UTC"}


def control(landform: Landform, project: str | None = "default", **more: Any) -> None:
    with perform(landform.ctx, ADMIN) as work:
        change_control(work, project, ControlChange(**more))


def approve(landform: Landform, operation: Operation, who: Principal = ADMIN, **more: Any) -> None:
    with perform(landform.ctx, who) as work:
        operations.approve(work, operation.id, **more)


def waiting(landform: Landform) -> tuple[Stack, Operation]:
    """A bucket whose apply waits for the end of a maintenance."""
    control(landform, maintenance=Maintenance("the provider moves"))
    stack, operation = landform.create("bucket", "media")
    planned = landform.carry_out(operation)
    assert (planned.status, planned.owner) == ("planned", None)
    return stack, planned


def test_in_maintenance_a_change_is_planned_and_waits_until_it_is_lifted(
    landform: Landform,
) -> None:
    stack, operation = waiting(landform)
    assert landform.cloud.list() == []
    assert operation.approved_by == "auto_apply: always"
    told = landform.waiting_for(operation)
    assert told is not None
    assert (told["reason"], told["until"]) == ("maintenance", None)
    assert "the provider moves" in told["detail"]
    assert choose_next(landform.ctx) is None
    assert landform.carry_out(operation).status == "planned", "a stray ring does not help"
    control(landform, ends_maintenance=True)
    assert choose_next(landform.ctx).id == operation.id
    assert landform.carry_out(operation).status == "applied"
    assert landform.stack(stack.id).status == "ready"


def test_a_closed_window_says_when_it_opens(landform: Landform) -> None:
    hour = (utc_now() + timedelta(hours=2)).strftime("%H:00")
    days = NEVER["days"]
    later = {"effect": "allow", "days": days, "start": hour, "end": hour, "timezone": "UTC"}
    later["end"] = (utc_now() + timedelta(hours=3)).strftime("%H:00")
    control(landform, windows=[later])
    _, operation = landform.create("bucket", "media")
    told = landform.waiting_for(landform.carry_out(operation))
    assert told is not None
    assert told["reason"] == "window"
    assert f"T{hour}:00" in told["until"]
    control(landform, windows=[])
    assert landform.carry_out(operation).status == "applied"


@pytest.mark.thorough
def test_the_service_closes_every_project_and_looks_go_on(
    landform: Landform, network: Stack
) -> None:
    control(landform, None, windows=[NEVER])
    assert landform.perform(network, OperationType.PLAN).status == "planned_and_finished"
    check = landform.perform(network, OperationType.DRIFT_CHECK)
    assert check.status == "planned_and_finished"
    assert landform.perform(network, OperationType.DESTROY).status == "planned"
    assert landform.cloud.list(), "nothing was destroyed"


@pytest.mark.thorough
def test_what_is_approved_in_maintenance_waits_as_well(landform: Landform) -> None:
    control(landform, maintenance=Maintenance("not now"))
    _, operation = landform.create("bucket", "media", auto_apply=AutoApply.NEVER)
    landform.carry_out(operation)
    told = landform.waiting_for(operation)
    assert told is not None
    assert told["reason"] == "approval"
    approve(landform, operation)
    assert landform.carry_out(operation).status == "planned"
    told = landform.waiting_for(landform.operation(operation.id))
    assert told is not None
    assert told["reason"] == "maintenance"


def test_a_project_admin_may_override_and_an_operator_may_not(landform: Landform) -> None:
    stack, operation = waiting(landform)
    operator = Principal("usr_op", "op", roles={stack.project_id: Role.OPERATOR})
    with pytest.raises(PermissionDeniedError):
        approve(landform, operation, operator, overrides_windows=True)
    with pytest.raises(OperationStateError):
        approve(landform, operation)  # it is approved already
    admin = Principal("usr_adm", "adm", roles={stack.project_id: Role.ADMIN})
    approve(landform, operation, admin, overrides_windows=True)
    done = landform.carry_out(operation)
    assert (done.status, done.approved_by) == ("applied", "adm")


def test_maintenance_ends_by_itself(landform: Landform) -> None:
    _, operation = waiting(landform)
    control(landform, maintenance=Maintenance("long", utc_now() + timedelta(hours=1)))
    assert choose_next(landform.ctx) is None
    control(landform, maintenance=Maintenance("short", utc_now() + timedelta(milliseconds=100)))
    while choose_next(landform.ctx) is None:
        pass
    assert landform.carry_out(operation).status == "applied"


def test_the_sweeper_leaves_what_waits_for_a_window(landform: Landform) -> None:
    _, operation = waiting(landform)
    with landform.ctx.write() as session:
        session.get_one(Operation, operation.id).notified_at = None
    assert notify_again(landform.ctx) == 0
    assert landform.operation(operation.id).notified_at is None


@pytest.mark.thorough
def test_what_waits_can_be_canceled(landform: Landform) -> None:
    _, operation = waiting(landform)
    with perform(landform.ctx, ADMIN) as work:
        operations.cancel(work, operation.id)
    assert landform.operation(operation.id).status == "canceled"


def test_where_nobody_approves_an_own_request_nothing_is_applied_without_a_person(
    landform: Landform,
) -> None:
    with landform.ctx.write() as session:
        session.query(Project).update({Project.approval_not_by_requester: True})
    _, operation = landform.create("bucket", "media", auto_apply=AutoApply.ALWAYS)
    planned = landform.carry_out(operation)
    assert (planned.status, planned.approved_by) == ("planned", None)
    assert landform.cloud.list() == []
    with pytest.raises(PermissionDeniedError):
        approve(landform, operation, replace(ADMIN, name=planned.requested_by))
    approve(landform, operation, replace(ADMIN, name="somebody-else"))
    assert landform.carry_out(operation).status == "applied"
