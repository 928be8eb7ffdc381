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
  description = "Id of the network that the machines live in."
  type        = string
  nullable    = false
}

variable "network_cidr" {
  description = "IPv4 range of the network."
  type        = string
  nullable    = false
}

variable "network_subnet_ids" {
  description = "Ids of the subnets that the machines are spread over."
  type        = list(string)
  nullable    = false

  validation {
    condition     = length(var.network_subnet_ids) > 0
    error_message = "The network has no subnet."
  }
}

variable "size" {
  description = "Machine type, as the cloud calls it."
  type        = string
  nullable    = false
}

variable "machine_count" {
  description = "How many machines the group has."
  type        = number
  nullable    = false

  validation {
    condition     = var.machine_count >= 1 && var.machine_count <= 20 && floor(var.machine_count) == var.machine_count
    error_message = "The number of machines must be a whole number from 1 to 20."
  }
}

variable "image" {
  description = "Image, as the cloud calls it."
  type        = string
  nullable    = false
}

variable "user_data" {
  description = "Start-up script of each machine, or null."
  type        = string
  sensitive   = true
}
