# Nothing here is made, changed, labelled or destroyed: the network belongs to somebody else.

locals {
  network = regex("^projects/(?P<project>[^/]+)/global/networks/(?P<name>[^/]+)$", var.network_id)
  subnets = {
    for id in var.subnet_ids :
    id => regex("^projects/(?P<project>[^/]+)/regions/(?P<region>[^/]+)/subnetworks/(?P<name>[^/]+)$", id)
  }

  cidrs = [for id in var.subnet_ids : data.google_compute_subnetwork.this[id].ip_cidr_range]

  # The smallest range that holds them all, down to /8.
  ranges = [
    for length in range(32, 7, -1) : cidrsubnet("${cidrhost(local.cidrs[0], 0)}/${length}", 0, 0)
    if length(distinct([for cidr in local.cidrs : cidrsubnet("${cidrhost(cidr, 0)}/${length}", 0, 0)])) == 1
    && alltrue([for cidr in local.cidrs : tonumber(split("/", cidr)[1]) >= length])
  ]
}

data "google_compute_network" "this" {
  project = local.network.project
  name    = local.network.name
}

data "google_compute_subnetwork" "this" {
  for_each = local.subnets

  project = each.value.project
  region  = each.value.region
  name    = each.value.name

  lifecycle {
    postcondition {
      condition     = endswith(self.network, var.network_id)
      error_message = "The subnet ${each.key} is not in the network ${var.network_id}."
    }
  }
}
