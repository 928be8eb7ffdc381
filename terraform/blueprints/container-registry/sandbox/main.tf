locals {
  # Names of registries are unique in a region of the account, names of stacks only in their project.
  suffix = substr(sha256(var.landform_tags["landform:stack"]), 0, 8)
  name   = "${var.landform_name}-${local.suffix}"
}

resource "sandbox_container_registry" "this" {
  name           = local.name
  region         = var.landform_region
  immutable_tags = var.immutable_tags
  scan_on_push   = var.scan_on_push
  untagged_days  = var.untagged_days == 0 ? null : var.untagged_days
  tags           = var.landform_tags

  lifecycle {
    # The tag names the operation that created the resource; later ones must not touch it.
    ignore_changes = [tags["landform:operation"]]
  }
}
