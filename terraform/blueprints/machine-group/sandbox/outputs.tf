output "machine_ids" {
  description = "Ids of the machines, in the order of their numbers."
  value       = [for number in sort(keys(local.machines)) : sandbox_machine.this[number].id]
}

output "private_ips" {
  description = "Private addresses of the machines, in the same order."
  value       = [for number in sort(keys(local.machines)) : sandbox_machine.this[number].private_ip]
}

output "size" {
  description = "Size of each machine."
  value       = var.size
}
