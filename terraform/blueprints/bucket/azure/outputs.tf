output "bucket_id" {
  description = "Id of the bucket."
  value       = azurerm_storage_container.this.id
}

output "url" {
  description = "Address of the bucket."
  value       = "${azurerm_storage_account.this.primary_blob_endpoint}${azurerm_storage_container.this.name}"
}
