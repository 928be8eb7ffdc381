"""A network on AWS: its life, what happens to it outside Landform, and a sudden death."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.rest import Rest, pointers, problem
from tests.aws.conftest import ACCOUNT, AwsLandform, check_policies
from tests.aws_proxy import Proxy

STACK_TAG = "landform:stack"


def with_tag(stack: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"Name": f"tag:{STACK_TAG}", "Values": [stack["id"]]}]


def changes_of(aws: AwsLandform, stack: dict[str, Any]) -> dict[str, str]:
    """Check for drift and return what changed, by Terraform's address or else the id."""
    return {name: item["change"] for name, item in aws.drift(stack).items()}


@pytest.mark.parametrize("cidr", ["10.0.0.0/8", "10.0.0.0/15"])
def test_a_network_that_aws_does_not_offer_is_refused_before_terraform_starts(
    account: Rest, cidr: str
) -> None:
    body = {"name": "web", "cloud_account": ACCOUNT, "parameters": {"cidr": cidr}}
    told = problem(account.post("/networks", body), 422, "validation_failed")
    assert pointers(told) == ["/parameters/cidr"]
    assert "from /16 to /24 on AWS" in told["errors"][0]["message"]
    elsewhere = account.post("/networks", {**body, "cloud_account": "sandbox"})
    assert elsewhere.status_code == 202


@pytest.mark.thorough
def test_a_network_is_made_changed_in_place_and_destroyed(aws: AwsLandform, proxy: Proxy) -> None:
    aws.use(proxy.endpoint)
    stack = aws.create("networks", "web", zones=2)
    outputs = aws.outputs(stack)
    ec2 = aws.moto.client("ec2")
    subnets = ec2.describe_subnets(SubnetIds=outputs["subnet_ids"])["Subnets"]
    by_id = {item["SubnetId"]: item for item in subnets}
    ordered = [by_id[name] for name in outputs["subnet_ids"]]
    assert [item["AvailabilityZone"] for item in ordered] == ["eu-west-1a", "eu-west-1b"]
    assert not any(item["MapPublicIpOnLaunch"] for item in ordered)
    assert outputs["gateway_address"] == "10.0.0.1"
    (gateway,) = ec2.describe_nat_gateways(Filters=with_tag(stack))["NatGateways"]
    assert gateway["State"] == "available"
    (log,) = ec2.describe_flow_logs(Filters=with_tag(stack))["FlowLogs"]
    assert (log["ResourceId"], log["TrafficType"]) == (outputs["network_id"], "ALL")
    stack = aws.change("networks", stack, zones=3, internet_access=False)
    assert aws.outputs(stack)["subnet_ids"][:2] == outputs["subnet_ids"]
    assert len(aws.outputs(stack)["subnet_ids"]) == 3
    states = [item["State"] for item in ec2.describe_nat_gateways()["NatGateways"]]
    assert set(states) <= {"deleted", "deleting"}
    assert aws.destroy("networks", stack)["status"] == "deleted"
    assert ec2.describe_vpcs(Filters=with_tag(stack))["Vpcs"] == []
    check_policies(proxy, "network")


@pytest.mark.thorough
def test_what_happens_behind_landforms_back_is_seen_and_undone(aws: AwsLandform) -> None:
    stack = aws.create("networks", "web", zones=2, internet_access=False)
    outputs = aws.outputs(stack)
    assert changes_of(aws, stack) == {}, "nothing that Landform made counts as strange"
    ec2 = aws.moto.client("ec2")
    vpc = outputs["network_id"]
    ec2.create_tags(Resources=[vpc], Tags=[{"Key": "landform:project", "Value": "stolen"}])
    ec2.delete_subnet(SubnetId=outputs["subnet_ids"][1])
    extra = ec2.create_subnet(
        VpcId=vpc,
        CidrBlock="10.0.240.0/20",
        TagSpecifications=[
            {"ResourceType": "subnet", "Tags": [{"Key": STACK_TAG, "Value": stack["id"]}]}
        ],
    )["Subnet"]["SubnetId"]
    found = changes_of(aws, stack)
    assert found["aws_vpc.this"] == "updated"
    assert found['aws_subnet.this["eu-west-1b"]'] == "deleted"
    assert [name for name, change in found.items() if change == "created"] == [extra]
    ec2.delete_subnet(SubnetId=extra)
    aws.reconcile(stack)
    assert changes_of(aws, stack) == {}


@pytest.mark.thorough
def test_what_a_killed_terraform_made_is_found_by_its_tag(aws: AwsLandform, proxy: Proxy) -> None:
    operation = aws.kill_during(proxy, "CreateVpc", "networks", internet_access=False)
    (made,) = aws.moto.client("ec2").describe_vpcs(
        Filters=[{"Name": "tag-key", "Values": [STACK_TAG]}]
    )["Vpcs"]
    orphans = {item["address"]: item for item in operation.possibly_orphaned}
    assert orphans["aws_vpc.this"]["id"] == made["VpcId"]


@pytest.mark.thorough
def test_what_a_killed_terraform_made_is_destroyed_with_its_stack(
    aws: AwsLandform, proxy: Proxy
) -> None:
    operation = aws.kill_during(proxy, "CreateVpc", "networks", internet_access=False)
    path = f"/stacks/{operation.stack_id}/operations"
    problem(aws.rest.post(path, {"type": "destroy"}), 409, "orphans_unresolved")
    done = aws.resolve(operation, "destroy")
    assert done["status"] == "applied", done["error"]
    assert aws.stack({"id": operation.stack_id})["status"] == "deleted"
    left = aws.moto.client("ec2").describe_vpcs(
        Filters=[{"Name": "tag-key", "Values": [STACK_TAG]}]
    )
    assert left["Vpcs"] == []
