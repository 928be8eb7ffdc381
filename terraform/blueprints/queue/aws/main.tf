locals {
  # Names of queues are unique in a region of the account, names of stacks only in their project.
  suffix = substr(sha256(var.landform_tags["landform:stack"]), 0, 8)
  name   = "${var.landform_name}-${local.suffix}"
}

resource "aws_sqs_queue" "this" {
  # AWS wants this end of the name, and no other queue may have it.
  name                        = var.ordered ? "${local.name}.fifo" : local.name
  fifo_queue                  = var.ordered
  content_based_deduplication = var.ordered
  message_retention_seconds   = var.retention_hours * 3600
  visibility_timeout_seconds  = var.lock_seconds
  sqs_managed_sse_enabled     = true
  tags                        = var.landform_tags

  lifecycle {
    # The tag names the operation that created the resource; later ones must not touch it.
    ignore_changes = [tags["landform:operation"]]
  }
}

# For as long as AWS keeps anything: somebody has to look at it.
resource "aws_sqs_queue" "dead" {
  for_each = var.max_receives == 0 ? toset([]) : toset(["dead"])

  name                      = var.ordered ? "${local.name}-dead.fifo" : "${local.name}-dead"
  fifo_queue                = var.ordered
  message_retention_seconds = 14 * 24 * 3600
  sqs_managed_sse_enabled   = true
  tags                      = var.landform_tags

  lifecycle {
    ignore_changes = [tags["landform:operation"]]
  }
}

resource "aws_sqs_queue_redrive_policy" "this" {
  for_each = var.max_receives == 0 ? toset([]) : toset(["dead"])

  queue_url = aws_sqs_queue.this.url
  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead[each.key].arn
    maxReceiveCount     = var.max_receives
  })
}

data "aws_iam_policy_document" "this" {
  statement {
    sid       = "OnlyEncryptedConnections"
    effect    = "Deny"
    actions   = ["sqs:*"]
    resources = [aws_sqs_queue.this.arn]

    principals {
      type        = "*"
      identifiers = ["*"]
    }

    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }
}

# Owned as a whole, so that a statement that somebody adds is drift.
resource "aws_sqs_queue_policy" "this" {
  queue_url = aws_sqs_queue.this.url
  policy    = data.aws_iam_policy_document.this.json

  # Both set attributes of the queue: one after the other, so that neither overwrites the other's.
  depends_on = [aws_sqs_queue_redrive_policy.this]
}
