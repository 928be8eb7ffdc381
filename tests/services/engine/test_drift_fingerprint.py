"""Scheduled checks that ask the provider alone, and when Terraform has to look again."""

from __future__ import annotations

from datetime import timedelta

import psutil
import pytest
from sqlalchemy import select

from app.clock import utc_now
from app.domain.operations import OperationType
from app.models import DriftBaseline, DriftReport, Operation, Schedule, Stack
from app.services.context import build_context
from app.services.drift.queue_due import claim_due
from tests.landform import Landform

pytestmark = pytest.mark.usefixtures("pool")


@pytest.fixture
def bucket(landform: Landform) -> Stack:
    """A bucket that Terraform has checked."""
    stack = landform.made("bucket", "store", parameters={})
    assert check(landform, stack).checked_by == "terraform", "nothing is known of it yet"
    return stack


def check(landform: Landform, stack: Stack) -> DriftReport:
    """Have the clock check a stack, and return the report."""
    with landform.ctx.write() as session:
        session.get_one(Schedule, stack.id).next_check_at = utc_now() - timedelta(seconds=1)
    assert claim_due(landform.ctx) == 1
    with landform.ctx.read() as session:
        pending = select(Operation.id).where(Operation.status == "pending")
        (operation_id,) = session.scalars(pending)
    assert landform.engine.carry_out_checks(operation_id)
    return latest_report(landform, stack)


def latest_report(landform: Landform, stack: Stack) -> DriftReport:
    with landform.ctx.read() as session:
        query = select(DriftReport).where(DriftReport.stack_id == stack.id)
        return list(session.scalars(query.order_by(DriftReport.id)))[-1]


def change_outside(landform: Landform, **attributes: object) -> None:
    cloud_id = landform.cloud.get_only("bucket")["id"]
    landform.cloud.call("PATCH", f"/resources/{cloud_id}", json={"attributes": attributes})


def test_what_is_as_it_was_needs_no_terraform(landform: Landform, bucket: Stack) -> None:
    with landform.ctx.write() as session:  # so that there is something to tell
        session.get_one(Stack, bucket.id).drift_status = "not_checked"
    report = check(landform, bucket)
    assert (report.status, report.checked_by) == ("in_sync", "provider")
    with landform.ctx.read() as session:
        (words,) = [
            message
            for message in landform.messages(session.get_one(Operation, report.operation_id))
            if "Terraform compared all" in message
        ]
    assert words.startswith("1 resource reads as at ")


def test_what_changed_outside_is_seen_by_terraform_and_then_remembered(
    landform: Landform, bucket: Stack
) -> None:
    change_outside(landform, versioning=True)
    seen = check(landform, bucket)
    assert (seen.status, seen.checked_by) == ("drifted", "terraform")
    again = check(landform, bucket)
    assert (again.status, again.checked_by) == ("drifted", "provider")
    assert (again.digest, again.changes) == (seen.digest, seen.changes)
    change_outside(landform, versioning=False)
    report = check(landform, bucket)
    assert (report.status, report.checked_by) == ("in_sync", "terraform")


@pytest.mark.thorough
def test_what_was_deleted_outside_is_seen(landform: Landform, bucket: Stack) -> None:
    landform.cloud.call("DELETE", f"/resources/{landform.cloud.get_only('bucket')['id']}")
    report = check(landform, bucket)
    assert (report.status, report.checked_by) == ("drifted", "terraform")
    assert report.changes[0]["change"] == "deleted"


@pytest.mark.thorough
def test_what_was_created_outside_is_seen(landform: Landform, bucket: Stack) -> None:
    known = landform.cloud.get_only("bucket")
    landform.cloud.call(
        "POST",
        "/resources",
        json={
            "type": "bucket",
            "attributes": {"name": "extra", "region": known["attributes"]["region"]},
            "tags": known["tags"],
        },
    )
    report = check(landform, bucket)
    assert (report.status, report.checked_by) == ("drifted", "provider"), "it is searched each time"
    assert [item["change"] for item in report.changes] == ["created"]


@pytest.mark.thorough
def test_another_configuration_is_planned(landform: Landform, bucket: Stack) -> None:
    with landform.ctx.write() as session:
        stack = session.get_one(Stack, bucket.id)
        stack.parameters = {**stack.parameters, "versioning": True}
    for expected in ("terraform", "provider"):
        report = check(landform, bucket)
        assert (report.has_pending_changes, report.checked_by) == (True, expected)


@pytest.mark.thorough
def test_a_new_state_is_looked_at_by_terraform_first(landform: Landform, bucket: Stack) -> None:
    with landform.ctx.write() as session:
        stack = session.get_one(Stack, bucket.id)
        stack.parameters = {**stack.parameters, "versioning": True}
    landform.perform(bucket, OperationType.APPLY)
    assert check(landform, bucket).checked_by == "terraform"
    assert check(landform, bucket).checked_by == "provider"


@pytest.mark.thorough
def test_who_asks_for_a_check_gets_one_by_terraform(landform: Landform, bucket: Stack) -> None:
    landform.perform(bucket, OperationType.DRIFT_CHECK)
    assert latest_report(landform, bucket).checked_by == "terraform"


@pytest.mark.thorough
def test_terraform_looks_again_when_its_last_look_is_too_old(
    landform: Landform, bucket: Stack
) -> None:
    with landform.ctx.write() as session:
        known = session.get_one(DriftBaseline, bucket.id)
        known.found_at -= timedelta(seconds=landform.settings.drift_full_seconds)
    assert check(landform, bucket).checked_by == "terraform"
    assert check(landform, bucket).checked_by == "provider"


@pytest.mark.thorough
def test_a_baseline_that_somebody_else_wrote_proves_nothing(
    landform: Landform, bucket: Stack
) -> None:
    with landform.ctx.write() as session:
        session.get_one(DriftBaseline, bucket.id).fingerprint = "0" * 64
    assert check(landform, bucket).checked_by == "terraform"


@pytest.mark.thorough
def test_without_the_provider_that_terraform_configured_terraform_checks(
    landform: Landform, bucket: Stack, pool: psutil.Process
) -> None:
    for provider in pool.children():
        provider.kill()
    report = check(landform, bucket)
    assert (report.status, report.checked_by) == ("in_sync", "terraform")
    assert check(landform, bucket).checked_by == "provider", "what was known is still known"


@pytest.mark.thorough
def test_a_cloud_that_does_not_answer_in_time_is_no_verdict(
    landform: Landform, bucket: Stack
) -> None:
    landform.cloud.set_faults(read_delay_seconds=30)
    settings = landform.settings.model_copy(update={"plan_timeout_seconds": 2})
    landform.use(build_context(settings))
    report = check(landform, bucket)
    assert (report.status, report.checked_by) == ("unknown", "terraform")
