"""A cluster on AWS by the real provider against a moto server, as far as moto knows EKS."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from tests.aws.conftest import AwsLandform, check_policies
from tests.aws_proxy import Proxy

# The provider waits as AWS needs it, and the machine may be busy.
pytestmark = [pytest.mark.thorough, pytest.mark.timeout(900)]


def test_a_cluster_is_made_grown_in_place_and_destroyed(aws: AwsLandform, proxy: Proxy) -> None:
    network = aws.create("networks", "web", zones=2)
    aws.use(proxy.endpoint)
    stack = aws.create("clusters", "main", network=network["id"], max_nodes=5)
    outputs = aws.outputs(stack)
    name = outputs["cluster_name"]
    eks = aws.moto.client("eks")
    cluster = eks.describe_cluster(name=name)["cluster"]
    assert (cluster["version"], cluster["endpoint"]) == ("1.36", outputs["endpoint"])
    assert cluster["tags"]["landform:stack"] == stack["id"]
    (pool,) = eks.list_nodegroups(clusterName=name)["nodegroups"]
    check_that_nodes_are_closed(aws, name, pool)
    aws.change("clusters", stack, min_nodes=2)
    scaling = eks.describe_nodegroup(clusterName=name, nodegroupName=pool)["nodegroup"]
    assert scaling["scalingConfig"] == {"minSize": 2, "maxSize": 5, "desiredSize": 2}
    check_the_plan_of_add_ons(aws, proxy, stack, cluster["identity"]["oidc"]["issuer"])
    assert aws.destroy("clusters", stack)["status"] == "deleted"
    assert eks.list_clusters()["clusters"] == []
    check_policies(proxy, "cluster")


def check_that_nodes_are_closed(aws: AwsLandform, name: str, pool: str) -> None:
    group = aws.moto.client("eks").describe_nodegroup(clusterName=name, nodegroupName=pool)
    assert group["nodegroup"]["instanceTypes"] == ["t3.large"]
    template = group["nodegroup"]["launchTemplate"]["id"]
    (version,) = aws.moto.client("ec2").describe_launch_template_versions(
        LaunchTemplateId=template, Versions=["$Latest"]
    )["LaunchTemplateVersions"]
    data = version["LaunchTemplateData"]
    assert data["MetadataOptions"]["HttpTokens"] == "required"
    disk = data["BlockDeviceMappings"][0]["Ebs"]
    assert (disk["Encrypted"], disk["VolumeSize"]) == (True, 50)


def check_the_plan_of_add_ons(
    aws: AwsLandform, proxy: Proxy, stack: dict[str, Any], issuer: str
) -> None:
    """Plan them; moto has none, so that they are never made here."""
    suits = [{"clusterVersion": "1.36", "defaultVersion": True}]
    versions = [{"addonVersion": "v1.2.3-eksbuild.4", "compatibilities": suits}]
    proxy.reply("GET /addons/supported-versions*", {"addons": [{"addonVersions": versions}]})
    body = {
        "type": "plan",
        "blueprint_version": stack["blueprint_version"],
        "parameters": {"managed_addons": True},
    }
    done = aws.perform(stack, **body)
    assert done["status"] == "planned_and_finished", done["error"]
    changes = aws.rest.get(f"/operations/{done['id']}/plan").json["changes"]
    planned = {item["address"]: item for item in changes if item["action"] != "read"}
    driver = "aws-ebs-csi-driver"
    addons = [f'aws_eks_addon.this["{name}"]' for name in (driver, "coredns", "kube-proxy")]
    role, attached = 'aws_iam_role.disks["disks"]', 'aws_iam_role_policy_attachment.disks["disks"]'
    whole = {
        f'aws_iam_role_{name}_exclusive.disks["disks"]'
        for name in ("policies", "policy_attachments")
    }
    assert set(planned) == {*addons, 'aws_eks_addon.this["vpc-cni"]', role, attached, *whole}
    assert {item["action"] for item in planned.values()} == {"create"}
    after = {name: planned[name]["after"] for name in planned}
    assert {after[name]["addon_version"] for name in addons} == {"v1.2.3-eksbuild.4"}
    assert all(after[name]["preserve"] for name in addons)
    (statement,) = json.loads(after[role]["assume_role_policy"])["Statement"]
    name = issuer.removeprefix("https://")
    assert statement["Condition"]["StringEquals"] == {
        f"{name}:sub": "system:serviceaccount:kube-system:ebs-csi-controller-sa",
        f"{name}:aud": "sts.amazonaws.com",
    }
    assert statement["Principal"]["Federated"].endswith(f"oidc-provider/{name}")


def test_the_configuration_for_kubectl_asks_for_a_token_and_holds_none(aws: AwsLandform) -> None:
    network = aws.create("networks", "web", zones=2)
    stack = aws.create("clusters", "main", network=network["id"])
    shown = aws.rest.get(f"/stacks/{stack['id']}/outputs").json["outputs"]
    config = yaml.safe_load(shown["kubeconfig"])
    (user,) = config["users"]
    assert set(user["user"]) == {"exec"}
    assert user["user"]["exec"]["args"][-1] == shown["cluster_name"]
    assert config["clusters"][0]["cluster"]["server"] == shown["endpoint"]
