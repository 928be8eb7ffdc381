output "host" {
  description = "Host name of the database."
  value       = google_compute_address.this.address
}

output "port" {
  description = "Port of the database."
  value       = 5432
}

output "database_name" {
  description = "Name of the first database."
  value       = google_sql_database.this.name
}

output "username" {
  description = "Name of the administrator."
  value       = google_sql_user.this.name
}

output "password" {
  description = "The administrator's password."
  value       = var.password
  sensitive   = true
}
