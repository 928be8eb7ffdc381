# One gateway for all zones: machines reach the internet, and nobody reaches them from there.

locals {
  # Present or not as a whole: a key that lasts, so that nothing else moves with it.
  edge = toset(var.internet_access ? ["edge"] : [])
}

resource "azurerm_public_ip" "this" {
  for_each = local.edge

  name                = var.landform_name
  resource_group_name = azurerm_resource_group.this.name
  location            = var.landform_region
  allocation_method   = "Static"
  sku                 = "Standard"
  tags                = var.landform_tags

  lifecycle {
    ignore_changes = [tags["landform:operation"]]
  }
}

resource "azurerm_nat_gateway" "this" {
  for_each = local.edge

  name                = var.landform_name
  resource_group_name = azurerm_resource_group.this.name
  location            = var.landform_region
  sku_name            = "Standard"
  tags                = var.landform_tags

  lifecycle {
    ignore_changes = [tags["landform:operation"]]
  }
}

resource "azurerm_nat_gateway_public_ip_association" "this" {
  for_each = local.edge

  nat_gateway_id       = azurerm_nat_gateway.this[each.key].id
  public_ip_address_id = azurerm_public_ip.this[each.key].id
}

resource "azurerm_subnet_nat_gateway_association" "this" {
  for_each = var.internet_access ? local.subnet_cidrs : {}

  subnet_id      = azurerm_subnet.this[each.key].id
  nat_gateway_id = azurerm_nat_gateway.this["edge"].id
}
