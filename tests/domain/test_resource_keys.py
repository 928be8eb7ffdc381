"""Two spellings of one resource have a key in common, two resources have none."""

from __future__ import annotations

import pytest

from app.domain.resource_keys import Place, identity_texts, own_keys, whole_keys

HERE = Place("aws", "cla_1", "eu-west")
OTHER_REGION = Place("aws", "cla_1", "us-east")
OTHER_ACCOUNT = Place("aws", "cla_2", "eu-west")
OTHER_CLOUD = Place("sandbox", "cla_1", "eu-west")


def keys(type_: str, place: Place = HERE, **texts: str) -> set[str]:
    return own_keys(place, type_, texts)


@pytest.mark.parametrize(
    ("type_", "recorded", "named"),
    [
        ("aws_vpc", {"id": "vpc-0a1b2c3d"}, {"id": "VPC-0A1B2C3D "}),
        ("aws_s3_bucket", {"id": "web"}, {"id": "arn:aws:s3:::web"}),
        ("aws_s3_bucket", {"id": "web"}, {"id": "web/"}),
        ("aws_s3_bucket", {"id": "web"}, {"id": "mine", "bucket": "WEB"}),
        ("aws_iam_role", {"id": "web"}, {"id": "arn:aws:iam::123:role/path/web"}),
        ("aws_iam_role", {"id": "web"}, {"id": "mine", "name": "web"}),
        (
            "aws_cloudwatch_log_group",
            {"id": "/aws/eks/web"},
            {"id": "arn:aws:logs:eu-west-1:1:log-group:/aws/eks/web:*"},
        ),
        ("aws_db_instance", {"id": "db-XYZ", "identifier": "web"}, {"id": "web"}),
        (
            "aws_secretsmanager_secret",
            {"id": "arn:aws:secretsmanager:eu-west-1:1:secret:web-a"},
            {"id": "x", "arn": "arn:aws:secretsmanager:eu-west-1:1:secret:web-a"},
        ),
        ("sandbox_bucket", {"id": "bkt_1"}, {"id": " bkt_1/"}),
    ],
)
def test_another_spelling_has_a_key_of_the_same(
    type_: str, recorded: dict[str, str], named: dict[str, str]
) -> None:
    assert own_keys(HERE, type_, recorded) & own_keys(HERE, type_, named)


def test_an_id_of_ec2_is_known_under_another_type_and_in_another_account() -> None:
    group = "sg-0a1b2c3d4e5f60718"
    recorded = keys("aws_security_group", id=group)
    assert recorded == keys("aws_default_security_group", OTHER_ACCOUNT, id=group)
    assert not recorded & keys("aws_security_group", OTHER_CLOUD, id=group)


def test_a_bare_name_means_something_in_its_account_region_and_type_only() -> None:
    recorded = keys("aws_cloudwatch_log_group", id="web")
    for place in (OTHER_REGION, OTHER_ACCOUNT):
        assert not recorded & keys("aws_cloudwatch_log_group", place, id="web")
    assert not recorded & keys("aws_db_subnet_group", id="web")
    role = keys("aws_iam_role", id="web")
    assert role == keys("aws_iam_role", OTHER_REGION, id="web"), "roles are in no region"
    assert not role & keys("aws_iam_role", OTHER_ACCOUNT, id="web")
    assert keys("aws_s3_bucket", id="web") == keys("aws_s3_bucket", OTHER_ACCOUNT, id="web")


@pytest.mark.parametrize(
    ("part", "texts", "whole", "name"),
    [
        ("aws_s3_bucket_policy", {"id": "web"}, "aws_s3_bucket", "web"),
        ("aws_s3_bucket_policy", {"id": "arn:aws:s3:::web"}, "aws_s3_bucket", "web"),
        ("aws_s3_bucket_versioning", {"id": "x", "bucket": "web"}, "aws_s3_bucket", "web"),
        ("aws_s3_bucket_ownership_controls", {"id": "web,123"}, "aws_s3_bucket", "web"),
        ("aws_iam_role_policy", {"id": "web:logs", "role": "mine"}, "aws_iam_role", "web"),
        ("aws_iam_role_policy_attachment", {"id": "a-1", "role": "web"}, "aws_iam_role", "web"),
        (
            "aws_iam_role_policy_attachment",
            {"id": "web/arn:aws:iam::aws:policy/X"},
            "aws_iam_role",
            "web",
        ),
        ("aws_iam_role_policies_exclusive", {"role_name": "web"}, "aws_iam_role", "web"),
        ("aws_iam_role_policy_attachments_exclusive", {"role_name": "web"}, "aws_iam_role", "web"),
        ("aws_eks_node_group", {"id": "web:a"}, "aws_eks_cluster", "web"),
        ("aws_eks_addon", {"id": "x", "cluster_name": "web"}, "aws_eks_cluster", "web"),
        (
            "aws_route",
            {"id": "r-x", "route_table_id": "rtb-0a1b2c3d"},
            "aws_route_table",
            "rtb-0a1b2c3d",
        ),
        (
            "aws_secretsmanager_secret_version",
            {"id": "arn:aws:secretsmanager:eu-west-1:1:secret:w|v1"},
            "aws_secretsmanager_secret",
            "arn:aws:secretsmanager:eu-west-1:1:secret:w",
        ),
    ],
)
def test_a_part_has_the_keys_of_its_whole(
    part: str, texts: dict[str, str], whole: str, name: str
) -> None:
    assert own_keys(HERE, whole, {"id": name}) & whole_keys(HERE, part, texts)


def test_what_stands_alone_and_what_is_in_the_state_only() -> None:
    assert whole_keys(HERE, "aws_vpc", {"id": "vpc-0a1b2c3d"}) == set()
    assert whole_keys(HERE, "aws_s3_bucket", {"id": "web", "bucket": "web"}) == set()
    assert keys("random_password", id="none") == set()
    assert keys("terraform_data", id="1-2-3") == set()


def test_only_texts_that_name_something_are_kept() -> None:
    given = {"id": "a", "arn": "", "name": 3, "bucket": None, "password": "secret", "role": " "}
    assert identity_texts(given) == {"id": "a"}
