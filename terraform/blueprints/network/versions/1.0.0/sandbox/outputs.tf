output "network_id" {
  description = "Id of the network."
  value       = sandbox_network.this.id
}

output "cidr" {
  description = "IPv4 range of the network."
  value       = sandbox_network.this.cidr
}

output "subnet_ids" {
  description = "Ids of the subnets, in the order of the zones."
  # From the resources, not from the keys: a drift check must not fail when one was deleted.
  value = values(sandbox_subnet.this)[*].id
}

output "gateway_address" {
  description = "Address of the network's gateway."
  value       = sandbox_network.this.gateway_address
}
