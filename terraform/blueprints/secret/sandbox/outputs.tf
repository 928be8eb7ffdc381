output "secret_id" {
  description = "Id of the secret."
  value       = sandbox_secret.this.id
}
