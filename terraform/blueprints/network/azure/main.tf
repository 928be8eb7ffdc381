locals {
  zones = slice(var.landform_zones, 0, min(var.zones, length(var.landform_zones)))

  # Four more bits give sixteen equal ranges, so a zone can be added without moving the others.
  # A subnet spans its whole region here; there is one for each zone all the same, so that what is
  # spread over the subnets is spread over the zones.
  subnet_cidrs = { for index, zone in local.zones : zone => cidrsubnet(var.cidr, 4, index) }

  # Resource groups are unique in the subscription, names of stacks only in their project.
  suffix = substr(sha256(var.landform_tags["landform:stack"]), 0, 8)
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

resource "azurerm_virtual_network" "this" {
  name                = var.landform_name
  resource_group_name = azurerm_resource_group.this.name
  location            = var.landform_region
  address_space       = [var.cidr]
  tags                = var.landform_tags

  lifecycle {
    ignore_changes = [tags["landform:operation"]]

    precondition {
      condition     = var.zones <= length(var.landform_zones)
      error_message = "The region has fewer zones than were asked for."
    }
  }
}

# Without rules of its own, and said so: Azure's own let nobody in from outside the network, and a
# rule that somebody adds is taken out again.
resource "azurerm_network_security_group" "this" {
  name                = var.landform_name
  resource_group_name = azurerm_resource_group.this.name
  location            = var.landform_region
  security_rule       = []
  tags                = var.landform_tags

  lifecycle {
    ignore_changes = [tags["landform:operation"]]
  }
}

resource "azurerm_subnet" "this" {
  for_each = local.subnet_cidrs

  name                            = "${var.landform_name}-${each.key}"
  resource_group_name             = azurerm_resource_group.this.name
  virtual_network_name            = azurerm_virtual_network.this.name
  address_prefixes                = [each.value]
  default_outbound_access_enabled = false
}

resource "azurerm_subnet_network_security_group_association" "this" {
  # By the keys of the subnets, not by themselves: an import must know them before they exist.
  for_each = local.subnet_cidrs

  subnet_id                 = azurerm_subnet.this[each.key].id
  network_security_group_id = azurerm_network_security_group.this.id
}
