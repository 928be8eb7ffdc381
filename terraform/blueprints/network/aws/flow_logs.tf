# Who spoke with whom in the network, for a month.

resource "aws_cloudwatch_log_group" "flow_logs" {
  name              = "/landform/${var.landform_name}-${local.suffix}/flow-logs"
  retention_in_days = 30
  tags              = var.landform_tags

  lifecycle {
    ignore_changes = [tags["landform:operation"]]
  }
}

data "aws_iam_policy_document" "flow_logs_trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["vpc-flow-logs.amazonaws.com"]
    }
  }
}

data "aws_iam_policy_document" "flow_logs" {
  statement {
    actions   = ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"]
    resources = ["${aws_cloudwatch_log_group.flow_logs.arn}:*"]
  }
}

resource "aws_iam_role" "flow_logs" {
  name               = "${var.landform_name}-${local.suffix}-flow-logs"
  assume_role_policy = data.aws_iam_policy_document.flow_logs_trust.json
  tags               = var.landform_tags

  lifecycle {
    ignore_changes = [tags["landform:operation"]]
  }
}

resource "aws_iam_role_policy" "flow_logs" {
  name   = "write-flow-logs"
  role   = aws_iam_role.flow_logs.id
  policy = data.aws_iam_policy_document.flow_logs.json
}

# The role has these policies and no others: what somebody adds is drift, and is taken out again.
resource "aws_iam_role_policies_exclusive" "flow_logs" {
  role_name    = aws_iam_role.flow_logs.name
  policy_names = [aws_iam_role_policy.flow_logs.name]
}

resource "aws_iam_role_policy_attachments_exclusive" "flow_logs" {
  role_name   = aws_iam_role.flow_logs.name
  policy_arns = []
}

resource "aws_flow_log" "this" {
  vpc_id          = aws_vpc.this.id
  traffic_type    = "ALL"
  log_destination = aws_cloudwatch_log_group.flow_logs.arn
  iam_role_arn    = aws_iam_role.flow_logs.arn
  tags            = var.landform_tags

  lifecycle {
    ignore_changes = [tags["landform:operation"]]
  }

  depends_on = [aws_iam_role_policy.flow_logs]
}
