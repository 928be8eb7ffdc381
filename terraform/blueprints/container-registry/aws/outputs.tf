output "registry_id" {
  description = "Id of the registry."
  value       = aws_ecr_repository.this.arn
}

output "url" {
  description = "What the name of an image begins with."
  value       = aws_ecr_repository.this.repository_url
}
