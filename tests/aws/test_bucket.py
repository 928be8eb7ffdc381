"""A bucket on AWS from its request to its end, by the real provider against a moto server."""

from __future__ import annotations

import json

import pytest

from tests.aws.conftest import AwsLandform, check_policies
from tests.aws_proxy import Proxy

# The provider waits as AWS needs it for a life cycle, and the machine may be busy.
pytestmark = [pytest.mark.thorough, pytest.mark.timeout(900)]


def test_a_bucket_is_made_and_destroyed(aws: AwsLandform) -> None:
    stack = aws.create("buckets", "media")
    outputs = aws.outputs(stack)
    name = outputs["bucket_id"]
    assert outputs["url"] == f"https://{name}.s3.eu-west-1.amazonaws.com"
    s3 = aws.moto.client("s3")
    tags = {item["Key"]: item["Value"] for item in s3.get_bucket_tagging(Bucket=name)["TagSet"]}
    assert tags["landform:stack"] == stack["id"]
    assert set(tags) == {"landform:stack", "landform:project", "landform:operation"}
    assert aws.destroy("buckets", stack)["status"] == "deleted"
    assert s3.list_buckets()["Buckets"] == []


def test_a_bucket_is_private_encrypted_and_takes_no_plain_connection(aws: AwsLandform) -> None:
    name = aws.outputs(aws.create("buckets", "media"))["bucket_id"]
    s3 = aws.moto.client("s3")
    block = s3.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"]
    assert set(block.values()) == {True}
    rules = s3.get_bucket_encryption(Bucket=name)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rules[0]["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"
    controls = s3.get_bucket_ownership_controls(Bucket=name)["OwnershipControls"]
    assert controls["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    policy = json.loads(s3.get_bucket_policy(Bucket=name)["Policy"])
    (statement,) = policy["Statement"]
    assert statement["Effect"] == "Deny"
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_a_bucket_is_changed_in_place(aws: AwsLandform, proxy: Proxy) -> None:
    aws.use(proxy.endpoint)
    stack = aws.create("buckets", "media")
    name = aws.outputs(stack)["bucket_id"]
    stack = aws.change("buckets", stack, versioning=True, public=True)
    assert aws.outputs(stack)["bucket_id"] == name
    s3 = aws.moto.client("s3")
    assert s3.get_bucket_versioning(Bucket=name)["Status"] == "Enabled"
    statements = json.loads(s3.get_bucket_policy(Bucket=name)["Policy"])["Statement"]
    assert {item["Sid"] for item in statements} == {"OnlyEncryptedConnections", "AnybodyMayRead"}
    block = s3.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"]
    assert block["BlockPublicAcls"], "never object by object"
    assert not block["BlockPublicPolicy"]
    aws.change("buckets", stack, versioning=False, public=False)
    assert s3.get_bucket_versioning(Bucket=name)["Status"] == "Suspended"
    assert aws.destroy("buckets", stack)["status"] == "deleted"
    check_policies(proxy, "bucket")


def test_objects_of_a_bucket_expire(aws: AwsLandform) -> None:
    stack = aws.create("buckets", "media", expire_after_days=30)
    name = aws.outputs(stack)["bucket_id"]
    rules = aws.moto.client("s3").get_bucket_lifecycle_configuration(Bucket=name)["Rules"]
    found = {rule["ID"]: rule for rule in rules}
    assert found["expiry"]["Expiration"]["Days"] == 30
    assert found["expiry"]["NoncurrentVersionExpiration"]["NoncurrentDays"] == 30
    assert set(found) == {"expiry", "abandoned-uploads"}


def test_a_bucket_that_somebody_opens_is_seen_as_severe_and_closed(aws: AwsLandform) -> None:
    stack = aws.create("buckets", "media")
    name = aws.outputs(stack)["bucket_id"]
    s3 = aws.moto.client("s3")
    kept = json.loads(s3.get_bucket_policy(Bucket=name)["Policy"])
    s3.delete_public_access_block(Bucket=name)
    everybody = {
        "Effect": "Allow",
        "Principal": "*",
        "Action": "s3:GetObject",
        "Resource": f"arn:aws:s3:::{name}/*",
    }
    policy = {**kept, "Statement": [*kept["Statement"], everybody]}
    s3.put_bucket_policy(Bucket=name, Policy=json.dumps(policy))
    found = aws.drift(stack)
    assert found["aws_s3_bucket_policy.this"]["severity"] == "high"
    assert found["aws_s3_bucket_public_access_block.this"]["change"] == "deleted"
    aws.reconcile(stack)
    assert json.loads(s3.get_bucket_policy(Bucket=name)["Policy"]) == kept
    assert aws.drift(stack) == {}
