"""What a module owns as a whole: an addition from outside is taken out by an upgrade and later."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.aws.conftest import AwsLandform, check_policies
from tests.aws_proxy import Proxy

# The provider waits as AWS needs it, and the machine may be busy.
pytestmark = [pytest.mark.thorough, pytest.mark.timeout(900)]

ALL = {"Effect": "Allow", "Action": "*", "Resource": "*"}
EVERYTHING = json.dumps({"Version": "2012-10-17", "Statement": [ALL]})
POWER = "arn:aws:iam::aws:policy/PowerUserAccess"


def check_that_it_is_taken_out(
    aws: AwsLandform, stack: dict[str, Any], add: Callable[[], None], read: Callable[[], Any]
) -> None:
    """Add at the earlier version, upgrade, and add again: nothing of it stays, nothing is hidden.

    ``read`` returns what there is of the kind to which ``add`` adds.
    """
    kept = read()
    assert aws.drift(stack) == {}
    add()
    assert read() != kept
    aws.upgrade(stack)
    assert read() == kept, "the upgrade takes it out"
    assert aws.drift(stack) == {}
    assert aws.perform(stack, type="plan")["status"] == "planned_and_finished"
    add()
    found = aws.drift(stack)
    assert {item["severity"] for item in found.values()} == {"high"}
    assert "update" in {item["mending"] for item in found.values()}
    aws.reconcile(stack)
    assert read() == kept
    assert aws.drift(stack) == {}


def roles(aws: AwsLandform, *endings: str) -> dict[str, tuple[list[str], list[str]]]:
    """Return the policies of the roles with these ends of names: inline, and attached."""
    iam = aws.moto.client("iam")
    names = [one["RoleName"] for one in iam.list_roles()["Roles"]]
    return {
        name: (
            iam.list_role_policies(RoleName=name)["PolicyNames"],
            [
                item["PolicyArn"]
                for item in iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]
            ],
        )
        for name in names
        if name.endswith(endings)
    }


def empower(aws: AwsLandform, *endings: str) -> None:
    """Let roles do everything, by a policy in them and by one that is attached."""
    iam = aws.moto.client("iam")
    for name in roles(aws, *endings):
        iam.put_role_policy(RoleName=name, PolicyName="all", PolicyDocument=EVERYTHING)
        iam.attach_role_policy(RoleName=name, PolicyArn=POWER)


def test_the_role_of_machines_has_no_other_policy(aws: AwsLandform, proxy: Proxy) -> None:
    network = aws.create("networks", "web", zones=1, internet_access=False)
    aws.use(proxy.endpoint)
    stack = aws.create_at("1.0.0", "machine-groups", "api", network=network["id"])
    machines = aws.outputs(stack)["machine_ids"]
    check_that_it_is_taken_out(
        aws, stack, lambda: empower(aws, "-machines"), lambda: roles(aws, "-machines")
    )
    assert aws.outputs(stack)["machine_ids"] == machines
    assert aws.destroy("machine-groups", stack)["status"] == "deleted"
    check_policies(proxy, "machine-group")


def test_the_roles_of_a_cluster_have_no_other_policies(aws: AwsLandform, proxy: Proxy) -> None:
    network = aws.create("networks", "web", zones=2)
    aws.use(proxy.endpoint)
    stack = aws.create_at("1.1.0", "clusters", "main", network=network["id"])
    ends = ("-cluster", "-nodes")
    pools = aws.moto.client("eks").list_nodegroups(clusterName=aws.outputs(stack)["cluster_name"])
    check_that_it_is_taken_out(aws, stack, lambda: empower(aws, *ends), lambda: roles(aws, *ends))
    name = aws.outputs(stack)["cluster_name"]
    after = aws.moto.client("eks").list_nodegroups(clusterName=name)
    assert after["nodegroups"] == pools["nodegroups"], "the nodes are the same"
    assert aws.destroy("clusters", stack)["status"] == "deleted"
    check_policies(proxy, "cluster")


@pytest.mark.parametrize("days", [None, 30])
def test_objects_of_a_bucket_are_deleted_by_no_other_rule(
    aws: AwsLandform, proxy: Proxy, days: int | None
) -> None:
    aws.use(proxy.endpoint)
    stack = aws.create_at("1.0.0", "buckets", "media", expire_after_days=days)
    name, s3 = aws.outputs(stack)["bucket_id"], aws.moto.client("s3")

    def read() -> set[str]:
        # An earlier version had no life cycle where nothing expires; uploads that nobody ends are
        # no objects.
        try:
            rules = s3.get_bucket_lifecycle_configuration(Bucket=name)["Rules"]
        except s3.exceptions.ClientError:
            return set()
        return {rule["ID"] for rule in rules} - {"abandoned-uploads"}

    def add() -> None:
        kept = []
        if read():
            kept = s3.get_bucket_lifecycle_configuration(Bucket=name)["Rules"]
        rule = {"ID": "tomorrow", "Status": "Enabled", "Filter": {}, "Expiration": {"Days": 1}}
        s3.put_bucket_lifecycle_configuration(
            Bucket=name, LifecycleConfiguration={"Rules": [*kept, rule]}
        )

    check_that_it_is_taken_out(aws, stack, add, read)
    rules = s3.get_bucket_lifecycle_configuration(Bucket=name)["Rules"]
    assert {rule["ID"] for rule in rules} == read() | {"abandoned-uploads"}
    assert read() == ({"expiry"} if days else set())
    assert aws.destroy("buckets", stack)["status"] == "deleted"
    check_policies(proxy, "bucket")
