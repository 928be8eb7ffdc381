locals {
  # Resource groups are unique in the subscription, names of stacks only in their project.
  suffix = substr(sha256(var.landform_tags["landform:stack"]), 0, 8)

  zones = slice(var.landform_zones, 0, min(length(var.network_subnet_ids), length(var.landform_zones)))
}

resource "azurerm_resource_group" "this" {
  name     = "${var.landform_name}-${local.suffix}"
  location = var.landform_region
  tags     = var.landform_tags

  lifecycle {
    # The tag names the operation that created the resource; later ones must not touch it.
    ignore_changes = [tags["landform:operation"]]
  }
}

# Who the cluster is for Azure: it may join its nodes to the subnet, and nothing else.
resource "azurerm_user_assigned_identity" "this" {
  name                = "${var.landform_name}-cluster"
  resource_group_name = azurerm_resource_group.this.name
  location            = var.landform_region
  tags                = var.landform_tags

  lifecycle {
    ignore_changes = [tags["landform:operation"]]
  }
}

resource "azurerm_role_assignment" "subnet" {
  scope                = var.network_subnet_ids[0]
  role_definition_name = "Network Contributor"
  principal_id         = azurerm_user_assigned_identity.this.principal_id
  principal_type       = "ServicePrincipal"

  lifecycle {
    # Another number of subnets would move it.
    ignore_changes = [scope]
  }
}

resource "azurerm_kubernetes_cluster" "this" {
  name                    = var.landform_name
  resource_group_name     = azurerm_resource_group.this.name
  location                = var.landform_region
  dns_prefix              = "${var.landform_name}-${local.suffix}"
  kubernetes_version      = var.kubernetes_version
  sku_tier                = "Standard"
  node_os_upgrade_channel = "NodeImage"
  private_cluster_enabled = !var.public_endpoint
  tags                    = var.landform_tags

  # Pods get identities of their own.
  oidc_issuer_enabled       = true
  workload_identity_enabled = true

  role_based_access_control_enabled = true

  dynamic "api_server_access_profile" {
    for_each = var.public_endpoint && length(var.endpoint_ranges) > 0 ? [var.endpoint_ranges] : []

    content {
      authorized_ip_ranges = api_server_access_profile.value
    }
  }

  identity {
    type         = "UserAssigned"
    identity_ids = [azurerm_user_assigned_identity.this.id]
  }

  # The cluster grows and shrinks by itself between the two.
  default_node_pool {
    name                        = "nodes"
    temporary_name_for_rotation = "rotation"
    vm_size                     = var.node_size
    os_disk_size_gb             = var.node_disk_gb
    vnet_subnet_id              = var.network_subnet_ids[0]
    zones                       = local.zones
    auto_scaling_enabled        = true
    min_count                   = var.min_nodes
    max_count                   = var.max_nodes
    orchestrator_version        = var.kubernetes_version
    tags                        = var.landform_tags

    upgrade_settings {
      max_surge = "10%"
    }
  }

  node_provisioning_profile {
    mode = "Manual"
  }

  # Pods and services have ranges of their own, which no network of Landform's has by default.
  network_profile {
    network_plugin      = "azure"
    network_plugin_mode = "overlay"
    network_data_plane  = "cilium"
    network_policy      = "cilium"
    outbound_type       = "userAssignedNATGateway"
    pod_cidr            = "100.64.0.0/12"
    service_cidr        = "100.80.0.0/16"
    dns_service_ip      = "100.80.0.10"
  }

  lifecycle {
    # The first tag names the operation that created the resource. How many nodes there are, and in
    # how many zones and which subnet, stays as it is.
    ignore_changes = [
      tags["landform:operation"],
      default_node_pool[0].tags["landform:operation"],
      default_node_pool[0].node_count,
      default_node_pool[0].vnet_subnet_id,
      default_node_pool[0].zones,
    ]
  }

  depends_on = [azurerm_role_assignment.subnet]
}
