# Which package of the provider may be installed. It has no hashes yet: see docs/gcp.md.

provider "registry.terraform.io/hashicorp/google" {
  version     = "8.7.0"
  constraints = "8.7.0"
}
