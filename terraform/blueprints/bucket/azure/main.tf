locals {
  # Names of storage accounts are unique in all of Azure, names of stacks only in their project. They
  # have up to 24 small letters and digits.
  suffix  = substr(sha256(var.landform_tags["landform:stack"]), 0, 8)
  account = "${substr(replace(var.landform_name, "-", ""), 0, 16)}${local.suffix}"
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

resource "azurerm_storage_account" "this" {
  name                     = local.account
  resource_group_name      = azurerm_resource_group.this.name
  location                 = var.landform_region
  account_kind             = "StorageV2"
  account_tier             = "Standard"
  account_replication_type = "ZRS"
  tags                     = var.landform_tags

  # Access is given by roles alone: no key of the account, no local user, no other tenant.
  shared_access_key_enabled        = false
  default_to_oauth_authentication  = true
  local_user_enabled               = false
  cross_tenant_replication_enabled = false
  allow_nested_items_to_be_public  = var.public
  https_traffic_only_enabled       = true
  min_tls_version                  = "TLS1_2"

  blob_properties {
    versioning_enabled = var.versioning

    # What is deleted by mistake can be had back for a week.
    delete_retention_policy {
      days = 7
    }

    container_delete_retention_policy {
      days = 7
    }
  }

  lifecycle {
    ignore_changes = [tags["landform:operation"]]
  }
}

resource "azurerm_storage_container" "this" {
  name                  = "objects"
  storage_account_id    = azurerm_storage_account.this.id
  container_access_type = var.public ? "blob" : "private"
}

# Always there, so that a rule that somebody adds, and that deletes objects, is taken out again.
resource "azurerm_storage_management_policy" "this" {
  storage_account_id = azurerm_storage_account.this.id

  rule {
    name    = "expiry"
    enabled = var.expire_after_days != null

    filters {
      blob_types = ["blockBlob"]
    }

    actions {
      base_blob {
        delete_after_days_since_modification_greater_than = coalesce(var.expire_after_days, 3650)
      }

      version {
        delete_after_days_since_creation = coalesce(var.expire_after_days, 3650)
      }
    }
  }
}
