output "secret_id" {
  description = "Id of the secret."
  value       = aws_secretsmanager_secret.this.arn
}
