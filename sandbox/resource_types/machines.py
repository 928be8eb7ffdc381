"""Virtual machines."""

from __future__ import annotations

from sandbox.attributes import IMAGE, LABEL, AllocatedAddress, Attribute, Digest, Reference
from sandbox.resource_types.resource_type import (
    ResourceType,
    name_attribute,
    network_id_attribute,
    region_attribute,
)

MACHINE = ResourceType(
    "machine",
    "mac",
    "A virtual machine.",
    (
        name_attribute(),
        network_id_attribute(),
        Attribute(
            "subnet_id",
            "string",
            "Id of the subnet its address comes from; the network itself when not set.",
            immutable=True,
            reference=Reference("subnet", agrees_on=("network_id",)),
        ),
        Attribute("size", "string", "Size, for example small.", required=True, pattern=LABEL),
        Attribute(
            "image",
            "string",
            "Image it starts from, for example debian-13.",
            required=True,
            immutable=True,
            pattern=IMAGE,
        ),
        region_attribute(),
        Attribute(
            "user_data",
            "string",
            "Start-up script. Never returned; compare user_data_sha256 instead.",
            write_only=True,
        ),
        Attribute(
            "user_data_sha256",
            "string",
            "SHA-256 of user_data, hexadecimal.",
            computed=Digest("user_data"),
        ),
        Attribute(
            "private_ip",
            "string",
            "Address in the subnet or the network, given at creation.",
            computed=AllocatedAddress(("subnet_id", "network_id")),
        ),
    ),
)
