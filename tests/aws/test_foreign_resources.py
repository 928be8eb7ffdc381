"""On AWS: whose a bucket, a subnet, a role or a part of them is, however a state names it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from app.clouds import aws_owners
from app.clouds.named import NamedResource
from app.errors import CloudSearchError
from tests.api.rest import pointers, problem
from tests.aws.conftest import AwsLandform
from tests.logins import login
from tests.moto_cloud import Moto

REGION = "eu-west-1"
TAG = [{"Key": "landform:stack", "Value": "stk_1"}]
WHERE = {"LocationConstraint": REGION}


def owners(moto: Moto, type_: str, *, is_part: bool = False, **attributes: str) -> set[str]:
    resource = NamedResource(type_, attributes, is_part)
    return set(aws_owners.find_owners(login(moto.credentials), REGION, [resource])[0])


def test_a_bucket_is_known_by_every_spelling_and_so_are_its_parts(moto: Moto) -> None:
    s3 = moto.client("s3")
    s3.create_bucket(Bucket="theirs", CreateBucketConfiguration=WHERE)
    s3.put_bucket_tagging(Bucket="theirs", Tagging={"TagSet": TAG})
    s3.create_bucket(Bucket="nobodys", CreateBucketConfiguration=WHERE)
    for spelling in ("theirs", "THEIRS", "theirs/", "arn:aws:s3:::theirs"):
        assert owners(moto, "aws_s3_bucket", id=spelling) == {"stk_1"}, spelling
    assert owners(moto, "aws_s3_bucket", id="mine", bucket="theirs") == {"stk_1"}
    assert owners(moto, "aws_s3_bucket_policy", id="theirs", is_part=True) == {"stk_1"}
    part = owners(moto, "aws_s3_bucket_versioning", id="mine", bucket="theirs", is_part=True)
    assert part == {"stk_1"}
    assert owners(moto, "aws_s3_bucket", id="nobodys") == set()
    assert owners(moto, "aws_s3_bucket", id="absent") == set()
    moto.client("iam").create_instance_profile(InstanceProfileName="theirs")
    assert owners(moto, "aws_iam_instance_profile", id="theirs") == set(), "another type"
    moto.reset()


def test_what_ec2_and_iam_have_is_known_with_its_parts(moto: Moto) -> None:
    ec2, iam = moto.client("ec2"), moto.client("iam")
    vpc = ec2.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
    tagged = [{"ResourceType": "route-table", "Tags": TAG}]
    table = ec2.create_route_table(VpcId=vpc, TagSpecifications=tagged)
    name = table["RouteTable"]["RouteTableId"]
    assert owners(moto, "aws_route_table", id=name) == {"stk_1"}
    assert owners(moto, "aws_default_route_table", id=name) == {"stk_1"}, "another word for it"
    part = owners(moto, "aws_route", id="r-x", route_table_id=name, is_part=True)
    assert part == {"stk_1"}
    assert owners(moto, "aws_instance", id="i-0", route_table_id=name) == set(), "only refers"
    iam.create_role(RoleName="theirs", AssumeRolePolicyDocument="{}", Tags=TAG)
    assert owners(moto, "aws_iam_role", id="theirs") == {"stk_1"}
    assert owners(moto, "aws_iam_role", id="mine", name="theirs") == {"stk_1"}
    assert owners(moto, "aws_iam_role_policy", id="theirs:p", role="mine", is_part=True) == {
        "stk_1"
    }
    attached = "aws_iam_role_policy_attachment"
    assert owners(moto, attached, id="mine-1", role="theirs", is_part=True) == {"stk_1"}
    exclusive = "aws_iam_role_policies_exclusive"
    assert owners(moto, exclusive, role_name="theirs", is_part=True) == {"stk_1"}
    assert owners(moto, "aws_iam_role", id="absent") == set()
    moto.reset()


def test_an_account_that_is_refused_says_nothing_of_anybody(moto: Moto) -> None:
    credentials = {**moto.credentials, "endpoint": "http://127.0.0.1:1999"}
    with pytest.raises(CloudSearchError):
        aws_owners.find_owners(
            login(credentials), REGION, [NamedResource("aws_vpc", {"id": "vpc-1"})]
        )


def state_of(aws: AwsLandform, stack: dict[str, Any]) -> dict[str, Any]:
    serial = aws.rest.get(f"/stacks/{stack['id']}/state-versions").json["items"][0]["serial"]
    path = f"/stacks/{stack['id']}/state-versions/{serial}/download"
    document: dict[str, Any] = json.loads(aws.rest.get(path).data)
    return document


@pytest.mark.thorough
@pytest.mark.timeout(900)
def test_a_bucket_and_a_subnet_of_another_project_are_not_taken(aws: AwsLandform) -> None:
    rest = aws.rest
    for plural, parameters in (("buckets", {}), ("networks", {"zones": 1})):
        theirs = aws.create(plural, f"theirs-{plural}", **parameters)
        mine = aws.create(plural, f"mine-{plural}", **parameters)
        path = f"/stacks/{mine['id']}/state"
        own = state_of(aws, mine)
        own["serial"] += 1
        assert rest.call("PUT", path, json=own).status_code == 202, "its own states are good"
        for item in rest.get(f"/stacks/{mine['id']}/operations").json["items"]:
            rest.post(f"/operations/{item['id']}/cancel")
        foreign = state_of(aws, theirs)
        crafted = {**own, "serial": own["serial"] + 1, "resources": foreign["resources"]}
        told = problem(rest.call("PUT", path, json=crafted), 422, "validation_failed")
        assert all(item.startswith("/resources/") for item in pointers(told))
        before = rest.get(f"/stacks/{mine['id']}/state-versions").json["items"][0]["serial"]
        assert before == own["serial"]
