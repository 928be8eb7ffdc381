output "host" {
  description = "Host name of the database."
  value       = aws_db_instance.this.address
}

output "port" {
  description = "Port of the database."
  value       = aws_db_instance.this.port
}

output "database_name" {
  description = "Name of the first database."
  value       = aws_db_instance.this.db_name
}

output "username" {
  description = "Name of the administrator."
  value       = aws_db_instance.this.username
}

output "password" {
  description = "The administrator's password."
  value       = var.password
  sensitive   = true
}
