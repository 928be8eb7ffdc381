# Who the machines are for AWS. They may do nothing but be reached by Session Manager: no key, no open port.

data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["ec2.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "this" {
  name               = "${var.landform_name}-${local.suffix}-machines"
  assume_role_policy = data.aws_iam_policy_document.trust.json
  tags               = var.landform_tags

  lifecycle {
    ignore_changes = [tags["landform:operation"]]
  }
}

resource "aws_iam_role_policy_attachment" "sessions" {
  role       = aws_iam_role.this.name
  policy_arn = "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"
}

# The role has this policy and no others: what somebody adds is drift, and is taken out again.
resource "aws_iam_role_policies_exclusive" "this" {
  role_name    = aws_iam_role.this.name
  policy_names = []
}

resource "aws_iam_role_policy_attachments_exclusive" "this" {
  role_name   = aws_iam_role.this.name
  policy_arns = [aws_iam_role_policy_attachment.sessions.policy_arn]
}

resource "aws_iam_instance_profile" "this" {
  name = aws_iam_role.this.name
  role = aws_iam_role.this.name
  tags = var.landform_tags

  lifecycle {
    ignore_changes = [tags["landform:operation"]]
  }
}
