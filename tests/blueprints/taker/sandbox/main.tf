variable "whole" {
  type        = number
  description = "An integer."
}
variable "huge" {
  type        = number
  description = "A large number."
}
variable "real" {
  type        = number
  description = "A decimal."
}
variable "nothing" {
  type        = number
  description = "Null."
}
variable "secret" {
  type        = number
  description = "An integer."
  sensitive   = true
}
resource "terraform_data" "this" {
  input = {
    whole   = tostring(var.whole)
    huge    = tostring(var.huge)
    real    = tostring(var.real)
    nothing = var.nothing == null ? "null" : "a number"
    secret  = nonsensitive(tostring(var.secret)) == "12345678909876543210" ? "exact" : "rounded"
  }
}
output "texts" {
  value = terraform_data.this.output
}
output "whole" {
  value = var.whole
}
