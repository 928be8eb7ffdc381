output "host" {
  description = "Host name of the database."
  value       = sandbox_database.this.host
}

output "port" {
  description = "Port of the database."
  value       = sandbox_database.this.port
}

output "database_name" {
  description = "Name of the first database."
  value       = sandbox_database.this.database_name
}

output "username" {
  description = "Name of the administrator."
  value       = sandbox_database.this.username
}

output "password" {
  description = "The administrator's password."
  value       = var.password
  sensitive   = true
}
