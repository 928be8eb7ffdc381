output "bucket_id" {
  description = "Id of the bucket."
  value       = aws_s3_bucket.this.id
}

output "url" {
  description = "Address of the bucket."
  value       = "https://${aws_s3_bucket.this.bucket_regional_domain_name}"
}
