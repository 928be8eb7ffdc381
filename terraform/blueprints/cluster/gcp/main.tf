locals {
  # Names of clusters are unique in the Google Cloud project, names of stacks only in their project.
  suffix = substr(sha256(var.landform_tags["landform-stack"]), 0, 8)
  # A cluster's name has up to 40 characters.
  name = "${trimsuffix(substr(var.landform_name, 0, 31), "-")}-${local.suffix}"

  zones = slice(var.landform_zones, 0, min(length(var.network_subnet_ids), length(var.landform_zones)))
}

# Who the nodes are for Google Cloud. Nobody gives this account a role: see docs/gcp.md.
resource "google_service_account" "this" {
  account_id   = "landform-${local.suffix}"
  display_name = "Nodes of the stack ${var.landform_name}"
  description  = "landform-stack=${var.landform_tags["landform-stack"]}"
}

resource "google_container_cluster" "this" {
  name               = local.name
  location           = var.landform_region
  node_locations     = local.zones
  network            = var.network_id
  subnetwork         = var.network_subnet_ids[0]
  min_master_version = var.kubernetes_version
  datapath_provider  = "ADVANCED_DATAPATH"
  resource_labels    = var.landform_tags
  # Whether a stack may be destroyed is Landform's to say.
  deletion_protection = false

  # Its first pool makes way for one that can be changed by itself.
  remove_default_node_pool = true
  initial_node_count       = 1

  node_config {
    service_account = google_service_account.this.email
  }

  # Versions move when they are asked to.
  release_channel {
    channel = "UNSPECIFIED"
  }

  ip_allocation_policy {}

  private_cluster_config {
    enable_private_nodes    = true
    enable_private_endpoint = !var.public_endpoint
  }

  master_authorized_networks_config {
    gcp_public_cidrs_access_enabled = false

    dynamic "cidr_blocks" {
      for_each = var.public_endpoint ? coalescelist(var.endpoint_ranges, ["0.0.0.0/0"]) : []

      content {
        cidr_block = cidr_blocks.value
      }
    }
  }

  # No certificate that lasts for years, and no password.
  master_auth {
    client_certificate_config {
      issue_client_certificate = false
    }
  }

  workload_identity_config {
    workload_pool = "${google_service_account.this.project}.svc.id.goog"
  }

  logging_config {
    enable_components = ["SYSTEM_COMPONENTS", "WORKLOADS", "APISERVER", "CONTROLLER_MANAGER", "SCHEDULER"]
  }

  lifecycle {
    # The first label names the operation that created the resource. The first pool is gone.
    ignore_changes = [resource_labels["landform-operation"], node_config, initial_node_count, subnetwork]
  }
}

resource "google_container_node_pool" "this" {
  name               = "nodes"
  cluster            = google_container_cluster.this.name
  location           = var.landform_region
  version            = google_container_cluster.this.master_version
  initial_node_count = ceil(var.min_nodes / length(local.zones))

  # Of all zones together. The cluster grows and shrinks by itself between the two.
  autoscaling {
    total_min_node_count = var.min_nodes
    total_max_node_count = var.max_nodes
    location_policy      = "BALANCED"
  }

  management {
    auto_repair  = true
    auto_upgrade = false
  }

  upgrade_settings {
    max_surge       = 1
    max_unavailable = 0
  }

  node_config {
    machine_type    = var.node_size
    disk_size_gb    = var.node_disk_gb
    disk_type       = "pd-balanced"
    image_type      = "COS_CONTAINERD"
    service_account = google_service_account.this.email
    oauth_scopes    = ["https://www.googleapis.com/auth/cloud-platform"]
    resource_labels = var.landform_tags

    shielded_instance_config {
      enable_secure_boot          = true
      enable_integrity_monitoring = true
    }

    # Pods have identities of their own, never that of their node.
    workload_metadata_config {
      mode = "GKE_METADATA"
    }
  }

  lifecycle {
    ignore_changes = [node_config[0].resource_labels["landform-operation"], initial_node_count, node_count]
  }
}
