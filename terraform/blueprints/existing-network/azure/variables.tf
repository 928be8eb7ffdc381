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
  description = "Id of the network that is read."
  type        = string
  nullable    = false
}

variable "subnet_ids" {
  description = "Ids of its subnets that may be used."
  type        = list(string)
  nullable    = false
}
