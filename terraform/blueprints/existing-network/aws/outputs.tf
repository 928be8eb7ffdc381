output "network_id" {
  description = "Id of the network."
  value       = data.aws_vpc.this.id
}

output "cidr" {
  description = "IPv4 range of the network."
  value       = data.aws_vpc.this.cidr_block
}

output "subnet_ids" {
  description = "Ids of the subnets, in the order in which they were named."
  value       = [for id in var.subnet_ids : data.aws_subnet.this[id].id]
}

output "gateway_address" {
  description = "Address of the network's gateway."
  # The router of a VPC has the first address of its range.
  value = cidrhost(data.aws_vpc.this.cidr_block, 1)
}
