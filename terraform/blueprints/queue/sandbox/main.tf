locals {
  # Names of queues are unique in a region of the account, names of stacks only in their project.
  suffix = substr(sha256(var.landform_tags["landform:stack"]), 0, 8)
  name   = "${var.landform_name}-${local.suffix}"
}

resource "sandbox_queue" "this" {
  name              = local.name
  region            = var.landform_region
  ordered           = var.ordered
  retention_seconds = var.retention_hours * 3600
  lock_seconds      = var.lock_seconds
  dead_letter_queue = one([for queue in sandbox_queue.dead : queue.name])
  max_receives      = var.max_receives == 0 ? null : var.max_receives
  tags              = var.landform_tags

  lifecycle {
    # The tag names the operation that created the resource; later ones must not touch it.
    ignore_changes = [tags["landform:operation"]]
  }
}

resource "sandbox_queue" "dead" {
  for_each = var.max_receives == 0 ? toset([]) : toset(["dead"])

  name              = "${local.name}-dead"
  region            = var.landform_region
  ordered           = var.ordered
  retention_seconds = 14 * 24 * 3600
  tags              = var.landform_tags

  lifecycle {
    ignore_changes = [tags["landform:operation"]]
  }
}
