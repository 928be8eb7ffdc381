"""Drift: what was changed outside Landform is seen, told apart, and never hidden."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from app.domain.operations import OperationType
from app.models import DriftReport, Stack
from app.services.drift.missing import missing_outputs
from app.services.drift.queue_due import claim_due
from app.services.stacks.change import StackChange, change_stack
from app.services.work import perform
from tests.landform import ADMIN, Landform


def last_report(landform: Landform, stack: Stack) -> DriftReport:
    with landform.ctx.read() as session:
        query = select(DriftReport).where(DriftReport.stack_id == stack.id)
        return list(session.scalars(query.order_by(DriftReport.id)))[-1]


def test_an_untouched_stack_is_in_sync(landform: Landform, network: Stack) -> None:
    assert landform.stack(network.id).drift_status == "not_checked"
    done = landform.perform(network, OperationType.DRIFT_CHECK)
    assert done.status == "planned_and_finished"
    assert landform.stack(network.id).drift_status == "in_sync"
    assert last_report(landform, network).changes == []


def test_a_changed_attribute_is_reported_with_both_values(
    landform: Landform, network: Stack
) -> None:
    cloud_id = landform.cloud.get_only("network")["id"]
    landform.cloud.call(
        "PATCH", f"/resources/{cloud_id}", json={"attributes": {"internet_access": False}}
    )
    landform.perform(network, OperationType.DRIFT_CHECK)
    drifted = landform.stack(network.id)
    assert drifted.drift_status == "drifted"
    report = last_report(landform, network)
    (change,) = report.changes
    assert change["change"] == "updated"
    assert change["address"] == "sandbox_network.this"
    (attribute,) = change["attributes"]
    assert (attribute["path"], attribute["before"], attribute["after"]) == (
        "internet_access",
        True,
        False,
    )
    assert (change["name"], change["severity_reason"], change["mending"]) == (
        "network",
        "access closed",
        "update",
    )
    assert not report.has_pending_changes, "the configuration is applied; only reality moved"
    again = landform.perform(network, OperationType.DRIFT_CHECK)
    assert again.status == "planned_and_finished"
    assert landform.stack(network.id).drift_since == drifted.drift_since


@pytest.mark.thorough
def test_a_deleted_resource_is_reported_and_an_apply_brings_it_back(
    landform: Landform, network: Stack
) -> None:
    subnet = landform.cloud.get_only("subnet")["id"]
    landform.cloud.call("DELETE", f"/resources/{subnet}")
    landform.perform(network, OperationType.DRIFT_CHECK)
    (change,) = last_report(landform, network).changes
    assert (change["change"], change["severity"], change["mending"]) == (
        "deleted",
        "high",
        "create",
    )
    assert (change["name"], change["resource_id"]) == ("subnet eu-west-a", subnet)
    assert missing(landform, network) == {"subnet_ids"}
    assert landform.perform(network, OperationType.APPLY).status == "applied"
    assert landform.cloud.get_only("subnet")["id"] != subnet
    assert landform.stack(network.id).drift_status == "not_checked"
    assert missing(landform, network) == set()
    landform.perform(network, OperationType.DRIFT_CHECK)
    assert landform.stack(network.id).drift_status == "in_sync"


def missing(landform: Landform, stack: Stack) -> set[str]:
    """Return the names of the outputs that tell of what is not there."""
    with landform.ctx.read() as session:
        return {*missing_outputs(landform.ctx.keys, session.get_one(Stack, stack.id))}


@pytest.mark.thorough
def test_changes_not_applied_yet_are_not_drift(landform: Landform, network: Stack) -> None:
    with perform(landform.ctx, ADMIN) as work:
        change = StackChange(parameters={"zones": 2})
        _, operation = change_stack(work, network.id, change)
        assert operation is not None
        operation.status = "canceled"
    landform.perform(network, OperationType.DRIFT_CHECK)
    assert landform.stack(network.id).drift_status == "in_sync"
    assert last_report(landform, network).has_pending_changes


@pytest.mark.thorough
def test_what_was_created_outside_with_the_tag_is_found(landform: Landform, network: Stack) -> None:
    like = landform.cloud.get_only("subnet")
    attributes = {**like["attributes"], "name": "extra", "cidr": "10.0.240.0/20"}
    body = {"type": "subnet", "attributes": attributes, "tags": {"landform:stack": network.id}}
    extra = landform.cloud.call("POST", "/resources", json=body)["id"]
    landform.perform(network, OperationType.DRIFT_CHECK)
    report = last_report(landform, network)
    (change,) = report.changes
    assert (change["change"], change["resource_id"], change["address"]) == ("created", extra, None)
    assert (change["name"], change["mending"]) == (f"subnet {extra}", "none")
    assert (report.status, report.tag_search) == ("drifted", "done")
    landform.cloud.call("DELETE", f"/resources/{extra}")
    landform.perform(network, OperationType.DRIFT_CHECK)
    assert landform.stack(network.id).drift_status == "in_sync"


@pytest.mark.thorough
def test_a_check_that_fails_makes_the_verdict_unknown(landform: Landform, network: Stack) -> None:
    landform.perform(network, OperationType.DRIFT_CHECK)
    with landform.ctx.write() as session:
        stack = session.get_one(Stack, network.id)
        stack.cloud_account.sealed_credentials = landform.ctx.keys.encrypt(
            b'{"endpoint": "%s", "token": "wrong"}' % landform.settings.sandbox_endpoint.encode(),
            f"credentials:{stack.cloud_account_id}",
        )
    done = landform.perform(network, OperationType.DRIFT_CHECK)
    assert done.status == "errored"
    assert done.error is not None
    assert done.error["tried_again_at"], "a failed check is tried again, and says when"
    unknown = landform.stack(network.id)
    assert unknown.drift_status == "unknown"
    assert unknown.drift_reason
    assert unknown.status == "ready", "a check that fails does not harm the stack"


def test_due_stacks_are_claimed_once_and_busy_ones_left_alone(
    landform: Landform, network: Stack
) -> None:
    with landform.ctx.write() as session:
        schedule = session.get_one(Stack, network.id).schedule
        schedule.next_check_at = schedule.next_check_at.replace(year=2020)
    assert claim_due(landform.ctx) == 1
    assert claim_due(landform.ctx) == 0
    (check,) = landform.pending(network)
    assert (check.type, check.requested_by) == ("drift_check", "system")
    with landform.ctx.write() as session:
        schedule = session.get_one(Stack, network.id).schedule
        schedule.next_check_at = schedule.next_check_at.replace(year=2020)
    assert claim_due(landform.ctx) == 0, "a check is queued already"
