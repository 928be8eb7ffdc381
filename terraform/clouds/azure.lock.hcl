# Which package of the provider may be installed. It has no hashes yet: see docs/azure.md.

provider "registry.terraform.io/hashicorp/azurerm" {
  version     = "5.10.0"
  constraints = "5.10.0"
}
