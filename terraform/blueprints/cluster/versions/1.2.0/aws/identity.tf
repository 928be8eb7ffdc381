# Who the cluster, its nodes and its workloads are for AWS.

data "aws_iam_policy_document" "trust" {
  for_each = { cluster = "eks.amazonaws.com", nodes = "ec2.amazonaws.com" }

  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = [each.value]
    }
  }
}

resource "aws_iam_role" "cluster" {
  name               = "${local.name}-cluster"
  assume_role_policy = data.aws_iam_policy_document.trust["cluster"].json
  tags               = var.landform_tags

  lifecycle {
    ignore_changes = [tags["landform:operation"]]
  }
}

resource "aws_iam_role_policy_attachment" "cluster" {
  role       = aws_iam_role.cluster.name
  policy_arn = "arn:aws:iam::aws:policy/AmazonEKSClusterPolicy"
}

# The role has this policy and no others: what somebody adds is drift, and is taken out again.
resource "aws_iam_role_policies_exclusive" "cluster" {
  role_name    = aws_iam_role.cluster.name
  policy_names = []
}

resource "aws_iam_role_policy_attachments_exclusive" "cluster" {
  role_name   = aws_iam_role.cluster.name
  policy_arns = [aws_iam_role_policy_attachment.cluster.policy_arn]
}

resource "aws_iam_role" "nodes" {
  name               = "${local.name}-nodes"
  assume_role_policy = data.aws_iam_policy_document.trust["nodes"].json
  tags               = var.landform_tags

  lifecycle {
    ignore_changes = [tags["landform:operation"]]
  }
}

resource "aws_iam_role_policy_attachment" "nodes" {
  for_each = toset([
    "AmazonEKSWorkerNodePolicy",
    "AmazonEKS_CNI_Policy",
    "AmazonEC2ContainerRegistryReadOnly",
  ])

  role       = aws_iam_role.nodes.name
  policy_arn = "arn:aws:iam::aws:policy/${each.key}"
}

# The role has these policies and no others: what somebody adds is drift, and is taken out again.
resource "aws_iam_role_policies_exclusive" "nodes" {
  role_name    = aws_iam_role.nodes.name
  policy_names = []
}

resource "aws_iam_role_policy_attachments_exclusive" "nodes" {
  role_name   = aws_iam_role.nodes.name
  policy_arns = [for item in aws_iam_role_policy_attachment.nodes : item.policy_arn]
}

# Lets service accounts of the cluster assume roles whose trust policy names this issuer (IRSA).
resource "aws_iam_openid_connect_provider" "this" {
  url            = aws_eks_cluster.this.identity[0].oidc[0].issuer
  client_id_list = ["sts.amazonaws.com"]
  tags           = var.landform_tags

  lifecycle {
    ignore_changes = [tags["landform:operation"]]
  }
}
