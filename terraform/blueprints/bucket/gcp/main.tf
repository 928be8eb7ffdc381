locals {
  # Names of buckets are unique in all of Google Cloud, names of stacks only in their project.
  suffix = substr(sha256(var.landform_tags["landform-stack"]), 0, 8)
}

resource "google_storage_bucket" "this" {
  name     = "${var.landform_name}-${local.suffix}"
  location = var.landform_region
  labels   = var.landform_tags

  # Access is given to the bucket as a whole, never object by object, and to nobody unless asked.
  uniform_bucket_level_access = true
  public_access_prevention    = var.public ? "inherited" : "enforced"

  versioning {
    enabled = var.versioning
  }

  dynamic "lifecycle_rule" {
    for_each = var.expire_after_days == null ? [] : [var.expire_after_days]

    content {
      action {
        type = "Delete"
      }

      condition {
        age        = lifecycle_rule.value
        with_state = "ANY"
      }
    }
  }

  # Always there, so that a rule that somebody adds, and that deletes objects, is taken out again.
  lifecycle_rule {
    action {
      type = "AbortIncompleteMultipartUpload"
    }

    condition {
      age = 7
    }
  }

  # What is deleted by mistake can be had back for a week.
  soft_delete_policy {
    retention_duration_seconds = 604800
  }

  lifecycle {
    # The label names the operation that created the resource; later ones must not touch it.
    ignore_changes = [labels["landform-operation"]]
  }
}

# Reads objects, and does not list them.
resource "google_storage_bucket_iam_member" "public" {
  for_each = toset(var.public ? ["read"] : [])

  bucket = google_storage_bucket.this.name
  role   = "roles/storage.legacyObjectReader"
  member = "allUsers"
}
