"""What AWS may answer besides a yes: throttling, faults of its own, and credentials it refuses."""

from __future__ import annotations

from typing import Any

import pytest

from tests.aws.conftest import ACCOUNT, AwsLandform
from tests.aws_proxy import Proxy
from tests.moto_cloud import KEYS

# The provider waits as AWS needs it, and the machine may be busy.
pytestmark = [pytest.mark.thorough, pytest.mark.timeout(900)]


def attempt(aws: AwsLandform) -> dict[str, Any]:
    """Ask for a network, carry it out, and return the operation as it ended."""
    body = {"name": "web", "cloud_account": ACCOUNT, "parameters": {"internet_access": False}}
    answer = aws.rest.post("/networks", body)
    assert answer.status_code == 202, answer.text
    return aws.carry_out(answer.json["operation"]["id"])


def vpcs(aws: AwsLandform) -> list[dict[str, Any]]:
    tagged = [{"Name": "tag-key", "Values": ["landform:stack"]}]
    return list(aws.moto.client("ec2").describe_vpcs(Filters=tagged)["Vpcs"])


def test_throttling_and_passing_faults_are_waited_out(aws: AwsLandform, proxy: Proxy) -> None:
    throttled = proxy.fail("CreateVpc", 503, "RequestLimitExceeded", times=2)
    broken = proxy.fail("CreateRouteTable", 500, "InternalError")
    aws.use(proxy.endpoint)
    done = attempt(aws)
    assert done["status"] == "applied", done["error"]
    assert throttled.times == 0
    assert broken.times == 0
    assert len(vpcs(aws)) == 1, "what was tried again was made once"


def test_a_refusal_is_told_in_words_and_the_next_apply_goes_on(
    aws: AwsLandform, proxy: Proxy
) -> None:
    rule = proxy.fail("CreateSubnet", 403, "UnauthorizedOperation", times=99)
    aws.use(proxy.endpoint)
    done = attempt(aws)
    assert done["status"] == "errored"
    assert done["error"]["code"] == "terraform_failed"
    assert "UnauthorizedOperation" in str(done["error"])
    assert KEYS["secret_access_key"] not in str(done)
    assert len(vpcs(aws)) == 1
    rule.times = 0
    again = aws.perform({"id": done["stack_id"]}, type="apply")
    assert again["status"] == "applied", again["error"]
    assert len(vpcs(aws)) == 1, "what was made before the refusal is in the state"


def test_keys_that_aws_does_not_know_end_the_operation_before_anything_is_made(
    aws: AwsLandform, proxy: Proxy
) -> None:
    proxy.fail("GetCallerIdentity", 403, "InvalidClientTokenId", times=99)
    aws.use(proxy.endpoint)
    done = attempt(aws)
    assert done["status"] == "errored"
    assert "InvalidClientTokenId" in str(done["error"])
    assert KEYS["secret_access_key"] not in str(done)
    assert vpcs(aws) == []
