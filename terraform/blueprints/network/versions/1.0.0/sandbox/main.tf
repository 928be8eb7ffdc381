locals {
  # Four more bits give sixteen equal ranges, so a zone can be added without moving the others.
  subnet_cidrs = {
    for index, zone in slice(var.landform_zones, 0, min(var.zones, length(var.landform_zones))) :
    zone => cidrsubnet(var.cidr, 4, index)
  }
}

resource "sandbox_network" "this" {
  name            = var.landform_name
  cidr            = var.cidr
  region          = var.landform_region
  internet_access = var.internet_access
  tags            = var.landform_tags

  lifecycle {
    # The tag names the operation that created the resource; later ones must not touch it.
    ignore_changes = [tags["landform:operation"]]

    precondition {
      condition     = var.zones <= length(var.landform_zones)
      error_message = "The region has fewer zones than were asked for."
    }
  }
}

resource "sandbox_subnet" "this" {
  for_each = local.subnet_cidrs

  name       = "${var.landform_name}-${each.key}"
  network_id = sandbox_network.this.id
  cidr       = each.value
  zone       = each.key
  public     = var.internet_access
  tags       = var.landform_tags

  lifecycle {
    ignore_changes = [tags["landform:operation"]]
  }
}
