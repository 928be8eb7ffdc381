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
  value       = [for zone in sort(keys(local.subnet_cidrs)) : sandbox_subnet.this[zone].id]
}

output "gateway_address" {
  description = "Address of the network's gateway."
  value       = sandbox_network.this.gateway_address
}
