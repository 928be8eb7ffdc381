"""A database on AWS by the real provider: its life, its secret, and the word of the one zone."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.aws.conftest import AwsLandform, check_policies
from tests.aws_proxy import Proxy
from tests.plan_counts import counts

# The provider waits as AWS needs it, and the machine may be busy.
pytestmark = [pytest.mark.thorough, pytest.mark.timeout(900)]
NOTHING = counts()


def instance(aws: AwsLandform) -> dict[str, Any]:
    (found,) = aws.moto.client("rds").describe_db_instances()["DBInstances"]
    return dict(found)


def test_a_database_is_made_raised_in_place_and_destroyed(aws: AwsLandform, proxy: Proxy) -> None:
    network = aws.create("networks", "web", zones=2, internet_access=False)
    aws.use(proxy.endpoint)
    stack = aws.create("databases", "main", network=network["id"], engine_version="16")
    made, outputs = instance(aws), aws.outputs(stack)
    assert (made["Engine"], made["DBInstanceClass"]) == ("postgres", "db.t4g.medium")
    assert made["StorageEncrypted"]
    assert not made["PubliclyAccessible"]
    assert made["BackupRetentionPeriod"] == 7
    assert outputs["host"] == made["Endpoint"]["Address"]
    check_that_only_its_network_reaches_it(aws, made)
    check_that_the_secret_says_how_to_connect(aws, stack, outputs)
    raised = aws.change("databases", stack, engine_version="17", size="large", storage_gb=40)
    assert raised["status"] == "ready"
    now = instance(aws)
    assert now["DbiResourceId"] == made["DbiResourceId"]
    assert (now["EngineVersion"], now["DBInstanceClass"]) == ("17", "db.r6g.2xlarge")
    assert now["AllocatedStorage"] == 40
    (group,) = now["DBParameterGroups"]
    assert group["DBParameterGroupName"].endswith("-pg17")
    assert aws.perform(stack, type="plan")["plan"] == NOTHING
    assert aws.destroy("databases", stack)["status"] == "deleted"
    assert aws.moto.client("rds").describe_db_instances()["DBInstances"] == []
    check_policies(proxy, "database")


def check_that_only_its_network_reaches_it(aws: AwsLandform, made: dict[str, Any]) -> None:
    ids = [item["VpcSecurityGroupId"] for item in made["VpcSecurityGroups"]]
    (group,) = aws.moto.client("ec2").describe_security_groups(GroupIds=ids)["SecurityGroups"]
    (door,) = group["IpPermissions"]
    assert (door["FromPort"], door["ToPort"]) == (5432, 5432)
    assert [item["CidrIp"] for item in door["IpRanges"]] == ["10.0.0.0/16"]
    assert group["IpPermissionsEgress"] == []


def check_that_the_secret_says_how_to_connect(
    aws: AwsLandform, stack: dict[str, Any], outputs: dict[str, Any]
) -> None:
    secrets = aws.moto.client("secretsmanager")
    (secret,) = secrets.list_secrets()["SecretList"]
    tags = {item["Key"]: item["Value"] for item in secret["Tags"]}
    assert tags["landform:stack"] == stack["id"]
    told = json.loads(secrets.get_secret_value(SecretId=secret["ARN"])["SecretString"])
    assert (told["host"], told["port"], told["dbname"]) == (outputs["host"], 5432, "app")
    assert len(told["password"]) == 32
