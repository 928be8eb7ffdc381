"""The sandbox cloud's provider under real Terraform: the life cycle of its resources."""

from __future__ import annotations

import json

from tests.sandbox.conftest import Terraform
from tests.sandbox.examples import BUCKET, BUCKET_HCL, NETWORK, NETWORK_HCL
from tests.sandbox_cloud import Cloud

EVERYTHING = """
variable "size" {
  default = "small"
}
variable "zone" {
  default = "eu-west-a"
}
resource "sandbox_network" "n" {
  name   = "net"
  cidr   = "10.0.0.0/16"
  region = "eu-west"
  tags   = { "landform:stack" = "stk_1" }
}
resource "sandbox_subnet" "s" {
  name       = "sub"
  network_id = sandbox_network.n.id
  cidr       = "10.0.1.0/24"
  zone       = var.zone
}
resource "sandbox_machine" "m" {
  name       = "web"
  network_id = sandbox_network.n.id
  subnet_id  = sandbox_subnet.s.id
  size       = var.size
  image      = "debian-13"
  region     = "eu-west"
  user_data  = "#!/bin/sh"
  tags       = { network = sandbox_network.n.id }
}
resource "sandbox_bucket" "b" {
  name              = "a-bucket"
  region            = "eu-west"
  versioning        = true
  expire_after_days = 30
  tags              = {}
}
data "sandbox_network" "n" {
  id = sandbox_network.n.id
}
output "gateway" {
  value = data.sandbox_network.n.gateway_address
}
output "address" {
  value = sandbox_machine.m.private_ip
}
"""


def test_the_whole_life_of_every_type(terraform: Terraform, cloud: Cloud) -> None:
    terraform.write(EVERYTHING)

    terraform.apply_ok()
    assert [item["type"] for item in cloud.list(tag="landform:stack=stk_1")] == ["network"]
    assert len(cloud.list()) == 4
    outputs = json.loads((terraform.folder / "terraform.tfstate").read_text())["outputs"]
    assert outputs["gateway"]["value"] == "10.0.0.1"
    assert outputs["address"]["value"] == "10.0.1.2"
    again = terraform.plan()
    assert (again.code, "No changes" in again.text) == (0, True)

    machine = cloud.get_only("machine")
    assert terraform.plan_changes("-var=size=large") == {"sandbox_machine.m": "update"}
    terraform.apply_ok("-var=size=large")
    changed = cloud.get_only("machine")
    assert changed["attributes"] == {**machine["attributes"], "size": "large"}

    assert terraform.plan_changes("-var=size=large", "-var=zone=eu-west-b") == {
        "sandbox_subnet.s": "replace",
        "sandbox_machine.m": "replace",
    }
    terraform.apply_ok("-var=size=large", "-var=zone=eu-west-b")
    assert cloud.get_only("subnet")["attributes"]["zone"] == "eu-west-b"
    assert cloud.get_only("machine")["id"] != machine["id"]

    destroyed = terraform.run("destroy", "-auto-approve")
    assert destroyed.code == 0, destroyed.text
    assert cloud.list() == []


def test_an_imported_resource_plans_no_change(terraform: Terraform, cloud: Cloud) -> None:
    body = {"type": "bucket", "attributes": BUCKET, "tags": {"a": "1"}}
    bucket = cloud.call("POST", "/resources", json=body)["id"]
    terraform.write(BUCKET_HCL.replace("}", '  tags = { a = "1" }\n}'))

    imported = terraform.run("import", "sandbox_bucket.b", bucket)

    assert imported.code == 0, imported.text
    assert terraform.state()["sandbox_bucket.b"]["attributes"]["id"] == bucket
    assert terraform.plan().code == 0


def test_importing_an_id_of_another_type_or_of_nothing_says_so(
    terraform: Terraform, cloud: Cloud
) -> None:
    body = {"type": "network", "attributes": NETWORK}
    network = cloud.call("POST", "/resources", json=body)["id"]
    terraform.write(BUCKET_HCL)

    other = terraform.run("import", "sandbox_bucket.b", network)
    nothing = terraform.run("import", "sandbox_bucket.b", "bkt_0")

    assert (other.code, nothing.code) == (1, 1)
    assert f"{network} is a network" in other.text
    assert "There is no resource bkt_0" in nothing.text


def test_an_attribute_left_out_goes_back_to_its_default(terraform: Terraform, cloud: Cloud) -> None:
    terraform.write(BUCKET_HCL.replace("}", "  public = true\n  expire_after_days = 3\n}"))
    terraform.apply_ok()
    terraform.write(BUCKET_HCL)

    terraform.apply_ok()

    attributes = cloud.get_only("bucket")["attributes"]
    assert (attributes["public"], attributes["expire_after_days"]) == (False, None)
    assert terraform.plan().code == 0


def test_a_change_behind_terraforms_back_is_seen_and_undone(
    terraform: Terraform, cloud: Cloud
) -> None:
    terraform.write(EVERYTHING)
    terraform.apply_ok()
    machine, network = cloud.get_only("machine"), cloud.get_only("network")
    drifted = {"size": "huge", "user_data": "#!/bin/evil"}
    cloud.call("PATCH", f"/resources/{machine['id']}", json={"attributes": drifted})
    cloud.call(
        "PATCH",
        f"/resources/{network['id']}",
        json={"attributes": {"internet_access": False}, "tags": {"odd": "one"}},
    )

    changes = terraform.plan_changes()

    assert changes.pop("data.sandbox_network.n") == "read"
    assert changes == {"sandbox_machine.m": "update", "sandbox_network.n": "update"}
    terraform.apply_ok()
    assert cloud.get_only("machine") == machine
    assert cloud.get_only("network") == network


def test_a_deletion_behind_terraforms_back_is_seen_and_undone(
    terraform: Terraform, cloud: Cloud
) -> None:
    terraform.write(BUCKET_HCL)
    terraform.apply_ok()
    cloud.call("DELETE", f"/resources/{cloud.get_only('bucket')['id']}")

    assert terraform.plan_changes() == {"sandbox_bucket.b": "create"}
    terraform.apply_ok()
    assert cloud.get_only("bucket")["attributes"]["name"] == "a-bucket"


def test_destroying_what_is_already_gone_succeeds(terraform: Terraform, cloud: Cloud) -> None:
    terraform.write(BUCKET_HCL)
    terraform.apply_ok()
    cloud.call("DELETE", f"/resources/{cloud.get_only('bucket')['id']}")

    assert terraform.run("destroy", "-auto-approve", "-refresh=false").code == 0


def test_the_operation_tag_may_be_ignored_while_other_tags_are_watched(
    terraform: Terraform, cloud: Cloud
) -> None:
    terraform.write("""
variable "operation" {}
variable "owner" {
  default = "ann"
}
resource "sandbox_bucket" "b" {
  name   = "a-bucket"
  region = "eu-west"
  tags   = { "landform:operation" = var.operation, owner = var.owner }
  lifecycle {
    ignore_changes = [tags["landform:operation"]]
  }
}
""")
    terraform.apply_ok("-var=operation=op_1")

    assert terraform.plan("-var=operation=op_2").code == 0
    terraform.apply_ok("-var=operation=op_2", "-var=owner=bob")
    assert cloud.get_only("bucket")["tags"] == {"landform:operation": "op_1", "owner": "bob"}
    bucket = cloud.get_only("bucket")["id"]
    cloud.call("PATCH", f"/resources/{bucket}", json={"tags": {"owner": "bob"}})
    assert terraform.plan("-var=operation=op_3", "-var=owner=bob").code == 0
    cloud.call("PATCH", f"/resources/{bucket}", json={"tags": {"owner": "eve"}})
    changes = terraform.plan_changes("-var=operation=op_3", "-var=owner=bob")
    assert changes == {"sandbox_bucket.b": "update"}


def test_creation_is_complete_only_when_the_resource_is_available(
    terraform: Terraform, cloud: Cloud
) -> None:
    cloud.set_faults(create_delay_seconds=1)
    terraform.write(BUCKET_HCL)

    terraform.apply_ok()

    assert cloud.get_only("bucket")["status"] == "available"


def test_a_resource_whose_creation_takes_too_long_is_tainted_not_forgotten(
    terraform: Terraform, cloud: Cloud
) -> None:
    cloud.set_faults(create_delay_seconds=3600)
    terraform.write(BUCKET_HCL.replace("}", "  create_timeout_seconds = 0.2\n}"))

    outcome = terraform.apply()

    assert outcome.code == 1
    bucket = cloud.get_only("bucket")["id"]
    assert "Creation took too long" in outcome.text
    assert f"It exists as {bucket} and is kept in state" in outcome.text
    assert "Raise create_timeout_seconds" in outcome.text
    instance = terraform.state()["sandbox_bucket.b"]
    assert (instance["status"], instance["attributes"]["id"]) == ("tainted", bucket)
    cloud.set_faults()
    terraform.apply_ok()
    assert cloud.get_only("bucket")["id"] != bucket
    assert "status" not in terraform.state()["sandbox_bucket.b"]


def test_a_failed_update_or_deletion_leaves_the_state_as_it_was(
    terraform: Terraform, cloud: Cloud
) -> None:
    terraform.write(NETWORK_HCL)
    terraform.apply_ok()
    network = cloud.get_only("network")["id"]
    machine = {"name": "m", "network_id": network, "size": "s", "image": "i", "region": "r"}
    cloud.call("POST", "/resources", json={"type": "machine", "attributes": machine})
    before = terraform.state()

    outcome = terraform.run("destroy", "-auto-approve")

    assert outcome.code == 1
    assert "Other resources still use this one" in outcome.text
    assert f'Could not delete sandbox_network "{network}"' in outcome.text
    assert terraform.state() == before


def test_what_the_cloud_would_refuse_is_refused_before_planning(terraform: Terraform) -> None:
    terraform.write("""
resource "sandbox_network" "n" {
  name                   = ""
  cidr                   = "10.0.0.1/16"
  region                 = "EU West"
  gateway_address        = "10.0.0.1"
  create_timeout_seconds = 0
}
resource "sandbox_bucket" "b" {
  name              = "a-bucket"
  region            = "eu-west"
  expire_after_days = 1.5
}
""")

    outcome = terraform.run("validate")

    assert outcome.code == 1
    for message in (
        "name must match",
        "cidr must be an IPv4 network",
        "region must match",
        "sandbox_network.gateway_address is read-only",
        "It must be more than 0",
        "expire_after_days must be a whole number",
    ):
        assert message in outcome.text


def test_user_data_appears_neither_in_plans_nor_in_the_cloud(
    terraform: Terraform, cloud: Cloud
) -> None:
    terraform.write(EVERYTHING.replace("#!/bin/sh", "open sesame"))

    assert "open sesame" not in terraform.plan().text
    assert "open sesame" not in terraform.apply().text
    assert "open sesame" not in json.dumps(cloud.list())


def test_values_that_terraform_knows_only_in_part_are_planned(
    terraform: Terraform, cloud: Cloud
) -> None:
    terraform.write(
        NETWORK_HCL
        + """
data "sandbox_network" "n" {
  id = sandbox_network.n.id
}
resource "sandbox_bucket" "b" {
  count  = 2
  name   = "bucket-${count.index}-${replace(sandbox_network.n.id, "_", "-")}"
  region = "eu-west"
  tags   = merge(data.sandbox_network.n.tags, { number = count.index })
}
"""
    )

    terraform.apply_ok()

    assert {bucket["tags"]["number"] for bucket in cloud.list(type="bucket")} == {"0", "1"}
    assert terraform.plan().code == 0
