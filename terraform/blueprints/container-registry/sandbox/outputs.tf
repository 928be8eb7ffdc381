output "registry_id" {
  description = "Id of the registry."
  value       = sandbox_container_registry.this.id
}

output "url" {
  description = "What the name of an image begins with."
  value       = sandbox_container_registry.this.url
}
