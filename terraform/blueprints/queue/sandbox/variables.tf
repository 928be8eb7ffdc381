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

variable "ordered" {
  description = "Whether messages arrive in order, each once."
  type        = bool
  nullable    = false
}

variable "retention_hours" {
  description = "How long a message waits."
  type        = number
  nullable    = false
}

variable "lock_seconds" {
  description = "How long a received message is hidden from others."
  type        = number
  nullable    = false
}

variable "max_receives" {
  description = "Receipts after which a message goes to the second queue, or 0 for none."
  type        = number
  nullable    = false
}
