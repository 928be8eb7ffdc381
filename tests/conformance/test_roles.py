"""The roles of docs/gcp-roles and docs/azure-roles, held against what the modules make.

What a cloud asks for beyond that, such as rights to use what a resource names, is from its
documentation: nothing here can ask it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from app.catalog.loader import load_catalog
from tests.catalog.conftest import SHIPPED

DOCS = SHIPPED.parent / "docs"
CATALOG = load_catalog(SHIPPED)
GOOGLE_VERBS = ("create", "delete", "get")
AZURE_VERBS = ("read", "write", "delete")

COLLECTIONS: Mapping[str, str | None] = {
    "google_compute_address": "compute.addresses",
    "google_compute_firewall": "compute.firewalls",
    "google_compute_forwarding_rule": "compute.forwardingRules",
    "google_compute_instance": "compute.instances",
    "google_compute_network": "compute.networks",
    "google_compute_router": "compute.routers",
    "google_compute_router_nat": None,  # a part of its router
    "google_compute_subnetwork": "compute.subnetworks",
    "google_container_cluster": "container.clusters",
    "google_container_node_pool": None,  # a part of its cluster
    "google_service_account": "iam.serviceAccounts",
    "google_sql_database": "cloudsql.databases",
    "google_sql_database_instance": "cloudsql.instances",
    "google_sql_user": "cloudsql.users",
    "google_storage_bucket": "storage.buckets",
    "google_storage_bucket_iam_member": None,  # a part of its bucket's policy
    "azurerm_kubernetes_cluster": "Microsoft.ContainerService/managedClusters",
    "azurerm_linux_virtual_machine": "Microsoft.Compute/virtualMachines",
    "azurerm_nat_gateway": "Microsoft.Network/natGateways",
    "azurerm_nat_gateway_public_ip_association": None,
    "azurerm_network_interface": "Microsoft.Network/networkInterfaces",
    "azurerm_network_interface_security_group_association": None,
    "azurerm_network_security_group": "Microsoft.Network/networkSecurityGroups",
    "azurerm_postgresql_flexible_server": "Microsoft.DBforPostgreSQL/flexibleServers",
    "azurerm_postgresql_flexible_server_configuration": (
        "Microsoft.DBforPostgreSQL/flexibleServers/configurations"
    ),
    "azurerm_postgresql_flexible_server_database": (
        "Microsoft.DBforPostgreSQL/flexibleServers/databases"
    ),
    "azurerm_private_dns_a_record": "Microsoft.Network/privateDnsZones/A",
    "azurerm_private_dns_zone": "Microsoft.Network/privateDnsZones",
    "azurerm_private_dns_zone_virtual_network_link": (
        "Microsoft.Network/privateDnsZones/virtualNetworkLinks"
    ),
    "azurerm_private_endpoint": "Microsoft.Network/privateEndpoints",
    "azurerm_public_ip": "Microsoft.Network/publicIPAddresses",
    "azurerm_resource_group": "Microsoft.Resources/subscriptions/resourceGroups",
    "azurerm_role_assignment": "Microsoft.Authorization/roleAssignments",
    "azurerm_storage_account": "Microsoft.Storage/storageAccounts",
    "azurerm_storage_container": "Microsoft.Storage/storageAccounts/blobServices/containers",
    "azurerm_storage_management_policy": "Microsoft.Storage/storageAccounts/managementPolicies",
    "azurerm_subnet": "Microsoft.Network/virtualNetworks/subnets",
    "azurerm_subnet_nat_gateway_association": None,
    "azurerm_subnet_network_security_group_association": None,
    "azurerm_user_assigned_identity": "Microsoft.ManagedIdentity/userAssignedIdentities",
    "azurerm_virtual_network": "Microsoft.Network/virtualNetworks",
}
"""What the cloud calls each type in its permissions; nothing for what is a part of another."""

ALIEN = {
    "gcp": (
        *("compute.disks.", "compute.images.", "compute.machineTypes.", "compute.zones."),
        *("compute.globalOperations.", "compute.regionOperations.", "compute.zoneOperations."),
        *("compute.networks.", "compute.subnetworks.", "container.operations."),
    ),
    "azure": (
        "Microsoft.Compute/disks/",
        "Microsoft.ContainerService/managedClusters/",
        "Microsoft.Network/virtualNetworks/",
        "Microsoft.Resources/subscriptions/resourceGroups/resources/",
        "Microsoft.Storage/checkNameAvailability/",
        "Microsoft.Storage/storageAccounts/blobServices/",
    ),
}
"""What a role may name although the kind makes none: what its resources use or come with."""


def read_role(cloud: str, name: str) -> list[str]:
    if cloud == "gcp":
        text = (DOCS / f"gcp-roles/{name}.yaml").read_text(encoding="utf-8")
        return list(yaml.safe_load(text)["includedPermissions"])
    text = (DOCS / f"azure-roles/{name}.json").read_text(encoding="utf-8")
    held: dict[str, Any] = json.loads(text)
    assert held["NotActions"] == []
    return list(held["Actions"])


def roles(cloud: str) -> list[Path]:
    return sorted((DOCS / f"{cloud}-roles").iterdir())


CELLS = [
    (cloud, kind)
    for cloud in ("gcp", "azure")
    for kind in CATALOG.kinds
    if cloud in CATALOG.kinds[kind].clouds
]


@pytest.mark.parametrize("cloud", ["gcp", "azure"])
def test_every_kind_has_a_role_and_so_has_the_search(cloud: str) -> None:
    kinds = {kind for of, kind in CELLS if of == cloud}
    assert {file.stem for file in roles(cloud)} == kinds | {"search"}


@pytest.mark.parametrize(("cloud", "kind"), CELLS)
def test_a_role_allows_what_the_module_makes_and_little_else(cloud: str, kind: str) -> None:
    allowed = read_role(cloud, kind)
    assert allowed == sorted(set(allowed))
    assert not [item for item in allowed if "*" in item]
    declared = CATALOG.kind(kind).declared[cloud]
    made = {COLLECTIONS[name] for name in declared.managed} - {None}
    mark, verbs = (".", GOOGLE_VERBS) if cloud == "gcp" else ("/", AZURE_VERBS)
    needed = {f"{collection}{mark}{verb}" for collection in made for verb in verbs}
    assert needed - set(allowed) == set()
    own = tuple(f"{collection}{mark}" for collection in made if collection)
    assert [item for item in allowed if not item.startswith((*own, *ALIEN[cloud]))] == []


@pytest.mark.parametrize(("cloud", "kind"), CELLS)
def test_what_is_only_used_is_never_made_or_deleted(cloud: str, kind: str) -> None:
    declared = CATALOG.kind(kind).declared[cloud]
    made = {COLLECTIONS[name] for name in declared.managed}
    for part in ("networks", "subnetworks", "virtualNetworks", "virtualNetworks/subnets"):
        for prefix in ("compute.", "Microsoft.Network/"):
            if f"{prefix}{part}" not in made:
                mark = "." if cloud == "gcp" else "/"
                for verb in ("create", "write", "delete"):
                    assert f"{prefix}{part}{mark}{verb}" not in read_role(cloud, kind)
