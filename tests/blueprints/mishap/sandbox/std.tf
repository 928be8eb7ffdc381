variable "landform_name" {
  type        = string
  description = "Name."
}
variable "landform_region" {
  type        = string
  description = "Region."
}
variable "landform_zones" {
  type        = list(string)
  description = "Zones."
}
variable "landform_tags" {
  type        = map(string)
  description = "Tags."
}
