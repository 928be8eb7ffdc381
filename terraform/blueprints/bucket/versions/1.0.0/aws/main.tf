locals {
  # Names of buckets are unique in all of AWS, names of stacks only in their project.
  suffix = substr(sha256(var.landform_tags["landform:stack"]), 0, 8)
}

resource "aws_s3_bucket" "this" {
  bucket = "${var.landform_name}-${local.suffix}"
  tags   = var.landform_tags

  lifecycle {
    # The tag names the operation that created the resource; later ones must not touch it.
    ignore_changes = [tags["landform:operation"]]
  }
}

# Access is given by policies alone, never object by object.
resource "aws_s3_bucket_ownership_controls" "this" {
  bucket = aws_s3_bucket.this.id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_public_access_block" "this" {
  bucket                  = aws_s3_bucket.this.id
  block_public_acls       = true
  ignore_public_acls      = true
  block_public_policy     = !var.public
  restrict_public_buckets = !var.public
}

resource "aws_s3_bucket_server_side_encryption_configuration" "this" {
  bucket = aws_s3_bucket.this.id

  rule {
    apply_server_side_encryption_by_default {
      sse_algorithm = "AES256"
    }
  }
}

resource "aws_s3_bucket_versioning" "this" {
  bucket = aws_s3_bucket.this.id

  versioning_configuration {
    # AWS cannot go back to "never had versions".
    status = var.versioning ? "Enabled" : "Suspended"
  }
}

# The provider watches a life cycle for most of a minute until it trusts AWS to have it everywhere,
# so a bucket has one only if it needs one.
resource "aws_s3_bucket_lifecycle_configuration" "this" {
  for_each = var.expire_after_days == null ? {} : { expiry = var.expire_after_days }

  bucket = aws_s3_bucket.this.id

  rule {
    id     = each.key
    status = "Enabled"
    filter {}

    expiration {
      days = each.value
    }

    noncurrent_version_expiration {
      noncurrent_days = each.value
    }
  }

  rule {
    id     = "abandoned-uploads"
    status = "Enabled"
    filter {}

    abort_incomplete_multipart_upload {
      days_after_initiation = 7
    }
  }

  depends_on = [aws_s3_bucket_versioning.this]
}

data "aws_iam_policy_document" "this" {
  statement {
    sid       = "OnlyEncryptedConnections"
    effect    = "Deny"
    actions   = ["s3:*"]
    resources = [aws_s3_bucket.this.arn, "${aws_s3_bucket.this.arn}/*"]

    principals {
      type        = "*"
      identifiers = ["*"]
    }

    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }

  dynamic "statement" {
    for_each = var.public ? ["read"] : []

    content {
      sid       = "AnybodyMayRead"
      effect    = "Allow"
      actions   = ["s3:GetObject"]
      resources = ["${aws_s3_bucket.this.arn}/*"]

      principals {
        type        = "*"
        identifiers = ["*"]
      }
    }
  }
}

resource "aws_s3_bucket_policy" "this" {
  bucket = aws_s3_bucket.this.id
  policy = data.aws_iam_policy_document.this.json

  # A public policy is refused until the block lets it pass.
  depends_on = [aws_s3_bucket_public_access_block.this]
}
