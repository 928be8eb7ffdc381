output "network_id" {
  description = "Id of the network."
  value       = aws_vpc.this.id
}

output "cidr" {
  description = "IPv4 range of the network."
  value       = aws_vpc.this.cidr_block
}

output "subnet_ids" {
  description = "Ids of the subnets, in the order of the zones."
  # From the resources, not from the keys: a drift check must not fail when one was deleted.
  value = values(aws_subnet.this)[*].id
}

output "gateway_address" {
  description = "Address of the network's gateway."
  # The router of a VPC has the first address of its range.
  value = cidrhost(aws_vpc.this.cidr_block, 1)
}
