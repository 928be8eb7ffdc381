"""Networks and their subnets."""

from __future__ import annotations

from sandbox.attributes import SLUG, Attribute, FirstAddress
from sandbox.resource_types.resource_type import (
    ResourceType,
    name_attribute,
    network_id_attribute,
    region_attribute,
)

NETWORK = ResourceType(
    "network",
    "net",
    "A private network.",
    (
        name_attribute(),
        Attribute(
            "cidr",
            "string",
            "Address block, for example 10.0.0.0/16.",
            required=True,
            immutable=True,
            cidr=(8, 29),
        ),
        region_attribute(),
        Attribute("internet_access", "boolean", "Whether it reaches the internet.", default=True),
        Attribute(
            "gateway_address",
            "string",
            "First usable address of the block.",
            computed=FirstAddress("cidr"),
        ),
    ),
)

SUBNET = ResourceType(
    "subnet",
    "sub",
    "A part of a network, in one zone.",
    (
        name_attribute(),
        network_id_attribute(),
        Attribute(
            "cidr",
            "string",
            "Address block inside the network's, overlapping no other subnet.",
            required=True,
            immutable=True,
            cidr=(8, 30),
            within="network_id",
        ),
        Attribute(
            "zone",
            "string",
            "Zone, for example eu-west-a.",
            required=True,
            immutable=True,
            pattern=SLUG,
        ),
        Attribute("public", "boolean", "Whether machines get public addresses.", default=False),
    ),
)
