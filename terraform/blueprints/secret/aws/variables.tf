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

variable "value" {
  description = "The secret text."
  type        = string
  sensitive   = true
  nullable    = false
}

variable "recovery_days" {
  description = "Days in which a destroyed secret can be had back."
  type        = number
  nullable    = false
}
