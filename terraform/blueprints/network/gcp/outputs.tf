output "network_id" {
  description = "Id of the network."
  value       = google_compute_network.this.id
}

output "cidr" {
  description = "IPv4 range of the network."
  # A network has no range of its own here: its subnets have.
  value = var.cidr
}

output "subnet_ids" {
  description = "Ids of the subnets, in the order of the zones."
  # From the resources, not from the keys: a drift check must not fail when one was deleted.
  value = values(google_compute_subnetwork.this)[*].id
}

output "gateway_address" {
  description = "Address of the network's gateway."
  # Each subnet has one at its first address; this is that of the first subnet.
  value = cidrhost(var.cidr, 1)
}
