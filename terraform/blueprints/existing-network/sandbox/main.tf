# Nothing here is made, changed, tagged or destroyed: the network belongs to somebody else.

data "sandbox_network" "this" {
  id = var.network_id
}

data "sandbox_subnet" "this" {
  for_each = toset(var.subnet_ids)

  id = each.key

  lifecycle {
    postcondition {
      condition     = self.network_id == var.network_id
      error_message = "The subnet ${self.id} is not in the network ${var.network_id}."
    }
  }
}
