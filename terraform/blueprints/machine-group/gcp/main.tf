locals {
  # Numbered from 01, so that a smaller group loses its last machines and keeps the others.
  machines = { for index in range(var.machine_count) : format("%02d", index + 1) => index }

  # Names are unique in the Google Cloud project, names of stacks only in their project.
  suffix = substr(sha256(var.landform_tags["landform-stack"]), 0, 8)
  name   = "${var.landform_name}-${local.suffix}"
}

# Who the machines are for Google Cloud. They may do nothing: nobody gives this account a role.
resource "google_service_account" "this" {
  account_id   = "landform-${local.suffix}"
  display_name = "Machines of the stack ${var.landform_name}"
  description  = "landform-stack=${var.landform_tags["landform-stack"]}"
}

resource "google_compute_instance" "this" {
  for_each = local.machines

  name                      = "${local.name}-${each.key}"
  machine_type              = var.size
  zone                      = var.landform_zones[each.value % length(var.network_subnet_ids) % length(var.landform_zones)]
  metadata_startup_script   = var.user_data
  allow_stopping_for_update = true
  labels                    = var.landform_tags

  # No address of its own: nobody reaches it from the internet.
  network_interface {
    subnetwork = var.network_subnet_ids[each.value % length(var.network_subnet_ids)]
  }

  boot_disk {
    initialize_params {
      image  = var.image
      size   = 20
      type   = "pd-balanced"
      labels = var.landform_tags
    }
  }

  service_account {
    email  = google_service_account.this.email
    scopes = ["cloud-platform"]
  }

  shielded_instance_config {
    enable_secure_boot          = true
    enable_vtpm                 = true
    enable_integrity_monitoring = true
  }

  # People sign in by their roles in Google Cloud, not by keys that lie about in the project.
  metadata = {
    enable-oslogin         = "TRUE"
    block-project-ssh-keys = "TRUE"
  }

  lifecycle {
    # The first label names the operation that created the resource. A newer image and another number
    # of subnets are for new machines: they would replace those that are there.
    ignore_changes = [labels["landform-operation"], boot_disk[0].initialize_params, network_interface[0].subnetwork, zone]
  }
}

# All that is let in; what leaves is free.
resource "google_compute_firewall" "network" {
  name                    = local.name
  description             = "landform-stack=${var.landform_tags["landform-stack"]}"
  network                 = var.network_id
  direction               = "INGRESS"
  source_ranges           = [var.network_cidr]
  target_service_accounts = [google_service_account.this.email]

  allow {
    protocol = "all"
  }
}

# How people sign in, if their roles let them: Google's own relay, and nobody from the internet.
resource "google_compute_firewall" "relay" {
  name                    = "${local.name}-relay"
  description             = "landform-stack=${var.landform_tags["landform-stack"]}"
  network                 = var.network_id
  direction               = "INGRESS"
  source_ranges           = ["35.235.240.0/20"]
  target_service_accounts = [google_service_account.this.email]

  allow {
    protocol = "tcp"
    ports    = ["22"]
  }

  log_config {
    metadata = "INCLUDE_ALL_METADATA"
  }
}
