locals {
  certificate_authority = base64encode(sandbox_cluster.this.certificate_authority)
}

output "cluster_name" {
  description = "Name of the cluster, as the cloud knows it."
  value       = sandbox_cluster.this.name
}

output "kubernetes_version" {
  description = "Minor version of Kubernetes that it runs."
  value       = sandbox_cluster.this.kubernetes_version
}

output "endpoint" {
  description = "Address of the cluster's API."
  value       = sandbox_cluster.this.endpoint
}

output "certificate_authority" {
  description = "Certificate that the API is signed with, PEM in base64."
  value       = local.certificate_authority
}

output "kubeconfig" {
  description = "Configuration for kubectl, as YAML."
  sensitive   = true
  value = yamlencode({
    apiVersion      = "v1"
    kind            = "Config"
    current-context = var.landform_name
    clusters = [{
      name = var.landform_name
      cluster = {
        server                     = sandbox_cluster.this.endpoint
        certificate-authority-data = local.certificate_authority
      }
    }]
    users = [{
      name = var.landform_name
      user = { token = sandbox_cluster.this.admin_token }
    }]
    contexts = [{
      name    = var.landform_name
      context = { cluster = var.landform_name, user = var.landform_name }
    }]
  })
}
