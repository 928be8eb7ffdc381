# For programs on AWS: what they need to connect, without asking Landform.

resource "aws_secretsmanager_secret" "this" {
  # A prefix, since a deleted secret keeps its name for a week.
  name_prefix             = "landform/${local.name}-"
  description             = "How to connect to the database of the stack ${var.landform_name}"
  recovery_window_in_days = 7
  tags                    = var.landform_tags

  lifecycle {
    ignore_changes = [tags["landform:operation"]]
  }
}

resource "aws_secretsmanager_secret_version" "this" {
  secret_id = aws_secretsmanager_secret.this.id
  secret_string = jsonencode({
    engine   = "postgres"
    host     = aws_db_instance.this.address
    port     = aws_db_instance.this.port
    dbname   = aws_db_instance.this.db_name
    username = aws_db_instance.this.username
    password = var.password
  })
}
