locals {
  certificate_authority = aws_eks_cluster.this.certificate_authority[0].data
}

output "cluster_name" {
  description = "Name of the cluster, as the cloud knows it."
  value       = aws_eks_cluster.this.name
}

output "kubernetes_version" {
  description = "Minor version of Kubernetes that it runs."
  value       = aws_eks_cluster.this.version
}

output "endpoint" {
  description = "Address of the cluster's API."
  value       = aws_eks_cluster.this.endpoint
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
        server                     = aws_eks_cluster.this.endpoint
        certificate-authority-data = local.certificate_authority
      }
    }]
    # Tokens of EKS hold for minutes, so kubectl asks the AWS CLI of whoever calls it for one.
    users = [{
      name = var.landform_name
      user = {
        exec = {
          apiVersion      = "client.authentication.k8s.io/v1beta1"
          command         = "aws"
          args            = ["eks", "get-token", "--region", var.landform_region, "--cluster-name", aws_eks_cluster.this.name]
          interactiveMode = "Never"
        }
      }
    }]
    contexts = [{
      name    = var.landform_name
      context = { cluster = var.landform_name, user = var.landform_name }
    }]
  })
}
