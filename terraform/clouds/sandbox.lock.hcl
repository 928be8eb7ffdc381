# Which package of the provider may be installed, and its hash: that of the wrapper script which
# `python -m sandbox.provider.install` writes, the same on every machine. Written by `terraform init`.

provider "landform.local/landform/sandbox" {
  version     = "0.1.0"
  constraints = "0.1.0"
  hashes = [
    "h1:sO5Arn53863sJXSaw/XVaX5hK/mP+A2J7oP46j2Nrz0=",
  ]
}
