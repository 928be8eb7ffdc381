"""What the conformance suite asks of each kind, and what it changes outside Landform."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.catalog.catalog import Catalog

CLOUDS = ("sandbox", "gcp", "azure")
"""Clouds that are wholly here. AWS has its own tests, with the real provider (``tests/aws``)."""

NETWORK = {"zones": 3, "internet_access": False, "cidr": "10.20.0.0/20"}
CONNECTED = {**NETWORK, "internet_access": True}
"""What the nodes of a cluster need on some clouds."""

EVERYTHING: Mapping[str, Mapping[str, Any]] = {
    "bucket": {"versioning": True, "public": True, "expire_after_days": 30},
    "cluster": {
        "network": "net",
        "kubernetes_version": "1.35",
        "node_size": "large",
        "min_nodes": 2,
        "max_nodes": 7,
        "node_disk_gb": 100,
        "public_endpoint": True,
        "endpoint_ranges": ["203.0.113.0/24"],
        "managed_addons": True,
    },
    "database": {
        "network": "net",
        "engine_version": "16",
        "size": "large",
        "storage_gb": 300,
        "high_availability": True,
        "backup_days": 30,
        "final_snapshot": False,
        "database_name": "shop_1",
        "username": "owner_1",
        "password": "Long-enough-password-1",
    },
    "machine-group": {
        "network": "net",
        "size": "large",
        "count": 4,
        "image": "ubuntu-24-04",
        "user_data": "#!/bin/sh\necho 'hello ${world}'\n",
    },
    "network": NETWORK,
}
"""Every parameter of a kind, none at its default."""

ONLY_ONE = {"database": {"engine"}}
"""Parameters with a single value."""

NOT_OFFERED: Mapping[tuple[str, str], Mapping[str, Any]] = {
    ("azure", "database"): {"backup_days": 0},
}
"""What a cloud answers with 422, naming itself."""

NEEDS: Mapping[str, Mapping[str, Any]] = {
    "cluster": {"network": "net"},
    "database": {"network": "net"},
    "machine-group": {"network": "net"},
}
"""What a kind cannot do without; ``net`` is a network stack."""


@dataclass(frozen=True)
class Change:
    """What somebody does outside Landform: attributes of the first resource of a type."""

    type: str
    attributes: Mapping[str, Any]
    severity: str = "high"


OPEN_RULE = {
    "name": "everybody",
    "priority": 200,
    "direction": "Inbound",
    "access": "Allow",
    "protocol": "Tcp",
    "source_address_prefix": "0.0.0.0/0",
    "source_port_range": "*",
    "destination_address_prefix": "*",
    "destination_port_range": "22",
    **dict.fromkeys(("description", "destination_address_prefixes", "source_address_prefixes")),
    **dict.fromkeys(("source_port_ranges", "destination_port_ranges")),
    "source_application_security_group_ids": None,
    "destination_application_security_group_ids": None,
}
OPENED = Change("azurerm_network_security_group", {"security_rule": [OPEN_RULE]})

CHANGES: Mapping[str, Mapping[str, Change]] = {
    "sandbox": {
        "bucket": Change("bucket", {"public": True}),
        "cluster": Change("cluster", {"public_endpoint": True}),
        "database": Change("database", {"backup_days": 1}),
        "machine-group": Change("machine", {"size": "large"}, "medium"),
        "network": Change("network", {"internet_access": False}, "medium"),
    },
    "gcp": {
        "bucket": Change("google_storage_bucket", {"public_access_prevention": "inherited"}),
        "cluster": Change("google_container_cluster", {"enable_legacy_abac": True}),
        "database": Change(
            "google_compute_forwarding_rule", {"allow_psc_global_access": True}, "medium"
        ),
        "machine-group": Change("google_compute_firewall", {"source_ranges": ["0.0.0.0/0"]}),
        "network": Change(
            "google_compute_subnetwork", {"private_ip_google_access": False}, "medium"
        ),
    },
    "azure": {
        "bucket": Change("azurerm_storage_account", {"allow_nested_items_to_be_public": True}),
        "cluster": Change(
            "azurerm_kubernetes_cluster", {"role_based_access_control_enabled": False}
        ),
        "database": Change(
            "azurerm_postgresql_flexible_server", {"public_network_access_enabled": True}
        ),
        "machine-group": OPENED,
        "network": OPENED,
    },
}


def offered_cells(catalog: Catalog) -> list[tuple[str, str]]:
    """Return each cloud of ``CLOUDS`` with each kind that it has."""
    return [
        (cloud, kind)
        for kind in sorted(EVERYTHING)
        for cloud in CLOUDS
        if cloud in catalog.kinds[kind].clouds
    ]
