"""Machines on AWS by the real provider: their life, and what a change does to them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.aws.conftest import AwsLandform, check_policies
from tests.aws_proxy import Proxy

# The provider waits as AWS needs it, and the machine may be busy.
pytestmark = [pytest.mark.thorough, pytest.mark.timeout(900)]


@pytest.fixture
def network(aws: AwsLandform) -> dict[str, Any]:
    return aws.create("networks", "web", zones=2, internet_access=False)


def machines(aws: AwsLandform, stack: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the machines as AWS has them, in the order of the output."""
    ids = aws.outputs(stack)["machine_ids"]
    answer = aws.moto.client("ec2").describe_instances(InstanceIds=ids)
    found = {row["InstanceId"]: row for item in answer["Reservations"] for row in item["Instances"]}
    return [found[name] for name in ids]


def test_machines_are_made_changed_in_place_replaced_and_destroyed(
    aws: AwsLandform, network: dict[str, Any], proxy: Proxy
) -> None:
    aws.use(proxy.endpoint)
    stack = aws.create("machine-groups", "api", network=network["id"], count=2)
    first, second = machines(aws, stack)
    assert [first["SubnetId"], second["SubnetId"]] == aws.outputs(network)["subnet_ids"]
    assert aws.outputs(stack)["private_ips"][0] == first["PrivateIpAddress"]
    check_that_it_is_closed(aws, first)
    grown = aws.change("machine-groups", stack, size="medium", count=3)
    assert [row["InstanceType"] for row in machines(aws, grown)] == ["t3.large"] * 3
    assert [row["InstanceId"] for row in machines(aws, grown)][:2] == [
        first["InstanceId"],
        second["InstanceId"],
    ], "a larger group of larger machines keeps those that it has"
    assert aws.perform(stack, type="plan")["summary"] is not None
    scripted = aws.change("machine-groups", stack, user_data="#!/bin/sh\n", count=1)
    (other,) = machines(aws, scripted)
    assert other["InstanceId"] not in {first["InstanceId"], second["InstanceId"]}
    assert aws.destroy("machine-groups", stack)["status"] == "deleted"
    assert living(aws) == []
    assert aws.destroy("networks", network)["status"] == "deleted"
    check_policies(proxy, "network", "machine-group")


def check_that_it_is_closed(aws: AwsLandform, machine: dict[str, Any]) -> None:
    """No metadata without a session token, no plain disk, no door but to the network."""
    assert machine["MetadataOptions"]["HttpTokens"] == "required"
    ec2 = aws.moto.client("ec2")
    (disk,) = ec2.describe_volumes(
        Filters=[{"Name": "attachment.instance-id", "Values": [machine["InstanceId"]]}]
    )["Volumes"]
    assert disk["Encrypted"]
    (group,) = ec2.describe_security_groups(
        GroupIds=[item["GroupId"] for item in machine["SecurityGroups"]]
    )["SecurityGroups"]
    (door,) = group["IpPermissions"]
    assert [item["CidrIp"] for item in door["IpRanges"]] == ["10.0.0.0/16"]
    assert not door.get("Ipv6Ranges")


def living(aws: AwsLandform) -> list[str]:
    pages = aws.moto.client("ec2").describe_instances()["Reservations"]
    rows = [row for item in pages for row in item["Instances"]]
    return [row["InstanceId"] for row in rows if row["State"]["Name"] != "terminated"]


def test_a_machine_that_a_killed_terraform_started_is_found_by_its_tag(
    aws: AwsLandform, network: dict[str, Any], proxy: Proxy
) -> None:
    operation = aws.kill_during(proxy, "RunInstances", "machine-groups", network=network["id"])
    (started,) = living(aws)
    orphans = {item["address"]: item for item in operation.possibly_orphaned}
    assert orphans['aws_instance.this["01"]']["id"] == started
    kept = aws.rest.get(f"/stacks/{operation.stack_id}/resources").json
    assert "aws_security_group.this" in str(kept), "what was made before is in the state"
