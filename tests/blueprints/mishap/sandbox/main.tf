variable "how" {
  type        = string
  description = "What happens."
}
locals {
  long = join("", [for number in range(100) : "0123456789abcd"])
  commands = {
    controls = "printf 'a\\0b \\033[31mred\\033[0m \\377 end\\n'"
    torrent  = "yes water | head -n 25000; echo the last words >&2; exit 3"
  }
}
resource "terraform_data" "this" {
  input = var.how
  provisioner "local-exec" {
    command = lookup(local.commands, var.how, "true")
  }
  lifecycle {
    precondition {
      condition     = var.how != "flood"
      error_message = "The well is flooded. ${join("", [for number in range(1000) : local.long])}"
    }
  }
}
check "well" {
  assert {
    condition     = var.how != "check"
    error_message = "The well is dry; ask the gardener."
  }
}
output "done" {
  value = terraform_data.this.output
}
