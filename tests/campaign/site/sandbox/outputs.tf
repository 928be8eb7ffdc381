output "network_id" {
  description = "Id of the network."
  value       = sandbox_network.this.id
}

output "machine_ids" {
  description = "Ids of the machines, in the order of their numbers."
  value       = values(sandbox_machine.this)[*].id
}
