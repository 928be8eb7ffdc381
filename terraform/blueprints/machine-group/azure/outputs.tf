output "machine_ids" {
  description = "Ids of the machines, in the order of their numbers."
  # From the resources, not from the keys: a drift check must not fail when one was deleted.
  value = values(azurerm_linux_virtual_machine.this)[*].id
}

output "private_ips" {
  description = "Private addresses of the machines, in the same order."
  value       = values(azurerm_network_interface.this)[*].private_ip_address
}

output "size" {
  description = "Size of each machine."
  value       = var.size
}
