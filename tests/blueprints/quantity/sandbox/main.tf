variable "given" {
  type        = number
  description = "A number that comes back."
}
resource "terraform_data" "this" {
  input = { given = var.given, whole = 98765432109876543210 }
}
output "given" {
  value = terraform_data.this.output.given
}
output "whole" {
  value = terraform_data.this.output.whole
}
output "huge" {
  value = 1e400
}
output "real" {
  value = 0.12345678901234567890123456789
}
output "nothing" {
  value = null
}
output "secret" {
  value     = 12345678909876543210
  sensitive = true
}
