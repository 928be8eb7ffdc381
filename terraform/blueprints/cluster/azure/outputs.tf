locals {
  access                = azurerm_kubernetes_cluster.this.kube_config[0]
  endpoint              = nonsensitive(local.access.host)
  certificate_authority = nonsensitive(local.access.cluster_ca_certificate)
}

output "cluster_name" {
  description = "Name of the cluster, as the cloud knows it."
  value       = azurerm_kubernetes_cluster.this.name
}

output "kubernetes_version" {
  description = "Minor version of Kubernetes that it runs."
  # The cloud says it with the patch.
  value = try(regex("^[0-9]+[.][0-9]+", azurerm_kubernetes_cluster.this.current_kubernetes_version), var.kubernetes_version)
}

output "endpoint" {
  description = "Address of the cluster's API."
  value       = local.endpoint
}

output "certificate_authority" {
  description = "Certificate that the API is signed with, PEM in base64."
  value       = local.certificate_authority
}

output "kubeconfig" {
  description = "Configuration for kubectl, as YAML."
  sensitive   = true
  # Holds a certificate of the cluster's administrator: no command of Azure's is needed.
  value = azurerm_kubernetes_cluster.this.kube_config_raw
}
