locals {
  # Names of clusters are unique in a region of the account, names of stacks only in their project.
  suffix = substr(sha256(var.landform_tags["landform:stack"]), 0, 8)
  name   = "${var.landform_name}-${local.suffix}"
}

resource "aws_cloudwatch_log_group" "this" {
  # EKS writes to a group of this name, and would make one without an end.
  name              = "/aws/eks/${local.name}/cluster"
  retention_in_days = 30
  tags              = var.landform_tags

  lifecycle {
    # The tag names the operation that created the resource; later ones must not touch it.
    ignore_changes = [tags["landform:operation"]]
  }
}

# EKS brings the network plug-in, the proxy and the name service of the version by itself, and never
# raises them: that is what managed add-ons are for (addons.tf).
resource "aws_eks_cluster" "this" {
  name                      = local.name
  version                   = var.kubernetes_version
  role_arn                  = aws_iam_role.cluster.arn
  enabled_cluster_log_types = ["api", "audit", "authenticator"]
  tags                      = var.landform_tags

  access_config {
    authentication_mode                         = "API_AND_CONFIG_MAP"
    bootstrap_cluster_creator_admin_permissions = true
  }

  vpc_config {
    subnet_ids              = var.network_subnet_ids
    endpoint_private_access = true
    endpoint_public_access  = var.public_endpoint
    # Null would keep what is there: emptied ranges must open the endpoint, as they say.
    public_access_cidrs = !var.public_endpoint ? null : (
      length(var.endpoint_ranges) > 0 ? var.endpoint_ranges : ["0.0.0.0/0"]
    )
  }

  lifecycle {
    ignore_changes = [tags["landform:operation"]]
  }

  depends_on = [aws_cloudwatch_log_group.this, aws_iam_role_policy_attachment.cluster]
}

resource "aws_launch_template" "this" {
  name_prefix            = "${local.name}-"
  description            = "Nodes of the stack ${var.landform_name}"
  update_default_version = true
  tags                   = var.landform_tags

  block_device_mappings {
    device_name = "/dev/xvda"

    ebs {
      volume_size           = var.node_disk_gb
      volume_type           = "gp3"
      encrypted             = true
      delete_on_termination = true
    }
  }

  # A token, and none for pods: what they may do is said by roles of their own, not by the node's.
  metadata_options {
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
  }

  tag_specifications {
    resource_type = "instance"
    tags          = { Name = "${local.name}-node" }
  }

  lifecycle {
    ignore_changes = [tags["landform:operation"]]
  }
}

resource "aws_eks_node_group" "this" {
  cluster_name           = aws_eks_cluster.this.name
  node_group_name_prefix = "nodes-"
  node_role_arn          = aws_iam_role.nodes.arn
  subnet_ids             = var.network_subnet_ids
  instance_types         = [var.node_size]
  ami_type               = "AL2023_x86_64_STANDARD"
  version                = aws_eks_cluster.this.version
  tags                   = var.landform_tags

  launch_template {
    id      = aws_launch_template.this.id
    version = aws_launch_template.this.latest_version
  }

  scaling_config {
    desired_size = var.min_nodes
    min_size     = var.min_nodes
    max_size     = var.max_nodes
  }

  lifecycle {
    # Other nodes are there before the old ones go. Subnets that the network gains are for a new
    # group: taking them in would replace this one.
    create_before_destroy = true
    ignore_changes        = [tags["landform:operation"], subnet_ids]
  }

  depends_on = [aws_iam_role_policy_attachment.nodes]
}
