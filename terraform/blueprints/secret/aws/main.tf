locals {
  # Names of secrets are unique in a region of the account, names of stacks only in their project.
  suffix = substr(sha256(var.landform_tags["landform:stack"]), 0, 8)
  name   = "${var.landform_name}-${local.suffix}"
}

resource "aws_secretsmanager_secret" "this" {
  # The path is what the policy of docs/aws-policies allows.
  name                    = "landform/${local.name}"
  description             = "Secret of the stack ${var.landform_name}"
  recovery_window_in_days = var.recovery_days
  tags                    = var.landform_tags

  lifecycle {
    # The tag names the operation that created the resource; later ones must not touch it.
    ignore_changes = [tags["landform:operation"]]
  }
}

resource "aws_secretsmanager_secret_version" "this" {
  secret_id     = aws_secretsmanager_secret.this.id
  secret_string = var.value
}
