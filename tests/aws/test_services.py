"""Queues, secrets and registries on AWS by the real provider: life and safe defaults."""

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


def attributes(aws: AwsLandform, url: str) -> dict[str, Any]:
    sqs = aws.moto.client("sqs")
    return dict(sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"])


def test_a_queue_is_encrypted_closed_and_has_a_place_for_what_nobody_handles(
    aws: AwsLandform, proxy: Proxy
) -> None:
    aws.use(proxy.endpoint)
    stack = aws.create("queues", "mail")
    outputs = aws.outputs(stack)
    made = attributes(aws, outputs["url"])
    assert made["QueueArn"] == outputs["queue_id"]
    assert made["SqsManagedSseEnabled"] == "true"
    assert json.loads(made["Policy"])["Statement"][0]["Effect"] == "Deny"
    dead = attributes(aws, outputs["dead_letter_url"])
    assert json.loads(made["RedrivePolicy"]) == {
        "deadLetterTargetArn": dead["QueueArn"],
        "maxReceiveCount": 5,
    }
    assert dead["MessageRetentionPeriod"] == str(14 * 24 * 3600)
    stack = aws.change("queues", stack, retention_hours=24, max_receives=0)
    assert attributes(aws, outputs["url"])["MessageRetentionPeriod"] == str(24 * 3600)
    assert aws.outputs(stack)["dead_letter_url"] is None
    # No plan here: moto writes a redrive policy otherwise, and forgets the policy of a queue whose
    # other attributes are set.
    assert aws.destroy("queues", stack)["status"] == "deleted"
    assert aws.moto.client("sqs").list_queues().get("QueueUrls", []) == []
    check_policies(proxy, "queue")


def test_an_ordered_queue_has_the_name_that_aws_asks_for(aws: AwsLandform) -> None:
    outputs = aws.outputs(aws.create("queues", "mail", ordered=True))
    assert outputs["url"].endswith(".fifo")
    assert outputs["dead_letter_url"].endswith("-dead.fifo")
    assert attributes(aws, outputs["url"])["FifoQueue"] == "true"


def test_a_secret_is_made_changed_and_shown_to_nobody(aws: AwsLandform, proxy: Proxy) -> None:
    aws.use(proxy.endpoint)
    stack = aws.create("secrets", "token", value="the-first-canary-value")
    name = aws.outputs(stack)["secret_id"]
    vault = aws.moto.client("secretsmanager")
    assert vault.get_secret_value(SecretId=name)["SecretString"] == "the-first-canary-value"
    assert "the-first-canary-value" not in json.dumps(stack)
    stack = aws.change("secrets", stack, value="the-second-canary-value")
    assert vault.get_secret_value(SecretId=name)["SecretString"] == "the-second-canary-value"
    assert aws.destroy("secrets", stack)["status"] == "deleted"
    check_policies(proxy, "secret")


def test_a_registry_keeps_tags_searches_images_and_forgets_what_has_no_tag(
    aws: AwsLandform, proxy: Proxy
) -> None:
    aws.use(proxy.endpoint)
    stack = aws.create("container-registries", "images")
    outputs = aws.outputs(stack)
    ecr = aws.moto.client("ecr")
    (made,) = ecr.describe_repositories()["repositories"]
    assert (made["repositoryArn"], made["repositoryUri"]) == (
        outputs["registry_id"],
        outputs["url"],
    )
    assert made["imageTagMutability"] == "IMMUTABLE"
    assert made["imageScanningConfiguration"]["scanOnPush"] is True
    name = made["repositoryName"]
    rules = json.loads(ecr.get_lifecycle_policy(repositoryName=name)["lifecyclePolicyText"])
    assert rules["rules"][0]["selection"]["countNumber"] == 14
    stack = aws.change("container-registries", stack, immutable_tags=False, untagged_days=0)
    (now,) = ecr.describe_repositories()["repositories"]
    assert now["imageTagMutability"] == "MUTABLE"
    assert aws.perform(stack, type="plan")["plan"] == NOTHING
    assert aws.destroy("container-registries", stack)["status"] == "deleted"
    assert ecr.describe_repositories()["repositories"] == []
    check_policies(proxy, "container-registry")
