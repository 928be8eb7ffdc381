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

variable "versioning" {
  description = "Whether earlier versions of an object are kept."
  type        = bool
  nullable    = false
}

variable "public" {
  description = "Whether anybody may read the objects."
  type        = bool
  nullable    = false
}

variable "expire_after_days" {
  description = "Age in days at which objects are deleted, or null to keep them."
  type        = number

  validation {
    condition     = var.expire_after_days == null ? true : var.expire_after_days >= 1 && var.expire_after_days <= 3650
    error_message = "Objects expire after 1 to 3650 days."
  }
}
