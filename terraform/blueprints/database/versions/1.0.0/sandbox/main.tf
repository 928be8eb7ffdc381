locals {
  # Database names are unique in the whole cloud account, names of stacks only in their project.
  suffix = substr(sha256(var.landform_tags["landform:stack"]), 0, 8)
}

resource "sandbox_database" "this" {
  name              = "${var.landform_name}-${local.suffix}"
  network_id        = var.network_id
  region            = var.landform_region
  engine            = var.engine
  engine_version    = var.engine_version
  size              = var.size
  storage_gb        = var.storage_gb
  high_availability = var.high_availability
  backup_days       = var.backup_days
  final_snapshot    = var.final_snapshot
  database_name     = var.database_name
  username          = var.username
  password          = var.password
  tags              = var.landform_tags

  lifecycle {
    # The tag names the operation that created the resource; later ones must not touch it.
    ignore_changes = [tags["landform:operation"]]
  }
}
