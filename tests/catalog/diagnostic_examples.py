"""One example of each diagnostic that an author of blueprints and clouds can make, as data."""

from __future__ import annotations

NETWORK = "blueprints/network/blueprint.yaml"
GROUP = "blueprints/machine-group/blueprint.yaml"
BUCKET = "blueprints/bucket/blueprint.yaml"
CLOUD = "clouds/sandbox.yaml"
LOCK = "clouds/sandbox.lock.hcl"
NETWORK_MAIN = "blueprints/network/sandbox/main.tf"
NETWORK_OUTPUTS = "blueprints/network/sandbox/outputs.tf"
BUCKET_MAIN = "blueprints/bucket/sandbox/main.tf"
BUCKET_VARIABLES = "blueprints/bucket/sandbox/variables.tf"
GROUP_VARIABLES = "blueprints/machine-group/sandbox/variables.tf"

# A diagnostic: the file, its text before and after, the text of the line that must be named (none:
# any line), and what must be said.
Example = tuple[str, str, str, str, str]

# fmt: off
IN_BLUEPRINTS: dict[str, Example] = {
    "version that is a number": (
        NETWORK, "version: 1.1.0", "version: 1.1", "version: 1.1", "version must be text"),
    "version that is not semantic": (
        NETWORK, "version: 1.1.0", "version: 1.0.0.1", "version:", "semantic version such as"),
    "unknown key": (
        NETWORK, "title: Network\n", "title: Network\ncolour: red\n", "colour",
        "colour is not a known field; the fields are: description, downgrade_to, kind"),
    "unknown keyword of a parameter": (
        NETWORK, "default: 10.0.0.0/16", "defualt: 10.0.0.0/16", "defualt",
        "cidr.defualt is not a known field (did you mean default?)"),
    "missing title": (
        NETWORK, "title: Network\n", "", "kind: network", "title is required"),
    "parameter without help": (
        BUCKET, "      description: Whether anybody may read the objects without signing in.\n",
        "", "    public:", "public has no description; add one"),
    "kind with capitals": (
        NETWORK, "kind: network", "kind: Network", "kind:", "lower-case words"),
    "kind that is not the folder": (
        BUCKET, "kind: bucket", "kind: pail", "kind:", "name the folder pail"),
    "plural of Landform's own API": (
        BUCKET, "plural: buckets", "plural: stacks", "plural:", "Landform's own API"),
    "kind of Landform's own API": (
        BUCKET, "kind: bucket", "kind: operation", "kind:", "Landform's own API"),
    "unknown type": (
        NETWORK, "type: boolean", "type: bool", "type: bool", "must have one type of: string"),
    "two types": (
        NETWORK, "type: boolean", "type: [boolean, string]", "type: [", "must have one type of"),
    "default of the wrong type": (
        NETWORK, "default: 2", 'default: "2"', 'default: "2"',
        "zones.default must be a whole number"),
    "default outside the bounds": (
        NETWORK, "default: 2", "default: 4", "default: 4",
        "zones.default must be at most 3 zones"),
    "default with host bits": (
        NETWORK, "default: 10.0.0.0/16", "default: 10.0.0.1/16", "default: 10.0.0.1",
        "cidr.default must be an IPv4 network"),
    "example that is refused": (
        NETWORK, "192.168.0.0/20]", "192.168.0.0/30]", "examples",
        "cidr.examples.1 must be an IPv4"),
    "minimum that is text": (
        NETWORK, "minimum: 1", "minimum: one", "minimum: one", "zones.minimum must be a number"),
    "minimum above maximum": (
        NETWORK, "maximum: 3", "maximum: 0", "minimum: 1", "minimum above its maximum"),
    "keyword of another type": (
        NETWORK, "x-unit: zones", "maxLength: 3", "maxLength", "not of type string, so maxLength"),
    "broken pattern": (
        NETWORK, "pattern: ^", "pattern: ^(", "pattern", "is not a regular expression"),
    "pattern only Python knows": (
        NETWORK, "2[0-4])$", "2[0-4])\\Z", "pattern", "start it with ^ and end it with $"),
    "unknown format": (
        NETWORK, "format: ipv4-network", "format: colour", "format:",
        "must be one of: cidr, date, date-time, duration"),
    "enum of the wrong type": (
        GROUP, "enum: [small, medium, large]", "enum: [small, 2, large]", "enum: [small",
        "size.enum.1 must be text"),
    "unknown vocabulary": (
        GROUP, "x-vocabulary: image", "x-vocabulary: picture", "x-vocabulary: picture",
        "sandbox has no vocabulary picture; its vocabularies are: size, image"),
    "vocabulary without enum": (
        GROUP, "      enum: [small, medium, large]\n", "", "x-vocabulary: size", "add enum"),
    "vocabulary that the cloud has nothing of": (
        GROUP, "enum: [small, medium, large]\n      default: small",
        "enum: [tiny]\n      default: tiny", "enum: [tiny", "sandbox offers none of these words"),
    "default that the cloud does not offer": (
        GROUP, "enum: [small, medium, large]\n      default: small",
        "enum: [small, tiny]\n      default: tiny", "default: tiny", "does not offer the default"),
    "required parameter that is none": (
        GROUP, "required: [network]", "required: [net]", "required:",
        "net is required but is none"),
    "reference to an unknown kind": (
        GROUP, "kind: network\n", "kind: netwrk\n", "kind: netwrk", "there is no kind netwrk"),
    "reference to an unknown output": (
        GROUP, "network_id: network_id", "id: network_id", " id: network_id",
        "network has no output id; its outputs are: network_id, cidr"),
    "reference without outputs": (
        GROUP,
        ("          network_id: network_id\n          cidr: network_cidr\n"
        "          subnet_ids: network_subnet_ids\n"),
        "          {}\n", "outputs:", "outputs must not be empty"),
    "sensitive parameter with a default": (
        GROUP, "sensitive: true", "sensitive: true\n      default: secret", "default: secret",
        "everybody could read"),
    "sensitive reference": (
        GROUP, "immutable: true\n      x-references", "sensitive: true\n      x-references",
        "sensitive: true", "no secret"),
    "reserved parameter name": (
        GROUP, "      x-variable: machine_count\n", "", "    count:",
        "reserved name in Terraform"),
    "Landform's parameter name": (
        NETWORK, "    zones:\n", "    landform_zones:\n", "landform_zones", "reserved name"),
    "parameter name with a hyphen": (
        NETWORK, "    zones:\n", "    zone-count:\n", "zone-count", "no parameter name"),
    "two parameters for one variable": (
        GROUP, "x-variable: machine_count", "x-variable: image", "    image:",
        "already filled by"),
    "output of no type": (
        NETWORK, "type: array", "type: list", "type: list", "subnet_ids must have one type of"),
    "list output without entries": (
        NETWORK, "    items: {type: string}\n", "", "type: array", "add items"),
    "output name with a hyphen": (
        NETWORK, "  gateway_address:", "  gateway-address:", "gateway-address", "no output name"),
    "output that the module lacks": (
        NETWORK, "outputs:\n", "outputs:\n  zone_ids:\n    type: string\n    description: x\n",
        "zone_ids", 'the module for sandbox lacks it; add output "zone_ids"'),
    "parameter that the module lacks": (
        BUCKET, "  properties:\n",
        "  properties:\n    colour: {type: string, title: C, description: D}\n", "colour:",
        'the module for sandbox lacks it; add variable "colour"'),
    "parameters that are a list": (
        NETWORK, "parameters:\n  properties:\n", "parameters:\n  properties: []\n  x:\n",
        "  properties: []", "parameters.properties must be an object"),
}
IN_YAML: dict[str, Example] = {
    "broken YAML": (
        NETWORK, "title: Network\n", "title: [Network\n", "description:", "not valid YAML"),
    "tab": (
        NETWORK, "title: Network\n", "title:\n\tx: 1\n", "\tx: 1", "not valid YAML"),
    "doubled key": (
        NETWORK, "title: Network\n", "title: Network\ntitle: Again\n", "title: Again",
        "is doubled"),
    "key that is no text": (
        NETWORK, "title: Network\n", "on: Network\n", "on: Network", "'on' is not text"),
    "date": (
        NETWORK, "title: Network\n", "title: 2026-01-01\n", "title:", "put it in quotes"),
    "impossible date": (
        NETWORK, "title: Network\n", "title: 2026-02-31\n", "", "not valid"),
    "not a number": (
        NETWORK, "default: 2", "default: .nan", ".nan", "put it in quotes"),
    "alias": (
        NETWORK, "title: Network\ndescription:", "title: &a Network\nx: *a\ndescription:",
        "x: *a", "aliases are not allowed"),
    "Python object": (
        NETWORK, "title: Network\n", "title: !!python/object:os.system x\n", "title:",
        "not valid YAML"),
    "two documents": (
        NETWORK, "title: Network\n", "---\ntitle: Network\n", "---", "not valid YAML"),
}
IN_MODULES: dict[str, Example] = {
    "broken HCL": (
        BUCKET_MAIN, "  public            = var.public\n", "  public = = 1\n", "public = =",
        "not valid HCL near here"),
    "standard variable missing": (
        BUCKET_VARIABLES, 'variable "landform_zones"', 'variable "zones_of_region"', "",
        'add variable "landform_zones"'),
    "variable that nothing fills": (
        BUCKET_VARIABLES, 'variable "public"', 'variable "open"', 'variable "open"',
        "nothing fills variable open"),
    "variable without a type": (
        GROUP_VARIABLES, "  type        = list(string)\n  nullable    = false\n\n  validation",
        "\n  validation", 'variable "network_subnet_ids"', "network_subnet_ids has no type"),
    "variable of another type": (
        BUCKET_VARIABLES, "type        = number", "type        = string",
        'variable "expire_after_days"', "is string but its parameter is integer; use number"),
    "secret in a plain variable": (
        GROUP_VARIABLES, "  sensitive   = true\n", "", 'variable "user_data"',
        "add sensitive = true"),
    "optional parameter for a variable that refuses null": (
        GROUP_VARIABLES, "  sensitive   = true\n", "  sensitive = true\n  nullable = false\n",
        'variable "user_data"', "remove nullable = false"),
    "output that the blueprint lacks": (
        NETWORK_OUTPUTS, 'output "cidr"', 'output "range"', 'output "range"',
        "output range is not in the blueprint"),
    "resource without tags": (
        BUCKET_MAIN, "  tags              = var.landform_tags\n", "", 'resource "sandbox_bucket"',
        "sandbox_bucket.this carries no tags; add tags = var.landform_tags"),
    "resource with tags of its own only": (
        BUCKET_MAIN, "= var.landform_tags\n", '= { a = "b" }\n', 'resource "sandbox_bucket"',
        "carries no tags"),
    "resource without lifecycle rule": (
        BUCKET_MAIN, 'ignore_changes = [tags["landform:operation"]]', "prevent_destroy = true",
        'resource "sandbox_bucket"',
        'add lifecycle { ignore_changes = [tags["landform:operation"]]'),
    "resource that ignores another tag": (
        BUCKET_MAIN, 'tags["landform:operation"]', 'tags["landform:stack"]',
        'resource "sandbox_bucket"', "would change with every operation"),
    "provider block": (
        BUCKET_MAIN, "locals {", 'provider "sandbox" {}\n\nlocals {', 'provider "sandbox"',
        "belongs in the cloud's description"),
    "terraform block": (
        BUCKET_MAIN, "locals {", 'terraform {\n  backend "local" {}\n}\n\nlocals {',
        "terraform {", "belongs in the cloud's description"),
    "resource of an undeclared provider": (
        BUCKET_MAIN, "locals {", 'data "http" "x" {}\n\nlocals {', 'data "http"',
        "http.x needs the provider http, which the cloud does not declare"),
    "module of a module": (
        BUCKET_MAIN, "locals {",
        'module "m" {\n  source = "git::https://example.test/m"\n}\n\nlocals {', 'module "m"',
        "a module is not installed; write its resources here"),
}
IN_CLOUDS: dict[str, Example] = {
    "path that does not say what it holds": (
        CLOUD, "  token:\n", "  key_file: {title: Key, environment: SANDBOX_KEY}\n  token:\n",
        "key_file:", "key_file looks like the path of a file; say holds: file, or holds: text"),
    "path by its variable": (
        CLOUD, "  token:\n", "  key: {title: Key, environment: SANDBOX_KEY_PATH}\n  token:\n",
        "  key:", "key looks like the path of a file; say holds: file, or holds: text"),
    "address that does not say what it holds": (
        CLOUD, "    holds: endpoint\n", "", "endpoint:",
        "endpoint looks like an address that requests go to; say holds: endpoint"),
    "program to start": (
        CLOUD, "  token:\n",
        "  helper_command: {title: Helper, environment: SANDBOX_HELPER, holds: text}\n  token:\n",
        "helper_command:", "an account may start none: remove it"),
    "name that is not the file": (
        CLOUD, "name: sandbox\n", "name: sandpit\n", "name: sandpit",
        "name the file sandpit.yaml"),
    "default region that is none": (
        CLOUD, "default_region: eu-west", "default_region: mars", "default_region",
        "default_region mars is none of the regions"),
    "doubled region": (
        CLOUD, "name: us-east\n", "name: eu-west\n", "", "the region eu-west is described twice"),
    "region without zones": (
        CLOUD, "zones: [us-east-a, us-east-b, us-east-c]", "zones: []", "zones: []",
        "regions.2.zones must not be empty"),
    "word without translation": (
        CLOUD, "{provider: debian-12, title: Debian 12}", "{title: Debian 12}", "debian-12:",
        "provider is required"),
    "two fields for one variable": (
        CLOUD, "environment: SANDBOX_TOKEN", "environment: SANDBOX_ENDPOINT", "",
        "SANDBOX_ENDPOINT is already filled by endpoint"),
    "credential for Terraform itself": (
        CLOUD, "environment: SANDBOX_TOKEN", "environment: TF_CLI_ARGS", "TF_CLI_ARGS",
        "not one of Terraform, the system or Landform"),
    "credential for the loader": (
        CLOUD, "environment: SANDBOX_TOKEN", "environment: LD_PRELOAD", "LD_PRELOAD",
        "not one of Terraform"),
    "credential that goes nowhere": (
        CLOUD, "    environment: SANDBOX_TOKEN\n", "", "  token:",
        "nothing hands token to the provider"),
    "secret in a plan": (
        CLOUD, "environment: SANDBOX_TOKEN", "variable: landform_token", "variable:",
        "token is secret, and variables are kept in plans"),
    "variable that the provider does not declare": (
        CLOUD, "environment: SANDBOX_ENDPOINT", "variable: landform_endpoint", "provider: |",
        'endpoint fills no variable; add variable "landform_endpoint"'),
    "way to sign in with an unknown field": (
        CLOUD, "tags:\n",
        "sign_in:\n  - {name: key, title: Key, required: [tokens]}\ntags:\n", "name: key",
        "tokens is no credential; they are: endpoint, token"),
    "broken provider block": (
        CLOUD, 'provider "sandbox" {}', 'provider "sandbox" {', "", "provider: not valid HCL"),
    "no provider block": (
        CLOUD, 'provider "sandbox" {}', "", "provider: |", "there is no provider block"),
    "provider without version": (
        CLOUD, '        version = "0.1.0"\n', "", "provider: |", "no version is pinned"),
    "provider without hash": (
        LOCK, '    "h1:sO5Arn53863sJXSaw/XVaX5hK/mP+A2J7oP46j2Nrz0=",\n', "", 'provider "',
        "has no version or no hashes here"),
    "provider without locked version": (
        LOCK, '  version     = "0.1.0"\n', "", 'provider "', "has no version or no hashes here"),
    "lock of another provider": (
        LOCK, "landform.local/landform/sandbox", "example.test/landform/sandbox", "",
        "the provider landform.local/landform/sandbox is not in the lock file"),
    "broken lock file": (
        LOCK, "  ]\n}", "  ]", "", "not valid HCL near here"),
    "unknown key of a cloud": (
        CLOUD, "tags:\n", "tags:\n  arguments: x\n", "arguments",
        "tags.arguments is not a known field (did you mean argument?)"),
}
# fmt: on
ALL = IN_BLUEPRINTS | IN_YAML | IN_MODULES | IN_CLOUDS
