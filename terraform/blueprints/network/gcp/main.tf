locals {
  zones = slice(var.landform_zones, 0, min(var.zones, length(var.landform_zones)))

  # Four more bits give sixteen equal ranges, so a zone can be added without moving the others.
  # A subnet spans its whole region here; there is one for each zone all the same, so that what is
  # spread over the subnets is spread over the zones.
  subnet_cidrs = { for index, zone in local.zones : zone => cidrsubnet(var.cidr, 4, index) }

  # Networks are unique in the Google Cloud project, names of stacks only in their project.
  suffix = substr(sha256(var.landform_tags["landform-stack"]), 0, 8)
  name   = "${var.landform_name}-${local.suffix}"

  # Present or not as a whole: a key that lasts, so that nothing else moves with it.
  edge = toset(var.internet_access ? ["edge"] : [])
}

# Nobody is let in where no rule says so.
resource "google_compute_network" "this" {
  name                    = local.name
  description             = "landform-stack=${var.landform_tags["landform-stack"]}"
  auto_create_subnetworks = false
  routing_mode            = "REGIONAL"

  lifecycle {
    precondition {
      condition     = var.zones <= length(var.landform_zones)
      error_message = "The region has fewer zones than were asked for."
    }
  }
}

resource "google_compute_subnetwork" "this" {
  for_each = local.subnet_cidrs

  name                     = "${local.name}-${trimprefix(each.key, "${var.landform_region}-")}"
  description              = "landform-stack=${var.landform_tags["landform-stack"]}"
  network                  = google_compute_network.this.id
  ip_cidr_range            = each.value
  region                   = var.landform_region
  private_ip_google_access = true

  # Who spoke with whom in the network.
  log_config {
    aggregation_interval = "INTERVAL_10_MIN"
    flow_sampling        = 0.5
    metadata             = "INCLUDE_ALL_METADATA"
  }
}

# Machines reach the internet, and nobody reaches them from there.
resource "google_compute_router" "this" {
  for_each = local.edge

  name        = local.name
  description = "landform-stack=${var.landform_tags["landform-stack"]}"
  network     = google_compute_network.this.id
  region      = var.landform_region
}

resource "google_compute_router_nat" "this" {
  for_each = local.edge

  name                               = local.name
  router                             = google_compute_router.this[each.key].name
  region                             = var.landform_region
  nat_ip_allocate_option             = "AUTO_ONLY"
  source_subnetwork_ip_ranges_to_nat = "ALL_SUBNETWORKS_ALL_IP_RANGES"

  log_config {
    enable = true
    filter = "ERRORS_ONLY"
  }
}
