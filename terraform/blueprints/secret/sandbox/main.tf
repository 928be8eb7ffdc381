locals {
  # Names of secrets are unique in a region of the account, names of stacks only in their project.
  suffix = substr(sha256(var.landform_tags["landform:stack"]), 0, 8)
  name   = "${var.landform_name}-${local.suffix}"
}

resource "sandbox_secret" "this" {
  name          = local.name
  region        = var.landform_region
  value         = var.value
  recovery_days = var.recovery_days
  tags          = var.landform_tags

  lifecycle {
    # The tag names the operation that created the resource; later ones must not touch it.
    ignore_changes = [tags["landform:operation"]]
  }
}
