# What the server logs, slow statements among it, and what an upgrade did, for a month.

locals {
  logs = toset(["postgresql", "upgrade"])
}

resource "aws_cloudwatch_log_group" "this" {
  for_each = local.logs

  name              = "/aws/rds/instance/${local.name}/${each.key}"
  retention_in_days = 30
  tags              = var.landform_tags

  lifecycle {
    ignore_changes = [tags["landform:operation"]]
  }
}
