"""A VPC of somebody else: read and used by the real provider, and as it was when all is over."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.rest import Rest, pointers, problem
from tests.aws.conftest import ACCOUNT, AwsLandform, check_policies
from tests.aws_proxy import Proxy


def make_vpc(aws: AwsLandform, cidr: str = "10.7.0.0/16") -> tuple[str, list[str]]:
    """Make a VPC with two private subnets as people do; return the ids."""
    ec2 = aws.moto.client("ec2")
    vpc = ec2.create_vpc(CidrBlock=cidr)["Vpc"]["VpcId"]
    ec2.create_tags(Resources=[vpc], Tags=[{"Key": "owner", "Value": "the network team"}])
    first = cidr.rsplit(".", 2)[0]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"{first}.{part}.0/24", AvailabilityZone=zone)
        for part, zone in ((1, "eu-west-1b"), (2, "eu-west-1a"))
    ]
    return vpc, [item["Subnet"]["SubnetId"] for item in subnets]


def everything_of(aws: AwsLandform, vpc: str) -> list[Any]:
    """Return all that a VPC consists of, tags included."""
    ec2 = aws.moto.client("ec2")
    own = [{"Name": "vpc-id", "Values": [vpc]}]
    return [
        ec2.describe_vpcs(VpcIds=[vpc])["Vpcs"],
        ec2.describe_subnets(Filters=own)["Subnets"],
        ec2.describe_route_tables(Filters=own)["RouteTables"],
        ec2.describe_security_groups(Filters=own)["SecurityGroups"],
    ]


@pytest.mark.parametrize("name", ["vpc-1", "net-0a1b2c3d4e5f", "vpc-0A1B2C3D", "subnet-0a1b2c3d"])
def test_what_is_no_vpc_is_refused_before_terraform_starts(account: Rest, name: str) -> None:
    parameters = {"network_id": name, "subnet_ids": ["subnet-0a1b2c3d"]}
    body = {"name": "theirs", "cloud_account": ACCOUNT, "parameters": parameters}
    told = problem(account.post("/existing-networks", body), 422, "validation_failed")
    assert pointers(told) == ["/parameters/network_id"]
    assert "Must be the id of a VPC on AWS" in told["errors"][0]["message"]


@pytest.mark.thorough
def test_a_vpc_of_others_is_used_and_survives_its_stack(aws: AwsLandform, proxy: Proxy) -> None:
    aws.use(proxy.endpoint)
    vpc, subnets = make_vpc(aws)
    before = everything_of(aws, vpc)
    stack = aws.create("existing-networks", "theirs", network_id=vpc, subnet_ids=subnets)
    assert aws.outputs(stack) == {
        "network_id": vpc,
        "cidr": "10.7.0.0/16",
        "subnet_ids": subnets,
        "gateway_address": "10.7.0.1",
    }
    assert aws.drift(stack) == {}
    assert aws.stack(stack)["drift"]["status"] == "in_sync"
    check_policies(proxy, "existing-network")
    group = aws.create("machine-groups", "group", network="theirs")
    (machine,) = aws.moto.client("ec2").describe_instances(
        InstanceIds=aws.outputs(group)["machine_ids"]
    )["Reservations"][0]["Instances"]
    assert (machine["VpcId"], machine["SubnetId"]) == (vpc, subnets[0])
    aws.destroy("machine-groups", group)
    assert aws.destroy("existing-networks", stack)["status"] == "deleted"
    after = everything_of(aws, vpc)
    for subnet in (*before[1], *after[1]):
        del subnet["AvailableIpAddressCount"]  # the machine's address is not counted back by moto
    assert after == before, "not even a tag has changed"


@pytest.mark.thorough
def test_a_vpc_that_is_gone_is_told_in_words_and_can_be_let_go(aws: AwsLandform) -> None:
    vpc, subnets = make_vpc(aws)
    stack = aws.create("existing-networks", "theirs", network_id=vpc, subnet_ids=subnets)
    ec2 = aws.moto.client("ec2")
    for subnet in subnets:
        ec2.delete_subnet(SubnetId=subnet)
    ec2.delete_vpc(VpcId=vpc)
    done = aws.perform(stack, type="drift_check")
    assert "no matching EC2" in str(done["error"])
    assert subnets[0] in str(done["error"])
    assert aws.stack(stack)["drift"]["status"] == "unknown"
    assert aws.destroy("existing-networks", stack)["status"] == "deleted"


@pytest.mark.thorough
def test_a_subnet_of_another_vpc_is_refused_in_words(aws: AwsLandform) -> None:
    vpc, subnets = make_vpc(aws)
    _, others = make_vpc(aws, "10.6.0.0/16")
    parameters = {"network_id": vpc, "subnet_ids": [subnets[0], others[0]]}
    body = {"name": "theirs", "cloud_account": ACCOUNT, "parameters": parameters}
    asked = aws.rest.post("/existing-networks", body).json
    done = aws.carry_out(asked["operation"]["id"])
    assert done["status"] == "errored"
    assert f"The subnet {others[0]} is not in the network {vpc}." in str(done["error"])
