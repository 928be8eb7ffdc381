locals {
  # Numbered from 01, so that a smaller group loses its last machines and keeps the others.
  machines = { for index in range(var.machine_count) : format("%02d", index + 1) => index }

  # The image is told as its publisher, offer and stock-keeping unit.
  image = regex("^(?P<publisher>[^/]+)/(?P<offer>[^/]+)/(?P<sku>[^/]+)$", var.image)

  # Resource groups are unique in the subscription, names of stacks only in their project.
  suffix = substr(sha256(var.landform_tags["landform:stack"]), 0, 8)

  # Azure makes no machine without a key. Nobody holds the private half of this one: the public half
  # is a digest. People come in by their roles in Azure instead, see docs/azure.md.
  public_key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA${substr(base64sha256(var.landform_tags["landform:stack"]), 0, 42)}"
}

resource "azurerm_resource_group" "this" {
  name     = "${var.landform_name}-${local.suffix}"
  location = var.landform_region
  tags     = var.landform_tags

  lifecycle {
    # The tag names the operation that created the resource; later ones must not touch it.
    ignore_changes = [tags["landform:operation"]]
  }
}

# All its rules stand here, so that a rule that somebody adds is drift.
resource "azurerm_network_security_group" "this" {
  name                = var.landform_name
  resource_group_name = azurerm_resource_group.this.name
  location            = var.landform_region
  tags                = var.landform_tags

  security_rule {
    name                       = "from-the-network"
    priority                   = 100
    direction                  = "Inbound"
    access                     = "Allow"
    protocol                   = "*"
    source_address_prefix      = var.network_cidr
    source_port_range          = "*"
    destination_address_prefix = "*"
    destination_port_range     = "*"
  }

  # Azure's own rules would let in what other networks that are peered with this one send.
  security_rule {
    name                       = "nothing-else"
    priority                   = 4096
    direction                  = "Inbound"
    access                     = "Deny"
    protocol                   = "*"
    source_address_prefix      = "*"
    source_port_range          = "*"
    destination_address_prefix = "*"
    destination_port_range     = "*"
  }

  lifecycle {
    ignore_changes = [tags["landform:operation"]]
  }
}

resource "azurerm_network_interface" "this" {
  for_each = local.machines

  name                = "${var.landform_name}-${each.key}"
  resource_group_name = azurerm_resource_group.this.name
  location            = var.landform_region
  tags                = var.landform_tags

  # No public address: nobody reaches it from the internet.
  ip_configuration {
    name                          = "private"
    subnet_id                     = var.network_subnet_ids[each.value % length(var.network_subnet_ids)]
    private_ip_address_allocation = "Dynamic"
  }

  lifecycle {
    # Another number of subnets is for new machines: it would move those that are there.
    ignore_changes = [tags["landform:operation"], ip_configuration[0].subnet_id]
  }
}

resource "azurerm_network_interface_security_group_association" "this" {
  for_each = local.machines

  network_interface_id      = azurerm_network_interface.this[each.key].id
  network_security_group_id = azurerm_network_security_group.this.id
}

resource "azurerm_linux_virtual_machine" "this" {
  for_each = local.machines

  name                            = "${var.landform_name}-${each.key}"
  resource_group_name             = azurerm_resource_group.this.name
  location                        = var.landform_region
  zone                            = var.landform_zones[each.value % length(var.network_subnet_ids) % length(var.landform_zones)]
  size                            = var.size
  network_interface_ids           = [azurerm_network_interface.this[each.key].id]
  admin_username                  = "landform"
  disable_password_authentication = true
  custom_data                     = var.user_data == null ? null : base64encode(var.user_data)
  tags                            = var.landform_tags

  admin_ssh_key {
    username   = "landform"
    public_key = local.public_key
  }

  os_disk {
    caching              = "ReadWrite"
    storage_account_type = "StandardSSD_LRS"
    disk_size_gb         = 30
  }

  source_image_reference {
    publisher = local.image.publisher
    offer     = local.image.offer
    sku       = local.image.sku
    version   = "latest"
  }

  # What the machine is called by Azure when roles let people sign in.
  identity {
    type = "SystemAssigned"
  }

  lifecycle {
    # Another number of subnets is for new machines: it would replace those that are there.
    ignore_changes = [tags["landform:operation"], zone]
  }

  # Nothing may reach a machine before its rules are there.
  depends_on = [azurerm_network_interface_security_group_association.this]
}
