variable "landform_name" {
  description = "Name of the stack; the start of every resource's name."
  type        = string
  nullable    = false
}

variable "landform_region" {
  description = "Region, as the cloud calls it."
  type        = string
  nullable    = false
}

variable "landform_zones" {
  description = "Zones of the region, as the cloud calls them."
  type        = list(string)
  nullable    = false
}

variable "landform_tags" {
  description = "Tags that every resource carries."
  type        = map(string)
  nullable    = false
}

variable "network_id" {
  description = "Id of the network that the cluster lives in."
  type        = string
  nullable    = false
}

variable "network_subnet_ids" {
  description = "Ids of the subnets that the nodes are spread over."
  type        = list(string)
  nullable    = false

  validation {
    condition     = length(var.network_subnet_ids) > 0
    error_message = "The network has no subnet."
  }
}

variable "kubernetes_version" {
  description = "Minor version of Kubernetes, as the cloud calls it."
  type        = string
  nullable    = false
}

variable "node_size" {
  description = "Machine type of the nodes, as the cloud calls it."
  type        = string
  nullable    = false
}

variable "min_nodes" {
  description = "Fewest nodes."
  type        = number
  nullable    = false
}

variable "max_nodes" {
  description = "Most nodes."
  type        = number
  nullable    = false

  validation {
    condition     = var.max_nodes >= var.min_nodes
    error_message = "The most nodes (max_nodes) must not be less than the fewest (min_nodes)."
  }
}

variable "node_disk_gb" {
  description = "Disk of each node in GiB."
  type        = number
  nullable    = false
}

variable "public_endpoint" {
  description = "Whether the API is reached from outside the network."
  type        = bool
  nullable    = false
}

variable "endpoint_ranges" {
  description = "IPv4 networks from which a public endpoint is reached; empty for all."
  type        = list(string)
  nullable    = false
}

variable "managed_addons" {
  description = "Whether the cloud keeps what the cluster itself runs at suitable versions."
  type        = bool
  nullable    = false
}
