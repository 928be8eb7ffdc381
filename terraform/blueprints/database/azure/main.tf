locals {
  # Names of servers are unique in all of Azure, names of stacks only in their project.
  suffix = substr(sha256(var.landform_tags["landform:stack"]), 0, 8)
  name   = "${var.landform_name}-${local.suffix}"

  # Storage comes in these sizes, in GiB: the least that holds what was asked for.
  sizes      = [32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384]
  storage_mb = 1024 * [for size in local.sizes : size if size >= var.storage_gb][0]
}

resource "azurerm_resource_group" "this" {
  name     = local.name
  location = var.landform_region
  tags     = var.landform_tags

  lifecycle {
    # The tag names the operation that created the resource; later ones must not touch it.
    ignore_changes = [tags["landform:operation"]]
  }
}

resource "azurerm_postgresql_flexible_server" "this" {
  name                         = local.name
  resource_group_name          = azurerm_resource_group.this.name
  location                     = var.landform_region
  version                      = var.engine_version
  sku_name                     = var.size
  storage_mb                   = local.storage_mb
  auto_grow_enabled            = false
  backup_retention_days        = var.backup_days
  geo_redundant_backup_enabled = false
  zone                         = var.landform_zones[0]
  administrator_login          = var.username
  administrator_password       = var.password
  # It is reached by an endpoint in the network, and Azure refuses plain connections.
  public_network_access_enabled = false
  tags                          = var.landform_tags

  dynamic "high_availability" {
    for_each = var.high_availability ? [var.landform_zones[1]] : []

    content {
      mode                      = "ZoneRedundant"
      standby_availability_zone = high_availability.value
    }
  }

  lifecycle {
    # When the stand-by takes over, the zones are the other way round.
    ignore_changes = [tags["landform:operation"], zone, high_availability[0].standby_availability_zone]
  }
}

resource "azurerm_postgresql_flexible_server_database" "this" {
  name      = var.database_name
  server_id = azurerm_postgresql_flexible_server.this.id
}

# Statements that took longer than a second are logged.
resource "azurerm_postgresql_flexible_server_configuration" "this" {
  name      = "log_min_duration_statement"
  server_id = azurerm_postgresql_flexible_server.this.id
  value     = "1000"
}
