"""Kubernetes clusters and their node pools."""

from __future__ import annotations

from sandbox.attributes import (
    LABEL,
    VERSION,
    Attribute,
    CertificateAuthority,
    GeneratedSecret,
    Reference,
    Template,
)
from sandbox.resource_types.resource_type import (
    ResourceType,
    name_attribute,
    network_id_attribute,
    region_attribute,
)

CLUSTER = ResourceType(
    "cluster",
    "clu",
    "A Kubernetes cluster; its machines are in node pools.",
    (
        name_attribute(),
        network_id_attribute(),
        region_attribute(),
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
        name_attribute(),
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
