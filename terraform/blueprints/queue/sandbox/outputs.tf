output "queue_id" {
  description = "Id of the queue."
  value       = sandbox_queue.this.id
}

output "url" {
  description = "Address of the queue."
  value       = sandbox_queue.this.url
}

output "dead_letter_url" {
  description = "Address of the queue with what was received too often."
  value       = one([for queue in sandbox_queue.dead : queue.url])
}
