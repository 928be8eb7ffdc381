locals {
  # Names of databases are unique in a region of the account, names of stacks only in their project.
  suffix = substr(sha256(var.landform_tags["landform:stack"]), 0, 8)
  name   = "${var.landform_name}-${local.suffix}"
}

resource "aws_db_subnet_group" "this" {
  name        = local.name
  description = "Subnets of the stack ${var.landform_name}"
  subnet_ids  = var.network_subnet_ids
  tags        = var.landform_tags

  lifecycle {
    # The tag names the operation that created the resource; later ones must not touch it.
    ignore_changes = [tags["landform:operation"]]
  }
}

# A group belongs to one major version; the next one must be there before the database moves to it.
resource "aws_db_parameter_group" "this" {
  name        = "${local.name}-pg${var.engine_version}"
  description = "PostgreSQL ${var.engine_version} of the stack ${var.landform_name}"
  family      = "postgres${var.engine_version}"
  tags        = var.landform_tags

  # Statements that took longer than a second are logged. Connections are encrypted without a
  # parameter: from PostgreSQL 15 on, RDS refuses others.
  parameter {
    name  = "log_min_duration_statement"
    value = "1000"
  }

  lifecycle {
    create_before_destroy = true
    ignore_changes        = [tags["landform:operation"]]
  }
}

resource "aws_db_instance" "this" {
  identifier = local.name
  # AWS calls it postgres, the neutral word is postgresql.
  engine                      = { postgresql = "postgres" }[var.engine]
  engine_version              = var.engine_version
  allow_major_version_upgrade = true
  instance_class              = var.size
  allocated_storage           = var.storage_gb
  storage_type                = "gp3"
  storage_encrypted           = true
  multi_az                    = var.high_availability
  db_name                     = var.database_name
  username                    = var.username
  password                    = var.password
  port                        = 5432
  parameter_group_name        = aws_db_parameter_group.this.name
  db_subnet_group_name        = aws_db_subnet_group.this.name
  vpc_security_group_ids      = [aws_security_group.this.id]
  publicly_accessible         = false
  backup_retention_period     = var.backup_days
  skip_final_snapshot         = !var.final_snapshot
  final_snapshot_identifier   = "${local.name}-final"
  copy_tags_to_snapshot       = true
  auto_minor_version_upgrade  = true
  # RDS writes to log groups of these names, and would make them without an end (logs.tf).
  enabled_cloudwatch_logs_exports = sort(local.logs)
  # What was asked for is there when the operation ends, not at the next maintenance window.
  apply_immediately = true
  tags              = var.landform_tags

  lifecycle {
    ignore_changes = [tags["landform:operation"]]
  }

  depends_on = [aws_cloudwatch_log_group.this]
}

# All its rules stand here, so that a rule that somebody adds is drift.
resource "aws_security_group" "this" {
  name        = "${local.name}-database"
  description = "Database of the stack ${var.landform_name}"
  vpc_id      = var.network_id
  tags        = merge(var.landform_tags, { Name = "${var.landform_name}-database" })

  ingress {
    description = "PostgreSQL from the network"
    from_port   = 5432
    to_port     = 5432
    protocol    = "tcp"
    cidr_blocks = [var.network_cidr]
  }

  egress = []

  lifecycle {
    ignore_changes = [tags["landform:operation"]]
  }
}
