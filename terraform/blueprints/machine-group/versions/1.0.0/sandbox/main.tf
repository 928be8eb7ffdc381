locals {
  # Numbered from 01, so that a smaller group loses its last machines and keeps the others.
  machines = { for index in range(var.machine_count) : format("%02d", index + 1) => index }
}

resource "sandbox_machine" "this" {
  for_each = local.machines

  name       = "${var.landform_name}-${each.key}"
  network_id = var.network_id
  subnet_id  = var.network_subnet_ids[each.value % length(var.network_subnet_ids)]
  size       = var.size
  image      = var.image
  region     = var.landform_region
  user_data  = var.user_data
  tags       = var.landform_tags

  lifecycle {
    # The tag names the operation that created the resource. A machine stays in its first subnet
    # when the network gains one: moving it would replace it.
    ignore_changes = [tags["landform:operation"], subnet_id]
  }
}
