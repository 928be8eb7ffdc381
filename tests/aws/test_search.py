"""The search by tag: ARNs in Terraform's words, and what AWS lists although nobody made it."""

from __future__ import annotations

from typing import Any

import pytest

from app.clouds.aws_search import EC2_TYPES, LISTINGS, VISIBLE_TYPES, read_arn, search
from app.clouds.search import find_by_stack
from app.errors import CloudSearchError
from tests.aws_proxy import Proxy
from tests.logins import login
from tests.moto_cloud import Moto

TAG = [{"Key": "landform:stack", "Value": "stk_1"}]
REGION = "eu-west-1"


@pytest.mark.parametrize(
    ("arn", "type_", "identifier"),
    [
        ("arn:aws:ec2:eu-west-1:1:vpc/vpc-1", "aws_vpc", "vpc-1"),
        ("arn:aws:s3:::media-1", "aws_s3_bucket", "media-1"),
        ("arn:aws:rds:eu-west-1:1:db:main", "aws_db_instance", "main"),
        ("arn:aws:eks:eu-west-1:1:cluster/web", "aws_eks_cluster", "web"),
        ("arn:aws:eks:eu-west-1:1:nodegroup/web/pool/8ab", "aws_eks_node_group", "web:pool"),
        ("arn:aws:logs:eu-west-1:1:log-group:/a/b", "aws_cloudwatch_log_group", "/a/b"),
        (
            "arn:aws:sqs:eu-west-1:1:mail",
            "aws_sqs_queue",
            "https://sqs.eu-west-1.amazonaws.com/1/mail",
        ),
        ("arn:aws:ecr:eu-west-1:1:repository/a/b", "aws_ecr_repository", "a/b"),
        ("arn:aws:sns:eu-west-1:1:topic", "sns", "arn:aws:sns:eu-west-1:1:topic"),
        ("arn:aws:ec2:eu-west-1:1:x/y-1", "ec2:x", "arn:aws:ec2:eu-west-1:1:x/y-1"),
        ("nonsense", "", "nonsense"),
    ],
)
def test_an_arn_becomes_a_type_and_the_id_to_import_it_by(
    arn: str, type_: str, identifier: str
) -> None:
    found = read_arn(arn, {"a": "b"})
    assert (found.type, found.id) == (type_, identifier)
    assert found.is_among({arn})
    assert found.attributes == {"tags": {"a": "b"}}


def test_what_carries_the_tag_is_found_and_nothing_else(moto: Moto) -> None:
    ec2, s3 = moto.client("ec2"), moto.client("s3")
    tagged = [{"ResourceType": "vpc", "Tags": TAG}]
    vpc = ec2.create_vpc(CidrBlock="10.1.0.0/16", TagSpecifications=tagged)["Vpc"]["VpcId"]
    ec2.create_vpc(CidrBlock="10.2.0.0/16")
    others = [
        {"ResourceType": "vpc", "Tags": [{**TAG[0], "Value": "stk_2"}, {**TAG[0], "Key": "x"}]}
    ]
    ec2.create_vpc(CidrBlock="10.3.0.0/16", TagSpecifications=others)
    where = {"LocationConstraint": REGION}
    s3.create_bucket(Bucket="mine", CreateBucketConfiguration=where)
    s3.put_bucket_tagging(Bucket="mine", Tagging={"TagSet": TAG})
    address = ec2.allocate_address(
        Domain="vpc", TagSpecifications=[{"ResourceType": "elastic-ip", "Tags": TAG}]
    )["AllocationId"]
    found = {(item.type, item.id) for item in search(login(moto.credentials), REGION, "stk_1")}
    assert found == {("aws_vpc", vpc), ("aws_s3_bucket", "mine"), ("aws_eip", address)}
    assert {type_ for type_, _ in found} <= VISIBLE_TYPES
    elsewhere = {item.type for item in search(login(moto.credentials), "us-east-1", "stk_1")}
    assert elsewhere <= {"aws_s3_bucket"}, "moto shows buckets of every region"
    moto.reset()


def test_what_is_gone_or_known_is_not_unmanaged(moto: Moto) -> None:
    ec2 = moto.client("ec2")
    made = [
        ec2.create_vpc(
            CidrBlock="10.1.0.0/16", TagSpecifications=[{"ResourceType": "vpc", "Tags": TAG}]
        )["Vpc"]["VpcId"]
        for _ in range(3)
    ]
    gone, known, strange = made
    ec2.delete_vpc(VpcId=gone)
    templates = [
        ec2.create_launch_template(
            LaunchTemplateName=name,
            LaunchTemplateData={"InstanceType": "t3.small"},
            TagSpecifications=[{"ResourceType": "launch-template", "Tags": TAG}],
        )["LaunchTemplate"]["LaunchTemplateId"]
        for name in ("left", "gone")
    ]
    ec2.delete_launch_template(LaunchTemplateId=templates[1])
    assert gone in {item.id for item in search(login(moto.credentials), REGION, "stk_1")}
    result = find_by_stack("aws", login(moto.credentials), REGION, "stk_1", {known})
    assert {item.id for item in result.resources} == {strange, templates[0]}
    moto.reset()


def test_the_tags_of_what_ec2_has_ended_are_not_believed(moto: Moto) -> None:
    """One of each is left and one is deleted: a flow log, a disk, a network interface."""
    assert set(EC2_TYPES.values()) == set(LISTINGS)
    ec2 = moto.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.1.1.0/24")["Subnet"]["SubnetId"]

    def tagged(kind: str) -> list[dict[str, Any]]:
        return [{"ResourceType": kind, "Tags": TAG}]

    disks = [
        ec2.create_volume(
            AvailabilityZone=f"{REGION}a", Size=1, TagSpecifications=tagged("volume")
        )["VolumeId"]
        for _ in range(2)
    ]
    doors = [
        ec2.create_network_interface(
            SubnetId=subnet, TagSpecifications=tagged("network-interface")
        )["NetworkInterface"]["NetworkInterfaceId"]
        for _ in range(2)
    ]
    logs = [
        ec2.create_flow_logs(
            ResourceType="VPC",
            ResourceIds=[vpc],
            TrafficType=traffic,
            LogDestinationType="cloud-watch-logs",
            LogGroupName=f"flow-{traffic}",
            DeliverLogsPermissionArn="arn:aws:iam::123456789012:role/logs",
            TagSpecifications=tagged("vpc-flow-log"),
        )["FlowLogIds"][0]
        for traffic in ("ALL", "REJECT")
    ]
    ec2.delete_volume(VolumeId=disks[1])
    ec2.delete_network_interface(NetworkInterfaceId=doors[1])
    ec2.delete_flow_logs(FlowLogIds=[logs[1]])
    result = find_by_stack("aws", login(moto.credentials), REGION, "stk_1", set())
    assert {item.id for item in result.resources} == {disks[0], doors[0], logs[0]}
    moto.reset()


def test_a_secret_that_can_still_be_called_back_is_gone(moto: Moto) -> None:
    client = moto.client("secretsmanager")
    left, ended = (client.create_secret(Name=name, Tags=TAG)["ARN"] for name in ("left", "ended"))
    client.delete_secret(SecretId=ended, RecoveryWindowInDays=7)
    assert ended in {item.id for item in search(login(moto.credentials), REGION, "stk_1")}
    result = find_by_stack("aws", login(moto.credentials), REGION, "stk_1", set())
    assert {item.id for item in result.resources} == {left}
    client.delete_secret(SecretId=left, ForceDeleteWithoutRecovery=True)
    result = find_by_stack("aws", login(moto.credentials), REGION, "stk_1", set())
    assert result.resources == []
    moto.reset()


def test_a_search_that_fails_says_why_without_a_credential(moto: Moto) -> None:
    proxy = Proxy(moto.port)
    try:
        proxy.fail("GetResources", 400, "AccessDeniedException", times=9)
        credentials = login({**moto.credentials, "endpoint": proxy.endpoint})
        with pytest.raises(CloudSearchError, match="may not do this") as caught:
            search(credentials, REGION, "stk_1")
        assert "canary" not in caught.value.detail
        nobody = login({**moto.credentials, "endpoint": "http://127.0.0.1:1999"})
        with pytest.raises(CloudSearchError, match="does not answer"):
            search(nobody, REGION, "stk_1")
    finally:
        proxy.close()
