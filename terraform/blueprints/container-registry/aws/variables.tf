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

variable "immutable_tags" {
  description = "Whether a tag stays with its image."
  type        = bool
  nullable    = false
}

variable "scan_on_push" {
  description = "Whether each image is searched for known weaknesses."
  type        = bool
  nullable    = false
}

variable "untagged_days" {
  description = "Age in days at which images without a tag are deleted, or 0 to keep them."
  type        = number
  nullable    = false
}
