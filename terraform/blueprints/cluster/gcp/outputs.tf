locals {
  endpoint              = "https://${google_container_cluster.this.endpoint}"
  certificate_authority = google_container_cluster.this.master_auth[0].cluster_ca_certificate
}

output "cluster_name" {
  description = "Name of the cluster, as the cloud knows it."
  value       = google_container_cluster.this.name
}

output "kubernetes_version" {
  description = "Minor version of Kubernetes that it runs."
  # The cloud says it with the patch.
  value = try(regex("^[0-9]+[.][0-9]+", google_container_cluster.this.master_version), var.kubernetes_version)
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
  value = yamlencode({
    apiVersion      = "v1"
    kind            = "Config"
    current-context = var.landform_name
    clusters = [{
      name = var.landform_name
      cluster = {
        server                     = local.endpoint
        certificate-authority-data = local.certificate_authority
      }
    }]
    # Tokens hold for an hour, so kubectl asks Google's plug-in of whoever calls it for one.
    users = [{
      name = var.landform_name
      user = {
        exec = {
          apiVersion         = "client.authentication.k8s.io/v1beta1"
          command            = "gke-gcloud-auth-plugin"
          interactiveMode    = "Never"
          provideClusterInfo = true
        }
      }
    }]
    contexts = [{
      name    = var.landform_name
      context = { cluster = var.landform_name, user = var.landform_name }
    }]
  })
}
