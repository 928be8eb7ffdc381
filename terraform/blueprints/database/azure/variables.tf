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
  description = "Id of the network from which the database is reached."
  type        = string
  nullable    = false
}

variable "network_cidr" {
  description = "IPv4 range of the network."
  type        = string
  nullable    = false
}

variable "network_subnet_ids" {
  description = "Ids of the subnets that the database may live in."
  type        = list(string)
  nullable    = false

  validation {
    condition     = length(var.network_subnet_ids) > 1
    error_message = "A database on AWS needs a network with subnets in at least two zones."
  }
}

variable "engine" {
  description = "Kind of database."
  type        = string
  nullable    = false
}

variable "engine_version" {
  description = "Major version, as the cloud calls it."
  type        = string
  nullable    = false
}

variable "size" {
  description = "Database size, as the cloud calls it."
  type        = string
  nullable    = false
}

variable "storage_gb" {
  description = "Storage in GiB."
  type        = number
  nullable    = false
}

variable "high_availability" {
  description = "Whether a stand-by in another zone takes over."
  type        = bool
  nullable    = false
}

variable "backup_days" {
  description = "For how many days backups are kept."
  type        = number
  nullable    = false
}

variable "final_snapshot" {
  description = "Whether a last snapshot is kept at destruction."
  type        = bool
  nullable    = false
}

variable "database_name" {
  description = "Name of the first database."
  type        = string
  nullable    = false
}

variable "username" {
  description = "Name of the administrator."
  type        = string
  nullable    = false
}

variable "password" {
  description = "The administrator's password."
  type        = string
  nullable    = false
  sensitive   = true
}
