locals {
  # Names of instances are unique in the Google Cloud project, and stay taken for a week.
  suffix = substr(sha256(var.landform_tags["landform-stack"]), 0, 8)
  name   = "${var.landform_name}-${local.suffix}"
}

resource "google_sql_database_instance" "this" {
  name             = local.name
  region           = var.landform_region
  database_version = "${ { postgresql = "POSTGRES" }[var.engine]}_${var.engine_version}"
  # Whether a stack may be destroyed is Landform's to say.
  deletion_protection = false

  settings {
    tier              = var.size
    edition           = "ENTERPRISE"
    availability_type = var.high_availability ? "REGIONAL" : "ZONAL"
    disk_size         = var.storage_gb
    disk_type         = "PD_SSD"
    disk_autoresize   = false
    user_labels       = var.landform_tags

    # No address of its own, public or private: it is reached by an endpoint in the network.
    ip_configuration {
      ipv4_enabled = false
      ssl_mode     = "ENCRYPTED_ONLY"

      psc_config {
        psc_enabled               = true
        allowed_consumer_projects = [regex("^projects/([^/]+)/", var.network_id)[0]]
      }
    }

    backup_configuration {
      enabled                        = var.backup_days > 0
      point_in_time_recovery_enabled = var.backup_days > 0
      transaction_log_retention_days = max(1, min(var.backup_days, 7))

      backup_retention_settings {
        retained_backups = max(1, var.backup_days)
      }
    }

    final_backup_config {
      enabled        = var.final_snapshot
      retention_days = var.final_snapshot ? 30 : null
    }

    # Statements that took longer than a second are logged, and who came, went and waited.
    database_flags {
      name  = "log_checkpoints"
      value = "on"
    }

    database_flags {
      name  = "log_connections"
      value = "on"
    }

    database_flags {
      name  = "log_disconnections"
      value = "on"
    }

    database_flags {
      name  = "log_lock_waits"
      value = "on"
    }

    database_flags {
      name  = "log_min_duration_statement"
      value = "1000"
    }
  }

  lifecycle {
    # The label names the operation that created the resource; later ones must not touch it.
    ignore_changes = [settings[0].user_labels["landform-operation"]]
  }
}

resource "google_sql_database" "this" {
  name     = var.database_name
  instance = google_sql_database_instance.this.name
}

resource "google_sql_user" "this" {
  name     = var.username
  instance = google_sql_database_instance.this.name
  password = var.password
  # What it owns would keep it from being deleted; it goes with the instance.
  deletion_policy = "ABANDON"
}

# An address in the first subnet behind which the database is, and nothing else.
resource "google_compute_address" "this" {
  name         = "${local.name}-database"
  region       = var.landform_region
  address_type = "INTERNAL"
  subnetwork   = var.network_subnet_ids[0]
  labels       = var.landform_tags

  lifecycle {
    # Another number of subnets would move it.
    ignore_changes = [labels["landform-operation"], subnetwork]
  }
}

resource "google_compute_forwarding_rule" "this" {
  name                  = "${local.name}-database"
  region                = var.landform_region
  network               = var.network_id
  ip_address            = google_compute_address.this.id
  load_balancing_scheme = ""
  target                = google_sql_database_instance.this.psc_service_attachment_link
  labels                = var.landform_tags

  lifecycle {
    ignore_changes = [labels["landform-operation"]]
  }
}
