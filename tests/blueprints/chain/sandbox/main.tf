variable "note" {
  type        = string
  description = "Note."
}
resource "terraform_data" "link0" {
  input = var.note
  provisioner "local-exec" {
    command = "sleep 0.6"
  }
}
resource "terraform_data" "link1" {
  input = terraform_data.link0.output
  provisioner "local-exec" {
    command = "sleep 0.6"
  }
}
resource "terraform_data" "link2" {
  input = terraform_data.link1.output
  provisioner "local-exec" {
    command = "sleep 0.6"
  }
}
resource "terraform_data" "link3" {
  input = terraform_data.link2.output
  provisioner "local-exec" {
    command = "sleep 0.6"
  }
}
resource "terraform_data" "link4" {
  input = terraform_data.link3.output
  provisioner "local-exec" {
    command = "sleep 0.6"
  }
}
resource "terraform_data" "link5" {
  input = terraform_data.link4.output
  provisioner "local-exec" {
    command = "sleep 0.6"
  }
}
resource "terraform_data" "link6" {
  input = terraform_data.link5.output
  provisioner "local-exec" {
    command = "sleep 0.6"
  }
}
resource "terraform_data" "link7" {
  input = terraform_data.link6.output
  provisioner "local-exec" {
    command = "sleep 0.6"
  }
}
output "last" {
  value = terraform_data.link7.output
}
