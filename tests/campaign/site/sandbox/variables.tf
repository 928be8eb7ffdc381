variable "landform_name" {
  description = "Name of the stack."
  type        = string
  nullable    = false
}

variable "landform_region" {
  description = "Region, as the cloud calls it."
  type        = string
  nullable    = false
}

variable "landform_zones" {
  description = "Zones of the region."
  type        = list(string)
  nullable    = false
}

variable "landform_tags" {
  description = "Tags that every resource carries."
  type        = map(string)
  nullable    = false
}

variable "machines" {
  description = "How many machines the site has."
  type        = number
  nullable    = false
}

variable "buckets" {
  description = "How many buckets the site has."
  type        = number
  nullable    = false
}

variable "size" {
  description = "Machine type, as the cloud calls it."
  type        = string
  nullable    = false
}

variable "image" {
  description = "Image, as the cloud calls it."
  type        = string
  nullable    = false
}
