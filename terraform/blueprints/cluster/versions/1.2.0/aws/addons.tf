# What the cluster itself runs, at the versions that EKS holds to be right for its Kubernetes.

locals {
  disk_driver = "aws-ebs-csi-driver"
  addons      = var.managed_addons ? toset(["vpc-cni", "kube-proxy", "coredns", local.disk_driver]) : toset([])
  # By keys of their own, not by other resources: an import must know them before those exist.
  disks  = var.managed_addons ? toset(["disks"]) : toset([])
  issuer = trimprefix(aws_eks_cluster.this.identity[0].oidc[0].issuer, "https://")
}

data "aws_eks_addon_version" "this" {
  for_each = local.addons

  addon_name         = each.key
  kubernetes_version = var.kubernetes_version
}

resource "aws_eks_addon" "this" {
  for_each = local.addons

  cluster_name                = aws_eks_cluster.this.name
  addon_name                  = each.key
  addon_version               = data.aws_eks_addon_version.this[each.key].version
  service_account_role_arn    = each.key == local.disk_driver ? aws_iam_role.disks["disks"].arn : null
  resolve_conflicts_on_create = "OVERWRITE"
  resolve_conflicts_on_update = "PRESERVE"
  # Without them the cluster would have no network: what is no longer managed goes on running.
  preserve = true
  tags     = var.landform_tags

  lifecycle {
    ignore_changes = [tags["landform:operation"]]
  }

  # The name service and the driver are ready only once they run on a node.
  depends_on = [aws_eks_node_group.this, aws_iam_role_policy_attachment.disks]
}

# The driver's role is its own (IRSA): no other pod may make or attach disks.
data "aws_iam_policy_document" "disks_trust" {
  for_each = local.disks

  statement {
    actions = ["sts:AssumeRoleWithWebIdentity"]

    principals {
      type        = "Federated"
      identifiers = [aws_iam_openid_connect_provider.this.arn]
    }

    condition {
      test     = "StringEquals"
      variable = "${local.issuer}:sub"
      values   = ["system:serviceaccount:kube-system:ebs-csi-controller-sa"]
    }

    condition {
      test     = "StringEquals"
      variable = "${local.issuer}:aud"
      values   = ["sts.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "disks" {
  for_each = local.disks

  name               = "${local.name}-disks"
  assume_role_policy = data.aws_iam_policy_document.disks_trust[each.key].json
  tags               = var.landform_tags

  lifecycle {
    ignore_changes = [tags["landform:operation"]]
  }
}

resource "aws_iam_role_policy_attachment" "disks" {
  for_each = local.disks

  role       = aws_iam_role.disks[each.key].name
  policy_arn = "arn:aws:iam::aws:policy/service-role/AmazonEBSCSIDriverPolicy"
}

# The role has this policy and no others: what somebody adds is drift, and is taken out again.
resource "aws_iam_role_policies_exclusive" "disks" {
  for_each = local.disks

  role_name    = aws_iam_role.disks[each.key].name
  policy_names = []
}

resource "aws_iam_role_policy_attachments_exclusive" "disks" {
  for_each = local.disks

  role_name   = aws_iam_role.disks[each.key].name
  policy_arns = [aws_iam_role_policy_attachment.disks[each.key].policy_arn]
}
