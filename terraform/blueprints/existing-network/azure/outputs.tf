output "network_id" {
  description = "Id of the network."
  value       = data.azurerm_virtual_network.this.id

  precondition {
    condition     = length(local.ranges) > 0
    error_message = "The subnets lie in no common range from /8 on."
  }
}

output "cidr" {
  description = "IPv4 range of the network."
  # That which its subnets lie in: what else the network has is not asked for.
  value = local.ranges[0]
}

output "subnet_ids" {
  description = "Ids of the subnets, in the order in which they were named."
  value       = [for id in var.subnet_ids : data.azurerm_subnet.this[id].id]
}

output "gateway_address" {
  description = "Address of the network's gateway."
  # Each subnet has one at its first address; this is that of the first subnet.
  value = cidrhost(local.cidrs[0], 1)
}
