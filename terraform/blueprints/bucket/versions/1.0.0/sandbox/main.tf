locals {
  # Bucket names are unique in the whole cloud account, names of stacks only in their project.
  suffix = substr(sha256(var.landform_tags["landform:stack"]), 0, 8)
}

resource "sandbox_bucket" "this" {
  name              = "${var.landform_name}-${local.suffix}"
  region            = var.landform_region
  versioning        = var.versioning
  public            = var.public
  expire_after_days = var.expire_after_days
  tags              = var.landform_tags

  lifecycle {
    # The tag names the operation that created the resource; later ones must not touch it.
    ignore_changes = [tags["landform:operation"]]
  }
}
