"""The id that a cloud gives a resource, written as its Terraform provider writes it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

GROUP = "/subscriptions/{scope}/resourceGroups/{resource_group_name}"
NETWORK = f"{GROUP}/providers/Microsoft.Network"

FORMS: Mapping[str, str] = {
    "google_compute_address": "projects/{scope}/regions/{region}/addresses/{name}",
    "google_compute_firewall": "projects/{scope}/global/firewalls/{name}",
    "google_compute_forwarding_rule": "projects/{scope}/regions/{region}/forwardingRules/{name}",
    "google_compute_instance": "projects/{scope}/zones/{zone}/instances/{name}",
    "google_compute_network": "projects/{scope}/global/networks/{name}",
    "google_compute_router": "projects/{scope}/regions/{region}/routers/{name}",
    "google_compute_router_nat": "{scope}/{region}/{router}/{name}",
    "google_compute_subnetwork": "projects/{scope}/regions/{region}/subnetworks/{name}",
    "google_container_cluster": "projects/{scope}/locations/{location}/clusters/{name}",
    "google_container_node_pool": (
        "projects/{scope}/locations/{location}/clusters/{cluster}/nodePools/{name}"
    ),
    "google_service_account": (
        "projects/{scope}/serviceAccounts/{account_id}@{scope}.iam.gserviceaccount.com"
    ),
    "google_sql_database": "projects/{scope}/instances/{instance}/databases/{name}",
    "google_sql_database_instance": "{name}",
    "google_sql_user": "{name}//{instance}",
    "google_storage_bucket": "{name}",
    "google_storage_bucket_iam_member": "b/{bucket}/{role}/{member}",
    "azurerm_kubernetes_cluster": (
        f"{GROUP}/providers/Microsoft.ContainerService/managedClusters/{{name}}"
    ),
    "azurerm_linux_virtual_machine": (
        f"{GROUP}/providers/Microsoft.Compute/virtualMachines/{{name}}"
    ),
    "azurerm_nat_gateway": f"{NETWORK}/natGateways/{{name}}",
    "azurerm_nat_gateway_public_ip_association": "{nat_gateway_id}|{public_ip_address_id}",
    "azurerm_network_interface": f"{NETWORK}/networkInterfaces/{{name}}",
    "azurerm_network_interface_security_group_association": (
        "{network_interface_id}|{network_security_group_id}"
    ),
    "azurerm_network_security_group": f"{NETWORK}/networkSecurityGroups/{{name}}",
    "azurerm_postgresql_flexible_server": (
        f"{GROUP}/providers/Microsoft.DBforPostgreSQL/flexibleServers/{{name}}"
    ),
    "azurerm_postgresql_flexible_server_configuration": "{server_id}/configurations/{name}",
    "azurerm_postgresql_flexible_server_database": "{server_id}/databases/{name}",
    "azurerm_private_dns_a_record": "{private_dns_zone_id}/A/{name}",
    "azurerm_private_dns_zone": f"{NETWORK}/privateDnsZones/{{name}}",
    "azurerm_private_dns_zone_virtual_network_link": (
        "{private_dns_zone_id}/virtualNetworkLinks/{name}"
    ),
    "azurerm_private_endpoint": f"{NETWORK}/privateEndpoints/{{name}}",
    "azurerm_public_ip": f"{NETWORK}/publicIPAddresses/{{name}}",
    "azurerm_resource_group": "/subscriptions/{scope}/resourceGroups/{name}",
    "azurerm_role_assignment": (
        "{scope_id}/providers/Microsoft.Authorization/roleAssignments/{principal_id}"
    ),
    "azurerm_storage_account": f"{GROUP}/providers/Microsoft.Storage/storageAccounts/{{name}}",
    "azurerm_storage_container": "{storage_account_id}/blobServices/default/containers/{name}",
    "azurerm_storage_management_policy": "{storage_account_id}/managementPolicies/default",
    "azurerm_subnet": f"{NETWORK}/virtualNetworks/{{virtual_network_name}}/subnets/{{name}}",
    "azurerm_subnet_nat_gateway_association": "{subnet_id}",
    "azurerm_subnet_network_security_group_association": "{subnet_id}",
    "azurerm_user_assigned_identity": (
        f"{GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{{name}}"
    ),
    "azurerm_virtual_network": f"{NETWORK}/virtualNetworks/{{name}}",
}


def identify(type_name: str, attributes: Mapping[str, Any], scope: str) -> str:
    """Return the id of a resource.

    Args:
        type_name: Terraform's word for its type.
        attributes: as configured.
        scope: the Google Cloud project or the Azure subscription.

    Raises:
        KeyError: nobody has written down what ids of the type look like.
    """
    # A role assignment has a scope of its own.
    own = {"scope_id": attributes.get("scope")}
    return FORMS[type_name].format_map({**attributes, **own, "scope": scope})


def digest_token(token: str) -> str:
    """Return what the sandbox service knows an account's token by."""
    return hashlib.sha256(token.encode()).hexdigest()


def record_name(account: str, type_name: str, identity: str) -> str:
    """Return the name under which the sandbox service keeps a resource of another cloud.

    Args:
        account: the digest of its token.
        type_name: Terraform's word for the type.
        identity: the id that the cloud gave it.
    """
    said = f"{account} {type_name} {identity}"
    return f"res_{hashlib.sha256(said.encode()).hexdigest()[:24]}"
