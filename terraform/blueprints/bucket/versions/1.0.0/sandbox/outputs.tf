output "bucket_id" {
  description = "Id of the bucket."
  value       = sandbox_bucket.this.id
}

output "url" {
  description = "Address of the bucket."
  value       = sandbox_bucket.this.url
}
