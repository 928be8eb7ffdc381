output "network_id" {
  description = "Id of the network."
  value       = data.sandbox_network.this.id
}

output "cidr" {
  description = "IPv4 range of the network."
  value       = data.sandbox_network.this.cidr
}

output "subnet_ids" {
  description = "Ids of the subnets, in the order in which they were named."
  value       = [for id in var.subnet_ids : data.sandbox_subnet.this[id].id]
}

output "gateway_address" {
  description = "Address of the network's gateway."
  value       = data.sandbox_network.this.gateway_address
}
