"""A cluster on AWS by the real provider against a moto server, as far as moto knows EKS."""

from __future__ import annotations

import pytest
import yaml

from tests.aws.conftest import AwsLandform, check_policies
from tests.aws_proxy import Proxy

# The provider waits as AWS needs it, and the machine may be busy.
pytestmark = [pytest.mark.thorough, pytest.mark.timeout(900)]


def test_a_cluster_is_made_grown_in_place_and_destroyed(aws: AwsLandform, proxy: Proxy) -> None:
    network = aws.create("networks", "web", zones=2, internet_access=False)
    aws.use(proxy.endpoint)
    stack = aws.create("clusters", "main", network=network["id"], max_nodes=5)
    outputs = aws.outputs(stack)
    name = outputs["cluster_name"]
    eks = aws.moto.client("eks")
    cluster = eks.describe_cluster(name=name)["cluster"]
    assert (cluster["version"], cluster["endpoint"]) == ("1.33", outputs["endpoint"])
    assert cluster["tags"]["landform:stack"] == stack["id"]
    (pool,) = eks.list_nodegroups(clusterName=name)["nodegroups"]
    check_that_nodes_are_closed(aws, name, pool)
    aws.change("clusters", stack, min_nodes=2)
    scaling = eks.describe_nodegroup(clusterName=name, nodegroupName=pool)["nodegroup"]
    assert scaling["scalingConfig"] == {"minSize": 2, "maxSize": 5, "desiredSize": 2}
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


def test_the_configuration_for_kubectl_asks_for_a_token_and_holds_none(aws: AwsLandform) -> None:
    network = aws.create("networks", "web", zones=2, internet_access=False)
    stack = aws.create("clusters", "main", network=network["id"])
    shown = aws.rest.get(f"/stacks/{stack['id']}/outputs").json["outputs"]
    config = yaml.safe_load(shown["kubeconfig"])
    (user,) = config["users"]
    assert set(user["user"]) == {"exec"}
    assert user["user"]["exec"]["args"][-1] == shown["cluster_name"]
    assert config["clusters"][0]["cluster"]["server"] == shown["endpoint"]
