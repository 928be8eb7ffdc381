"""Owns the list of resource types that the sandbox cloud offers: one declarative entry for each.

The service's validation, its OpenAPI document and the provider's schema are all derived from
these entries; a new type needs no code elsewhere unless it brings a new kind of computation.
Must not hold behaviour.
"""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.attributes import (
    BUCKET_NAME,
    HOST_LABEL,
    IMAGE,
    LABEL,
    SLUG,
    SQL_NAME,
    VERSION,
    AllocatedAddress,
    Attribute,
    CertificateAuthority,
    Digest,
    FirstAddress,
    GeneratedSecret,
    Reference,
    Template,
)


@dataclass(frozen=True)
class ResourceType:
    """A type of resource.

    Parameters:
        name: the type's name in the API; the provider adds the prefix `sandbox_`.
        id_prefix: every id starts with it, so that a reader sees what an id belongs to.
        schema_version: raise it when attributes are added, so that the provider upgrades old state.
    """

    name: str
    id_prefix: str
    description: str
    attributes: tuple[Attribute, ...]
    schema_version: int = 1

    @property
    def schema_name(self) -> str:
        """The name as part of a class or of an OpenAPI schema: `NodePool`."""
        return "".join(word.capitalize() for word in self.name.split("_"))

    def get_attribute(self, name: str) -> Attribute | None:
        return next((attribute for attribute in self.attributes if attribute.name == name), None)


def _name(description: str = "Name shown to people; need not be unique.") -> Attribute:
    return Attribute("name", "string", description, required=True, pattern=LABEL)


def _region() -> Attribute:
    return Attribute(
        "region",
        "string",
        "Region, for example eu-west. Any word of this form is a region here.",
        required=True,
        immutable=True,
        pattern=SLUG,
    )


def _network_id() -> Attribute:
    return Attribute(
        "network_id",
        "string",
        "Id of the network it belongs to.",
        required=True,
        immutable=True,
        reference=Reference("network"),
    )


NETWORK = ResourceType(
    "network",
    "net",
    "A private network.",
    (
        _name(),
        Attribute(
            "cidr",
            "string",
            "Address block, for example 10.0.0.0/16.",
            required=True,
            immutable=True,
            cidr=(8, 29),
        ),
        _region(),
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
        _name(),
        _network_id(),
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

MACHINE = ResourceType(
    "machine",
    "mac",
    "A virtual machine.",
    (
        _name(),
        _network_id(),
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
        _region(),
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

BUCKET = ResourceType(
    "bucket",
    "bkt",
    "A place for objects.",
    (
        Attribute(
            "name",
            "string",
            "Name, unique in the account.",
            required=True,
            immutable=True,
            unique=True,
            pattern=BUCKET_NAME,
        ),
        _region(),
        Attribute("versioning", "boolean", "Whether old versions are kept.", default=False),
        Attribute("public", "boolean", "Whether anybody may read it.", default=False),
        Attribute(
            "expire_after_days",
            "integer",
            "Days after which objects are deleted; null keeps them.",
            minimum=1,
            maximum=36_500,
        ),
        Attribute(
            "url",
            "string",
            "Where the bucket would be. Nothing answers there: objects are not simulated.",
            computed=Template("sandbox://{region}/{name}"),
        ),
    ),
)

CLUSTER = ResourceType(
    "cluster",
    "clu",
    "A Kubernetes cluster; its machines are in node pools.",
    (
        _name(),
        _network_id(),
        _region(),
        Attribute(
            "kubernetes_version",
            "string",
            "Minor version, for example 1.33.",
            required=True,
            pattern=VERSION,
        ),
        Attribute(
            "public_endpoint", "boolean", "Whether the internet reaches its API.", default=True
        ),
        Attribute(
            "endpoint",
            "string",
            "Where its API would be. Nothing answers there.",
            computed=Template("https://{name}.{region}.clusters.sandbox.invalid"),
        ),
        Attribute(
            "certificate_authority",
            "string",
            "Certificate, as PEM, that its API would be signed with.",
            computed=CertificateAuthority(),
        ),
        Attribute(
            "admin_token",
            "string",
            "Token that would open its API. Sensitive.",
            computed=GeneratedSecret(),
        ),
    ),
)

NODE_POOL = ResourceType(
    "node_pool",
    "nop",
    "Equal machines of a cluster, as many as it needs between two bounds.",
    (
        _name(),
        Attribute(
            "cluster_id",
            "string",
            "Id of the cluster it belongs to.",
            required=True,
            immutable=True,
            reference=Reference("cluster"),
        ),
        Attribute(
            "size",
            "string",
            "Size of each machine, for example small.",
            required=True,
            immutable=True,
            pattern=LABEL,
        ),
        Attribute(
            "disk_gb",
            "integer",
            "Disk of each machine in GiB.",
            default=50,
            immutable=True,
            minimum=10,
            maximum=16_384,
        ),
        Attribute(
            "min_nodes", "integer", "Fewest machines.", required=True, minimum=0, maximum=1000
        ),
        Attribute("max_nodes", "integer", "Most machines.", required=True, minimum=1, maximum=1000),
    ),
)

DATABASE = ResourceType(
    "database",
    "dbs",
    "A managed SQL database.",
    (
        Attribute(
            "name",
            "string",
            "Name, unique in the account.",
            required=True,
            immutable=True,
            unique=True,
            pattern=HOST_LABEL,
        ),
        _network_id(),
        _region(),
        Attribute(
            "engine",
            "string",
            "Kind of database, for example postgresql.",
            required=True,
            immutable=True,
            pattern=SLUG,
        ),
        Attribute(
            "engine_version", "string", "Version, for example 17.", required=True, pattern=VERSION
        ),
        Attribute("size", "string", "Size, for example small.", required=True, pattern=LABEL),
        Attribute(
            "storage_gb",
            "integer",
            "Storage in GiB. It can grow, never shrink.",
            required=True,
            minimum=10,
            maximum=65_536,
            can_shrink=False,
        ),
        Attribute(
            "high_availability",
            "boolean",
            "Whether a stand-by in another zone takes over.",
            default=False,
        ),
        Attribute(
            "backup_days",
            "integer",
            "For how many days backups are kept; 0 makes none.",
            default=7,
            minimum=0,
            maximum=35,
        ),
        Attribute(
            "final_snapshot",
            "boolean",
            "Whether a snapshot would be kept at deletion. No data is simulated, so none is.",
            default=False,
        ),
        Attribute(
            "database_name",
            "string",
            "Name of the first database in it.",
            required=True,
            immutable=True,
            pattern=SQL_NAME,
        ),
        Attribute(
            "username",
            "string",
            "Name of the administrator.",
            required=True,
            immutable=True,
            pattern=SQL_NAME,
        ),
        Attribute(
            "password",
            "string",
            "The administrator's. Never returned; compare password_sha256 instead.",
            write_only=True,
        ),
        Attribute(
            "password_sha256",
            "string",
            "SHA-256 of password, hexadecimal.",
            computed=Digest("password"),
        ),
        Attribute(
            "host",
            "string",
            "Where it would be. Nothing answers there.",
            computed=Template("{name}.{region}.databases.sandbox.invalid"),
        ),
        Attribute(
            "port",
            "integer",
            "Port it would listen at.",
            default=5432,
            immutable=True,
            minimum=1024,
            maximum=65_535,
        ),
    ),
)

RESOURCE_TYPES: dict[str, ResourceType] = {
    entry.name: entry for entry in (NETWORK, SUBNET, MACHINE, BUCKET, CLUSTER, NODE_POOL, DATABASE)
}
