"""Machines on AWS by the real provider: their life, and what a change does to them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.aws.conftest import AwsLandform, check_policies
from tests.aws_proxy import Proxy
from tests.plan_counts import counts

# The provider waits as AWS needs it, and the machine may be busy.
NOTHING = counts()
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
    assert aws.perform(stack, type="plan")["plan"] == NOTHING
    scripted = aws.change("machine-groups", stack, user_data="#!/bin/sh\n", count=1)
    (other,) = machines(aws, scripted)
    assert other["InstanceId"] not in {first["InstanceId"], second["InstanceId"]}
    assert aws.destroy("machine-groups", stack)["status"] == "deleted"
    assert living(aws) == []
    check_policies(proxy, "machine-group")
    assert aws.destroy("networks", network)["status"] == "deleted"


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
    done = aws.resolve(operation, "adopt")
    assert done["status"] == "applied", done["error"]
    assert living(aws) == [started], "it is not made twice"


def test_machines_whose_network_somebody_deleted_are_destroyed(
    aws: AwsLandform, network: dict[str, Any]
) -> None:
    stack = aws.create("machine-groups", "api", network=network["id"])
    (machine,) = machines(aws, stack)
    ec2 = aws.moto.client("ec2")
    ec2.terminate_instances(InstanceIds=[machine["InstanceId"]])
    for group in machine["SecurityGroups"]:
        ec2.delete_security_group(GroupId=group["GroupId"])
    delete_vpc(aws, aws.outputs(network)["network_id"])
    assert aws.destroy("machine-groups", stack)["status"] == "deleted"
    assert aws.destroy("networks", network)["status"] == "deleted"


def delete_vpc(aws: AwsLandform, vpc: str) -> None:
    """Delete a network as a person does: from its leaves to its root."""
    ec2, inside = aws.moto.client("ec2"), [{"Name": "vpc-id", "Values": [vpc]}]
    for subnet in ec2.describe_subnets(Filters=inside)["Subnets"]:
        ec2.delete_subnet(SubnetId=subnet["SubnetId"])
    for table in ec2.describe_route_tables(Filters=inside)["RouteTables"]:
        links = table["Associations"]
        for link in links:
            if not link["Main"]:
                ec2.disassociate_route_table(AssociationId=link["RouteTableAssociationId"])
        if not any(link["Main"] for link in links):
            ec2.delete_route_table(RouteTableId=table["RouteTableId"])
    ec2.delete_vpc(VpcId=vpc)


def test_another_size_behind_landforms_back_is_seen_reconciled_and_accepted(
    aws: AwsLandform, network: dict[str, Any]
) -> None:
    stack = aws.create("machine-groups", "api", network=network["id"])
    address = 'aws_instance.this["01"]'
    resize(aws, stack, "m5.24xlarge")
    found = aws.drift(stack)
    assert list(found) == [address]
    assert found[address]["name"] == "instance 01"
    assert found[address]["mending"] == "update"
    changed = {item["path"]: item for item in found[address]["attributes"]}
    size = changed["instance_type"]
    assert (size["before"], size["after"]) == ("t3.small", "m5.24xlarge")
    aws.reconcile(stack)
    assert machines(aws, stack)[0]["InstanceType"] == "t3.small"
    assert aws.drift(stack) == {}
    resize(aws, stack, "m5.24xlarge")
    aws.drift(stack)
    report = aws.stack(stack)["drift"]["report_id"]
    accepted = aws.perform(stack, type="accept_drift", report_id=report)
    assert accepted["status"] == "applied", accepted["error"]
    assert machines(aws, stack)[0]["InstanceType"] == "m5.24xlarge", "accepting changes nothing"
    assert aws.drift(stack) == {}
    assert aws.report(stack)["pending_changes"], "the configuration still wants the other size"


def resize(aws: AwsLandform, stack: dict[str, Any], size: str) -> None:
    """Give the only machine of a group another size, as AWS wants it: while it stands still."""
    ec2, name = aws.moto.client("ec2"), machines(aws, stack)[0]["InstanceId"]
    ec2.stop_instances(InstanceIds=[name])
    ec2.modify_instance_attribute(InstanceId=name, InstanceType={"Value": size})
    ec2.start_instances(InstanceIds=[name])
