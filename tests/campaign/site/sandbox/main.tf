locals {
  zones    = { for index, zone in var.landform_zones : zone => index }
  machines = { for index in range(var.machines) : format("%02d", index + 1) => index }
  names    = { for index in range(var.buckets) : format("%02d", index + 1) => index }
  suffix   = substr(sha256(var.landform_tags["landform:stack"]), 0, 8)
}

resource "sandbox_network" "this" {
  name   = var.landform_name
  cidr   = "10.0.0.0/16"
  region = var.landform_region
  tags   = var.landform_tags

  lifecycle {
    ignore_changes = [tags["landform:operation"]]
  }
}

resource "sandbox_subnet" "this" {
  for_each = local.zones

  name       = "${var.landform_name}-${each.key}"
  network_id = sandbox_network.this.id
  cidr       = cidrsubnet("10.0.0.0/16", 4, each.value)
  zone       = each.key
  tags       = var.landform_tags

  lifecycle {
    ignore_changes = [tags["landform:operation"]]
  }
}

resource "sandbox_machine" "this" {
  for_each = local.machines

  name       = "${var.landform_name}-${each.key}"
  network_id = sandbox_network.this.id
  subnet_id  = values(sandbox_subnet.this)[each.value % length(var.landform_zones)].id
  size       = var.size
  image      = var.image
  region     = var.landform_region
  tags       = var.landform_tags

  lifecycle {
    ignore_changes = [tags["landform:operation"]]
  }
}

resource "sandbox_bucket" "this" {
  for_each = local.names

  name              = "${var.landform_name}-${local.suffix}-${each.key}"
  region            = var.landform_region
  versioning        = var.size != "sandbox.small"
  expire_after_days = 30
  tags              = var.landform_tags

  lifecycle {
    ignore_changes = [tags["landform:operation"]]
  }
}
