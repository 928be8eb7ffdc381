output "machine_ids" {
  description = "Ids of the machines, in the order of their numbers."
  # From the resources, not from the keys: a drift check must not fail when one was deleted.
  value = values(google_compute_instance.this)[*].id
}

output "private_ips" {
  description = "Private addresses of the machines, in the same order."
  value       = values(google_compute_instance.this)[*].network_interface[0].network_ip
}

output "size" {
  description = "Size of each machine."
  value       = var.size
}
