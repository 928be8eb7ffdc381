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

variable "cidr" {
  description = "IPv4 range of the network."
  type        = string
  nullable    = false

  validation {
    condition     = can(cidrhost(var.cidr, 0)) && try(cidrsubnet(var.cidr, 0, 0) == var.cidr, false)
    error_message = "The address range must be an IPv4 network such as 10.0.0.0/16."
  }
}

variable "zones" {
  description = "In how many zones the network has a subnet."
  type        = number
  nullable    = false

  validation {
    condition     = var.zones >= 1 && var.zones <= 3 && floor(var.zones) == var.zones
    error_message = "The number of zones must be 1, 2 or 3."
  }
}

variable "internet_access" {
  description = "Whether machines in the network reach the internet."
  type        = bool
  nullable    = false
}
