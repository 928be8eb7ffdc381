# An address in the first subnet behind which the database is, and its name within the network.

resource "azurerm_private_endpoint" "this" {
  name                = local.name
  resource_group_name = azurerm_resource_group.this.name
  location            = var.landform_region
  subnet_id           = var.network_subnet_ids[0]
  tags                = var.landform_tags

  private_service_connection {
    name                           = local.name
    private_connection_resource_id = azurerm_postgresql_flexible_server.this.id
    subresource_names              = ["postgresqlServer"]
    is_manual_connection           = false
  }

  lifecycle {
    # Another number of subnets would move it.
    ignore_changes = [tags["landform:operation"], subnet_id]
  }
}

# A zone of this one name: a network can have one zone of a name only, and others may want theirs.
resource "azurerm_private_dns_zone" "this" {
  name                = "${local.name}.postgres.database.azure.com"
  resource_group_name = azurerm_resource_group.this.name
  tags                = var.landform_tags

  lifecycle {
    ignore_changes = [tags["landform:operation"]]
  }
}

resource "azurerm_private_dns_a_record" "this" {
  name                = "@"
  private_dns_zone_id = azurerm_private_dns_zone.this.id
  ttl                 = 300
  records             = [azurerm_private_endpoint.this.private_service_connection[0].private_ip_address]
  tags                = var.landform_tags

  lifecycle {
    ignore_changes = [tags["landform:operation"]]
  }
}

resource "azurerm_private_dns_zone_virtual_network_link" "this" {
  name                 = local.name
  private_dns_zone_id  = azurerm_private_dns_zone.this.id
  virtual_network_id   = var.network_id
  registration_enabled = false
  tags                 = var.landform_tags

  lifecycle {
    ignore_changes = [tags["landform:operation"]]
  }
}
