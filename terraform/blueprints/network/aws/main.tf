locals {
  zones = slice(var.landform_zones, 0, min(var.zones, length(var.landform_zones)))

  # Four more bits give sixteen equal ranges, so a zone can be added without moving the others.
  # The last range is for what stands between the network and the internet.
  subnet_cidrs = { for index, zone in local.zones : zone => cidrsubnet(var.cidr, 4, index) }
  edge_cidr    = cidrsubnet(var.cidr, 4, 15)

  # Present or not as a whole: a key that lasts, so that nothing else moves with it.
  edge = var.internet_access ? { edge = local.zones[0] } : {}

  # Roles and log groups are unique in the account, names of stacks only in their project.
  suffix = substr(sha256(var.landform_tags["landform:stack"]), 0, 8)
}

resource "aws_vpc" "this" {
  cidr_block           = var.cidr
  enable_dns_hostnames = true
  tags                 = merge(var.landform_tags, { Name = var.landform_name })

  lifecycle {
    # The tag names the operation that created the resource; later ones must not touch it.
    ignore_changes = [tags["landform:operation"]]

    precondition {
      condition     = var.zones <= length(var.landform_zones)
      error_message = "The region has fewer zones than were asked for."
    }
  }
}

# Without rules, and said so: what is in the network and belongs to no other group is reached by
# nobody, and a rule that somebody adds is taken out again.
resource "aws_default_security_group" "this" {
  vpc_id  = aws_vpc.this.id
  ingress = []
  egress  = []
  tags    = merge(var.landform_tags, { Name = "${var.landform_name}-default" })

  lifecycle {
    ignore_changes = [tags["landform:operation"]]
  }
}

resource "aws_subnet" "this" {
  for_each = local.subnet_cidrs

  vpc_id            = aws_vpc.this.id
  cidr_block        = each.value
  availability_zone = each.key
  tags              = merge(var.landform_tags, { Name = "${var.landform_name}-${each.key}" })

  lifecycle {
    ignore_changes = [tags["landform:operation"]]
  }
}

resource "aws_route_table" "this" {
  vpc_id = aws_vpc.this.id
  tags   = merge(var.landform_tags, { Name = var.landform_name })

  lifecycle {
    ignore_changes = [tags["landform:operation"]]
  }
}

resource "aws_route_table_association" "this" {
  # By the keys of the subnets, not by themselves: an import must know them before they exist.
  for_each = local.subnet_cidrs

  subnet_id      = aws_subnet.this[each.key].id
  route_table_id = aws_route_table.this.id
}
