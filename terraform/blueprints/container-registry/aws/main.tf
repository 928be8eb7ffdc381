locals {
  # Names of registries are unique in a region of the account, names of stacks only in their project.
  suffix = substr(sha256(var.landform_tags["landform:stack"]), 0, 8)
  name   = "${var.landform_name}-${local.suffix}"
}

# Not deleted while it holds images: that is a loss, as with a bucket.
resource "aws_ecr_repository" "this" {
  name                 = local.name
  image_tag_mutability = var.immutable_tags ? "IMMUTABLE" : "MUTABLE"
  tags                 = var.landform_tags

  image_scanning_configuration {
    scan_on_push = var.scan_on_push
  }

  encryption_configuration {
    encryption_type = "AES256"
  }

  lifecycle {
    # The tag names the operation that created the resource; later ones must not touch it.
    ignore_changes = [tags["landform:operation"]]
  }
}

resource "aws_ecr_lifecycle_policy" "this" {
  for_each = var.untagged_days == 0 ? toset([]) : toset(["untagged"])

  repository = aws_ecr_repository.this.name
  policy = jsonencode({
    rules = [{
      rulePriority = 1
      description  = "Images without a tag"
      selection = {
        tagStatus   = "untagged"
        countType   = "sinceImagePushed"
        countUnit   = "days"
        countNumber = var.untagged_days
      }
      action = { type = "expire" }
    }]
  })
}
