output "machine_ids" {
  description = "Ids of the machines, in the order of their numbers."
  # From the resources, not from the keys: a drift check must not fail when one was deleted.
  value = values(sandbox_machine.this)[*].id
}

output "private_ips" {
  description = "Private addresses of the machines, in the same order."
  value       = values(sandbox_machine.this)[*].private_ip
}

output "size" {
  description = "Size of each machine."
  value       = var.size
}
