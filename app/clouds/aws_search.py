"""Find what carries a stack's tag on AWS: the Resource Groups Tagging API, and EC2's own tags.

Speaks Terraform's words: an ARN becomes a type and the id by which Terraform would import it.
IAM has no search by tag that is worth its calls, so roles are not seen (``VISIBLE_TYPES``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from app.clouds.aws_session import AwsError, in_words, open_client
from app.clouds.found import FoundResource
from app.clouds.login import CloudLogin
from app.domain.resource_names import STACK_TAG
from app.errors import CloudSearchError

# Whoever launched these destroys them too: an auto scaling group, or a cluster's node group.
LAUNCHED_BY = ("aws:autoscaling:groupName", "eks:nodegroup-name", "aws:eks:cluster-name")
PAGE = 100
EC2_TYPES: Mapping[str, str] = {
    "elastic-ip": "aws_eip",
    "instance": "aws_instance",
    "internet-gateway": "aws_internet_gateway",
    "launch-template": "aws_launch_template",
    "natgateway": "aws_nat_gateway",
    "network-interface": "aws_network_interface",
    "route-table": "aws_route_table",
    "security-group": "aws_security_group",
    "subnet": "aws_subnet",
    "volume": "aws_ebs_volume",
    "vpc": "aws_vpc",
    "vpc-flow-log": "aws_flow_log",
    # What moto calls them.
    "flow-logs": "aws_flow_log",
    "vpc-elastic-ip": "aws_eip",
}
OTHER_TYPES: Mapping[tuple[str, str], str] = {
    ("ecr", "repository"): "aws_ecr_repository",
    ("eks", "addon"): "aws_eks_addon",
    ("eks", "cluster"): "aws_eks_cluster",
    ("eks", "nodegroup"): "aws_eks_node_group",
    ("logs", "log-group"): "aws_cloudwatch_log_group",
    ("rds", "db"): "aws_db_instance",
    ("rds", "pg"): "aws_db_parameter_group",
    ("rds", "snapshot"): "aws_db_snapshot",
    ("rds", "subgrp"): "aws_db_subnet_group",
    ("s3", ""): "aws_s3_bucket",
    ("secretsmanager", "secret"): "aws_secretsmanager_secret",
    ("sqs", ""): "aws_sqs_queue",
}
VISIBLE_TYPES = frozenset({*EC2_TYPES.values(), *OTHER_TYPES.values()})
SECRET = "aws_secretsmanager_secret"
# Terraform's id of these is the whole ARN.
NAMED_BY_ARN = frozenset({SECRET})
GONE = frozenset({"deleted", "deleting", "shutting-down", "terminated"})


@dataclass(frozen=True)
class Listing:
    """How EC2 lists one type: the call, where its rows are, the id in a row, the filter by it.

    ``value`` is what is filtered by where a filter by the id is not offered, ``parameter`` how the
    call names its filters.
    """

    call: str
    rows: str
    name: str
    filter: str
    value: str | None = None
    parameter: str = "Filters"


LISTINGS: Mapping[str, Listing] = {
    "aws_ebs_volume": Listing("describe_volumes", "Volumes", "VolumeId", "volume-id"),
    "aws_eip": Listing("describe_addresses", "Addresses", "AllocationId", "allocation-id"),
    "aws_flow_log": Listing(
        "describe_flow_logs", "FlowLogs", "FlowLogId", "flow-log-id", parameter="Filter"
    ),
    "aws_instance": Listing("describe_instances", "Reservations", "InstanceId", "instance-id"),
    "aws_internet_gateway": Listing(
        "describe_internet_gateways",
        "InternetGateways",
        "InternetGatewayId",
        "internet-gateway-id",
    ),
    "aws_launch_template": Listing(
        "describe_launch_templates", "LaunchTemplates", "LaunchTemplateId", "tag-key", STACK_TAG
    ),
    "aws_nat_gateway": Listing(
        "describe_nat_gateways", "NatGateways", "NatGatewayId", "nat-gateway-id"
    ),
    "aws_network_interface": Listing(
        "describe_network_interfaces",
        "NetworkInterfaces",
        "NetworkInterfaceId",
        "network-interface-id",
    ),
    "aws_route_table": Listing(
        "describe_route_tables", "RouteTables", "RouteTableId", "route-table-id"
    ),
    "aws_security_group": Listing(
        "describe_security_groups", "SecurityGroups", "GroupId", "group-id"
    ),
    "aws_subnet": Listing("describe_subnets", "Subnets", "SubnetId", "subnet-id"),
    "aws_vpc": Listing("describe_vpcs", "Vpcs", "VpcId", "vpc-id"),
}


def search(login: CloudLogin, region: str, stack_id: str) -> list[FoundResource]:
    """Return what carries the tag of the stack in a region, and what did so until its end.

    Args:
        login: of the cloud account.
        region: AWS's name of the region that the stack is in.
        stack_id: value of the tag.

    Raises:
        CloudSearchError: AWS refused or did not answer.
    """
    try:
        found = list_tagged(login, region, stack_id)
    except AwsError as error:
        raise CloudSearchError(f"AWS could not be searched. {error}") from error
    return [item for item in found if not _is_launched(item)]


def list_tagged(login: CloudLogin, region: str, stack_id: str | None = None) -> list[FoundResource]:
    """Return what carries the tag of a stack in a region, or that of any stack.

    Raises:
        AwsError: AWS refused or did not answer.
    """
    with in_words():
        found = {item.id: item for item in _tagged(login, region, stack_id)}
        ec2 = open_client("ec2", login, region)
        for item in _tagged_in_ec2(ec2, stack_id):
            found.setdefault(item.id, item)
    return [*found.values()]


def _is_launched(item: FoundResource) -> bool:
    return any(key in item.attributes["tags"] for key in LAUNCHED_BY)


def keep_existing(
    login: CloudLogin, region: str, resources: list[FoundResource]
) -> list[FoundResource]:
    """Return those that are there: AWS lists the tags of some for a while after their end.

    A secret keeps its tags for the days in which it can be called back. What neither ``LISTINGS``
    nor ``SECRET`` names is believed to be there.

    Raises:
        CloudSearchError: AWS refused or did not answer.
    """
    ids: dict[str, list[str]] = {}
    for item in resources:
        if item.type in LISTINGS or item.type == SECRET:
            ids.setdefault(item.type, []).append(item.id)
    if not ids:
        return resources
    try:
        with in_words():
            there = {
                type_: _living_secrets(open_client("secretsmanager", login, region), names)
                if type_ == SECRET
                else _list_existing(open_client("ec2", login, region), type_, names)
                for type_, names in ids.items()
            }
    except AwsError as error:
        raise CloudSearchError(f"AWS could not be searched. {error}") from error
    return [item for item in resources if item.type not in there or item.id in there[item.type]]


def _living_secrets(client: Any, arns: list[str]) -> set[str]:
    """Return which of these secrets are there and not to be deleted."""
    living = set()
    for arn in arns:
        try:
            if "DeletedDate" not in client.describe_secret(SecretId=arn):
                living.add(arn)
        except client.exceptions.ResourceNotFoundException:
            continue
    return living


def read_arn(arn: str, tags: Mapping[str, str]) -> FoundResource:
    """Return a resource in Terraform's words; what is unknown keeps its ARN as its id."""
    service, region, account, rest = (*arn.split(":", 5)[2:], "", "", "", "")[:4]
    kind, mark, name = _split(rest)
    type_ = EC2_TYPES.get(kind) if service == "ec2" else OTHER_TYPES.get((service, kind))
    if type_ is None or type_ in NAMED_BY_ARN:
        unknown = f"{service}:{kind}" if mark else service
        return FoundResource(arn, type_ or unknown, {"tags": dict(tags)}, (arn,))
    if service == "eks" and kind != "cluster":
        name = ":".join(name.split("/")[:2])
    if service == "sqs":  # Terraform's id of a queue is its address
        name = f"https://sqs.{region}.amazonaws.com/{account}/{name}"
    return FoundResource(name, type_, {"tags": dict(tags)}, (arn,))


def _split(resource: str) -> tuple[str, str, str]:
    """Part ``vpc/vpc-1``, ``db:main`` or ``bucket`` into kind, mark and name."""
    marks = [mark for mark in "/:" if mark in resource]
    if not marks:
        return "", "", resource
    mark = min(marks, key=resource.index)
    kind, _, name = resource.partition(mark)
    return kind, mark, name


def _tagged(login: CloudLogin, region: str, stack_id: str | None) -> Iterator[FoundResource]:
    client = open_client("resourcegroupstaggingapi", login, region)
    wanted = {"Key": STACK_TAG, **({"Values": [stack_id]} if stack_id else {})}
    pages = client.get_paginator("get_resources").paginate(
        TagFilters=[wanted], ResourcesPerPage=PAGE
    )
    for page in pages:
        for item in page["ResourceTagMappingList"]:
            tags = {tag["Key"]: tag["Value"] for tag in item["Tags"]}
            yield read_arn(item["ResourceARN"], tags)


def _tagged_in_ec2(ec2: Any, stack_id: str | None) -> Iterator[FoundResource]:
    """Yield what EC2 knows itself: what stands in for AWS may lack it in the other list."""
    # As two filters: what stands in for AWS may not know ``tag:…``, and then lists every tag.
    rows = _tags(ec2, {"key": [STACK_TAG], **({"value": [stack_id]} if stack_id else {})})
    types = {row["ResourceId"]: row["ResourceType"] for row in rows}
    tags: dict[str, dict[str, str]] = {name: {} for name in types}
    names = sorted(types)
    for start in range(0, len(names), PAGE):
        for row in _tags(ec2, {"resource-id": names[start : start + PAGE]}):
            tags[row["ResourceId"]][row["Key"]] = row["Value"]
    for name, kind in types.items():
        type_ = EC2_TYPES.get(kind, f"ec2:{kind}")
        yield FoundResource(name, type_, {"tags": tags[name]})


def _tags(ec2: Any, wanted: Mapping[str, list[str]]) -> list[dict[str, Any]]:
    filters = [{"Name": name, "Values": values} for name, values in wanted.items()]
    pages = ec2.get_paginator("describe_tags").paginate(Filters=filters)
    return [row for page in pages for row in page["Tags"]]


def _pages(ec2: Any, listing: Listing, values: list[str]) -> Iterator[dict[str, Any]]:
    wanted = {listing.parameter: [{"Name": listing.filter, "Values": values}]}
    if ec2.can_paginate(listing.call):
        yield from ec2.get_paginator(listing.call).paginate(**wanted)
    else:
        yield getattr(ec2, listing.call)(**wanted)


def _list_existing(ec2: Any, type_: str, names: list[str]) -> set[str]:
    """Return which of these resources of one type are there and not on their way out."""
    listing, found = LISTINGS[type_], set()
    for start in range(0, len(names), PAGE):
        values = [listing.value] if listing.value else names[start : start + PAGE]
        rows = [row for page in _pages(ec2, listing, values) for row in page.get(listing.rows, [])]
        if type_ == "aws_instance":
            rows = [row for reservation in rows for row in reservation["Instances"]]
        found |= {row[listing.name] for row in rows if _state(row) not in GONE}
    return found


def _state(row: Mapping[str, Any]) -> str:
    state = row.get("State", "")
    return str(state["Name"] if isinstance(state, dict) else state)
