"""What somebody opens outside Landform stays a finding until it is undone or accepted."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.aws.conftest import AwsLandform
from tests.aws_proxy import Proxy

pytestmark = [pytest.mark.thorough, pytest.mark.timeout(900)]

EVERYTHING = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}],
}
GROUP, ROLE = "aws_default_security_group.this", "aws_iam_role.flow_logs"


def open_everything(aws: AwsLandform, stack: dict[str, Any]) -> str:
    """Open port 22 to the world, let the flow logs' role do everything; return the group."""
    ec2, iam = aws.moto.client("ec2"), aws.moto.client("iam")
    network = aws.outputs(stack)["network_id"]
    filters = [
        {"Name": "vpc-id", "Values": [network]},
        {"Name": "group-name", "Values": ["default"]},
    ]
    (group,) = ec2.describe_security_groups(Filters=filters)["SecurityGroups"]
    ec2.authorize_security_group_ingress(
        GroupId=group["GroupId"], IpProtocol="tcp", FromPort=22, ToPort=22, CidrIp="0.0.0.0/0"
    )
    (role,) = [
        one["RoleName"] for one in iam.list_roles()["Roles"] if "flow-logs" in one["RoleName"]
    ]
    iam.put_role_policy(
        RoleName=role, PolicyName="everything", PolicyDocument=json.dumps(EVERYTHING)
    )
    return str(group["GroupId"])


def rules_of(aws: AwsLandform, group: str) -> list[Any]:
    (found,) = aws.moto.client("ec2").describe_security_groups(GroupIds=[group])["SecurityGroups"]
    return list(found["IpPermissions"])


def open_findings(aws: AwsLandform, stack: dict[str, Any]) -> dict[str, dict[str, Any]]:
    items = aws.rest.get("/drift/findings", stack=stack["id"]).json["items"]
    return {item["address"]: item for item in items}


def test_where_no_apply_can_undo_it_the_findings_stay_open_and_high(
    aws: AwsLandform, proxy: Proxy
) -> None:
    aws.use(proxy.endpoint)
    stack = aws.create_at("1.0.0", "networks", "web", zones=2, internet_access=False)
    assert aws.drift(stack) == {}
    group = open_everything(aws, stack)
    stack = aws.change("networks", stack, zones=3)
    assert rules_of(aws, group), "nothing in the configuration takes it out"
    told = open_findings(aws, stack)
    assert {GROUP, ROLE} <= told.keys(), "the plan of the apply met it"
    assert stack["drift"]["status"] == "drifted"
    for _ in range(2):
        found = aws.drift(stack)
        assert found.keys() == {GROUP, ROLE}
        assert {item["severity"] for item in found.values()} == {"high"}
        assert found[GROUP]["severity_reason"] == "open to everybody"
        assert found[ROLE]["severity_reason"] == "access policy"
    assert {name: item["id"] for name, item in open_findings(aws, stack).items()} == {
        name: told[name]["id"] for name in (GROUP, ROLE)
    }, "they are the same stories"
    report = aws.stack(stack)["drift"]["report_id"]
    named = [open_findings(aws, stack)[ROLE]["id"]]
    done = aws.perform(stack, type="accept_drift", report_id=report, findings=named)
    assert done["status"] == "applied", done["error"]
    assert aws.drift(stack).keys() == {GROUP}
    ec2 = aws.moto.client("ec2")
    ec2.revoke_security_group_ingress(GroupId=group, IpPermissions=rules_of(aws, group))
    assert aws.drift(stack) == {}
    assert aws.stack(stack)["drift"]["status"] == "in_sync"


def test_the_modules_own_what_must_have_no_other_part_and_an_apply_takes_it_out(
    aws: AwsLandform, proxy: Proxy
) -> None:
    aws.use(proxy.endpoint)
    stack = aws.create("networks", "web", zones=2, internet_access=False)
    assert aws.drift(stack) == {}
    group = open_everything(aws, stack)
    found = aws.drift(stack)
    assert found[GROUP]["severity"] == "high"
    assert found[GROUP]["mending"] == "update"
    aws.reconcile(stack)
    assert rules_of(aws, group) == []
    iam = aws.moto.client("iam")
    (role,) = [
        one["RoleName"] for one in iam.list_roles()["Roles"] if "flow-logs" in one["RoleName"]
    ]
    assert iam.list_role_policies(RoleName=role)["PolicyNames"] == ["write-flow-logs"]
    assert aws.drift(stack) == {}
    assert open_findings(aws, stack) == {}
