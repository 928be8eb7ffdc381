locals {
  # Numbered from 01, so that a smaller group loses its last machines and keeps the others.
  machines = { for index in range(var.machine_count) : format("%02d", index + 1) => index }

  # The image is told as the account that publishes it and the pattern of its name.
  image = regex("^(?P<owner>[0-9]+)/(?P<name>.+)$", var.image)

  # Roles are unique in the account, names of stacks only in their project.
  suffix = substr(sha256(var.landform_tags["landform:stack"]), 0, 8)
}

data "aws_ami" "this" {
  owners      = [local.image.owner]
  most_recent = true
  # Else machines could not be looked after any more once their image has grown old.
  include_deprecated = true

  filter {
    name   = "name"
    values = [local.image.name]
  }
}

resource "aws_instance" "this" {
  for_each = local.machines

  ami                         = data.aws_ami.this.id
  instance_type               = var.size
  subnet_id                   = var.network_subnet_ids[each.value % length(var.network_subnet_ids)]
  vpc_security_group_ids      = [aws_security_group.this.id]
  iam_instance_profile        = aws_iam_instance_profile.this.name
  user_data                   = var.user_data
  user_data_replace_on_change = true
  tags                        = merge(var.landform_tags, { Name = "${var.landform_name}-${each.key}" })

  root_block_device {
    volume_size = 20
    volume_type = "gp3"
    encrypted   = true
  }

  # Without a session token, a machine that forwards requests would give its role away.
  metadata_options {
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
  }

  lifecycle {
    # The first tag names the operation that created the resource. A newer image and another number
    # of subnets are for new machines: they would replace those that are there.
    ignore_changes = [tags["landform:operation"], ami, subnet_id]
  }
}

# All its rules stand here, so that a rule that somebody adds is drift.
resource "aws_security_group" "this" {
  name        = "${var.landform_name}-${local.suffix}"
  description = "Machines of the stack ${var.landform_name}"
  vpc_id      = var.network_id
  tags        = merge(var.landform_tags, { Name = var.landform_name })

  ingress {
    description = "From the network"
    from_port   = 0
    to_port     = 0
    protocol    = "-1"
    cidr_blocks = [var.network_cidr]
  }

  egress {
    description = "To everywhere"
    from_port   = 0
    to_port     = 0
    protocol    = "-1"
    cidr_blocks = ["0.0.0.0/0"]
  }

  lifecycle {
    ignore_changes = [tags["landform:operation"]]
  }
}
