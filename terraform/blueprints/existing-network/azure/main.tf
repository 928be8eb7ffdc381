# Nothing here is made, changed, tagged or destroyed: the network belongs to somebody else.

locals {
  network = regex("^/subscriptions/[^/]+/resourceGroups/(?P<group>[^/]+)/providers/[^/]+/virtualNetworks/(?P<name>[^/]+)$", var.network_id)
  subnets = { for id in var.subnet_ids : id => regex("/subnets/(?P<name>[^/]+)$", id) }

  cidrs = [for id in var.subnet_ids : data.azurerm_subnet.this[id].address_prefixes[0]]

  # The smallest range that holds them all, down to /8.
  ranges = [
    for length in range(32, 7, -1) : cidrsubnet("${cidrhost(local.cidrs[0], 0)}/${length}", 0, 0)
    if length(distinct([for cidr in local.cidrs : cidrsubnet("${cidrhost(cidr, 0)}/${length}", 0, 0)])) == 1
    && alltrue([for cidr in local.cidrs : tonumber(split("/", cidr)[1]) >= length])
  ]
}

data "azurerm_virtual_network" "this" {
  name                = local.network.name
  resource_group_name = local.network.group
}

data "azurerm_subnet" "this" {
  for_each = local.subnets

  name                 = each.value.name
  virtual_network_name = local.network.name
  resource_group_name  = local.network.group

  lifecycle {
    postcondition {
      condition     = lower(each.key) == lower("${var.network_id}/subnets/${self.name}")
      error_message = "The subnet ${each.key} is not in the network ${var.network_id}."
    }
  }
}
