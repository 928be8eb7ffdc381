output "queue_id" {
  description = "Id of the queue."
  value       = aws_sqs_queue.this.arn
}

output "url" {
  description = "Address of the queue."
  value       = aws_sqs_queue.this.url
}

output "dead_letter_url" {
  description = "Address of the queue with what was received too often."
  value       = one([for queue in aws_sqs_queue.dead : queue.url])
}
