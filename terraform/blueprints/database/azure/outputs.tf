output "host" {
  description = "Host name of the database."
  value       = azurerm_postgresql_flexible_server.this.fqdn
}

output "port" {
  description = "Port of the database."
  value       = 5432
}

output "database_name" {
  description = "Name of the first database."
  value       = azurerm_postgresql_flexible_server_database.this.name
}

output "username" {
  description = "Name of the administrator."
  value       = azurerm_postgresql_flexible_server.this.administrator_login
}

output "password" {
  description = "The administrator's password."
  value       = var.password
  sensitive   = true
}
