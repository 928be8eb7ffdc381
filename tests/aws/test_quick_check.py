"""Scheduled checks on AWS: the real provider is asked alone where nothing has changed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import psutil
import pytest
from sqlalchemy import select

from app.clock import utc_now
from app.models import Operation, Schedule
from app.services.drift.queue_due import claim_due
from app.services.engine.engine import Engine
from tests.aws.conftest import AwsLandform
from tests.provider_pool import serving_pool

# The provider waits as AWS needs it, and the machine may be busy.
pytestmark = [pytest.mark.thorough, pytest.mark.timeout(900)]


@pytest.fixture
def pool(aws: AwsLandform) -> Iterator[psutil.Process]:
    home = aws.rest.ctx.settings.home_dir
    (home / "providers" / "pool.sock").unlink(missing_ok=True)
    with serving_pool(home, limit=1) as process:
        yield process


def check(aws: AwsLandform, stack: dict[str, Any]) -> dict[str, Any]:
    """Have the clock check a stack, and return the report."""
    ctx = aws.rest.ctx
    with ctx.write() as session:
        session.get_one(Schedule, stack["id"]).next_check_at = utc_now() - timedelta(seconds=1)
    assert claim_due(ctx) == 1
    with ctx.read() as session:
        (operation_id,) = session.scalars(select(Operation.id).where(Operation.status == "pending"))
    assert Engine(ctx).carry_out_checks(operation_id)
    with ctx.read() as session:
        done = session.get_one(Operation, operation_id)
    assert done.status == "planned_and_finished", done.error
    return aws.report(stack)


def test_what_is_as_it_was_on_aws_needs_no_terraform(
    aws: AwsLandform, pool: psutil.Process
) -> None:
    stack = aws.create("buckets", "media")
    name = aws.outputs(stack)["bucket_id"]
    first, second = check(aws, stack), check(aws, stack)
    assert (first["status"], first["checked_by"]) == ("in_sync", "terraform")
    assert (second["status"], second["checked_by"]) == ("in_sync", "provider")
    s3 = aws.moto.client("s3")
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    changed, again = check(aws, stack), check(aws, stack)
    assert (changed["status"], changed["checked_by"]) == ("drifted", "terraform")
    assert (again["status"], again["checked_by"]) == ("drifted", "provider")
    assert again["changes"] == changed["changes"]


def test_a_network_on_aws_is_checked_quickly_until_it_changes(
    aws: AwsLandform, pool: psutil.Process
) -> None:
    stack = aws.create("networks", "net", zones=2)
    assert [check(aws, stack)["checked_by"] for _ in range(3)][-1] == "provider"
    aws.moto.client("ec2").create_tags(
        Resources=[aws.outputs(stack)["network_id"]], Tags=[{"Key": "Owner", "Value": "someone"}]
    )
    report = check(aws, stack)
    assert (report["status"], report["checked_by"]) == ("drifted", "terraform")
