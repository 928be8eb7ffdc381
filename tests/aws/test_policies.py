"""The IAM policies of docs/aws-policies: well-formed, narrow, and of actions that exist.

That they are enough is asked after each life cycle: see ``check_policies`` in ``conftest.py``.
"""

from __future__ import annotations

from functools import cache

import botocore.session
import pytest

from tests.aws_actions import POLICIES, S3_ACTIONS, Call, find_refused, read_policy
from tests.catalog.conftest import SHIPPED

NAMES = sorted(file.stem for file in POLICIES.glob("*.json"))
# Rights that are no calls: AWS asks for them when a call hands on a role or has logs delivered.
RIGHTS = {"iam:PassRole", "logs:CreateLogDelivery", "logs:DeleteLogDelivery"}


def test_every_kind_on_aws_has_a_policy_and_so_have_the_search_and_the_state_bucket() -> None:
    kinds = {folder.parent.name for folder in SHIPPED.glob("blueprints/*/aws")}
    assert set(NAMES) == kinds | {"search", "state"}


@pytest.mark.parametrize("name", NAMES)
def test_a_policy_allows_only_single_actions_that_exist(name: str) -> None:
    policy = read_policy(name)
    assert set(policy) == {"Version", "Statement"}
    assert policy["Version"] == "2012-10-17"
    for statement in policy["Statement"]:
        assert set(statement) - {"Condition"} == {"Sid", "Effect", "Action", "Resource"}
        assert statement["Effect"] == "Allow"
        assert statement["Action"] == sorted(set(statement["Action"]))
        assert [item for item in statement["Action"] if not exists(item)] == []


def is_change_of_iam(action: str) -> bool:
    service, _, verb = action.partition(":")
    return service == "iam" and not verb.startswith(("Get", "List"))


@pytest.mark.parametrize("name", NAMES)
def test_roles_are_made_and_handed_on_only_under_names_of_landform(name: str) -> None:
    for statement in read_policy(name)["Statement"]:
        # Reading whose a role is takes no name of ours: an uploaded state may name any.
        if any(is_change_of_iam(action) for action in statement["Action"]):
            assert statement["Resource"] not in ("*", ["*"])
        if "iam:PassRole" in statement["Action"]:
            assert statement["Condition"]["StringEquals"]["iam:PassedToService"]


def test_a_call_that_no_policy_allows_is_found() -> None:
    calls = [
        Call("ec2", "CreateVpc"),
        Call("s3", "GET /media?encryption="),
        Call("sts", "GetCallerIdentity"),
        Call("", "GET /health"),
    ]
    assert find_refused(calls, "network", "bucket") == []
    assert find_refused(calls, "network") == ["s3:GetEncryptionConfiguration"]
    assert find_refused(calls, "bucket") == ["ec2:CreateVpc"]


def exists(action: str) -> bool:
    service, _, name = action.partition(":")
    return action in RIGHTS or name in actions_of(service)


@cache
def actions_of(service: str) -> frozenset[str]:
    model = {"tag": "resourcegroupstaggingapi"}.get(service, service)
    operations = botocore.session.get_session().get_service_model(model).operation_names
    return frozenset({*operations, *(S3_ACTIONS.values() if service == "s3" else ())})
