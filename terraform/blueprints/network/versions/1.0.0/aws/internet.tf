# One gateway for all zones: machines reach the internet, and nobody reaches them from there.

resource "aws_internet_gateway" "this" {
  for_each = local.edge

  vpc_id = aws_vpc.this.id
  tags   = merge(var.landform_tags, { Name = var.landform_name })

  lifecycle {
    ignore_changes = [tags["landform:operation"]]
  }
}

resource "aws_subnet" "edge" {
  for_each = local.edge

  vpc_id            = aws_vpc.this.id
  cidr_block        = local.edge_cidr
  availability_zone = each.value
  tags              = merge(var.landform_tags, { Name = "${var.landform_name}-edge" })

  lifecycle {
    ignore_changes = [tags["landform:operation"]]
  }
}

resource "aws_route_table" "edge" {
  for_each = local.edge

  vpc_id = aws_vpc.this.id
  tags   = merge(var.landform_tags, { Name = "${var.landform_name}-edge" })

  lifecycle {
    ignore_changes = [tags["landform:operation"]]
  }
}

resource "aws_route_table_association" "edge" {
  for_each = local.edge

  subnet_id      = aws_subnet.edge[each.key].id
  route_table_id = aws_route_table.edge[each.key].id
}

resource "aws_route" "edge" {
  for_each = local.edge

  route_table_id         = aws_route_table.edge[each.key].id
  destination_cidr_block = "0.0.0.0/0"
  gateway_id             = aws_internet_gateway.this[each.key].id
}

resource "aws_eip" "this" {
  for_each = local.edge

  domain = "vpc"
  tags   = merge(var.landform_tags, { Name = var.landform_name })

  lifecycle {
    ignore_changes = [tags["landform:operation"]]
  }

  depends_on = [aws_internet_gateway.this]
}

resource "aws_nat_gateway" "this" {
  for_each = local.edge

  allocation_id = aws_eip.this[each.key].id
  subnet_id     = aws_subnet.edge[each.key].id
  tags          = merge(var.landform_tags, { Name = var.landform_name })

  lifecycle {
    ignore_changes = [tags["landform:operation"]]
  }

  depends_on = [aws_route.edge]
}

resource "aws_route" "this" {
  for_each = local.edge

  route_table_id         = aws_route_table.this.id
  destination_cidr_block = "0.0.0.0/0"
  nat_gateway_id         = aws_nat_gateway.this[each.key].id
}
