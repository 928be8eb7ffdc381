output "bucket_id" {
  description = "Id of the bucket."
  value       = google_storage_bucket.this.id
}

output "url" {
  description = "Address of the bucket."
  value       = "https://storage.googleapis.com/${google_storage_bucket.this.name}"
}
