"""Clusters with node pools and databases: what the cloud knows of them, and their life."""

from __future__ import annotations

import hashlib
import json

from cryptography import x509
from flask.testing import FlaskClient

from tests.sandbox.conftest import Terraform
from tests.sandbox.examples import NETWORK, NETWORK_HCL, cluster, create, database
from tests.sandbox_cloud import Cloud

BOTH = (
    NETWORK_HCL
    + """
variable "kubernetes_version" {
  default = "1.33"
}
variable "node_size" {
  default = "small"
}
variable "password" {
  default   = "first-password-canary"
  sensitive = true
}
variable "storage_gb" {
  default = 20
}
resource "sandbox_cluster" "c" {
  name               = "kube"
  network_id         = sandbox_network.n.id
  region             = "eu-west"
  kubernetes_version = var.kubernetes_version
}
resource "sandbox_node_pool" "p" {
  name       = "nodes"
  cluster_id = sandbox_cluster.c.id
  size       = var.node_size
  min_nodes  = 1
  max_nodes  = 3
}
resource "sandbox_database" "d" {
  name           = "orders"
  network_id     = sandbox_network.n.id
  region         = "eu-west"
  engine         = "postgresql"
  engine_version = "17"
  size           = "small"
  storage_gb     = var.storage_gb
  database_name  = "app"
  username       = "dbadmin"
  password       = var.password
}
data "sandbox_cluster" "c" {
  id = sandbox_cluster.c.id
}
output "token" {
  value     = data.sandbox_cluster.c.admin_token
  sensitive = true
}
"""
)


def test_a_cluster_has_an_endpoint_a_real_certificate_and_a_token(api: FlaskClient) -> None:
    network = create(api, "network", **NETWORK)["id"]

    one = create(api, "cluster", **cluster(network))["attributes"]
    other = create(api, "cluster", **cluster(network))["attributes"]

    assert one["endpoint"] == "https://kube.eu-west.clusters.sandbox.invalid"
    certificate = x509.load_pem_x509_certificate(one["certificate_authority"].encode())
    assert certificate.subject.rfc4514_string() == "CN=kube"
    assert one["certificate_authority"] != other["certificate_authority"]
    assert len({one["admin_token"], other["admin_token"]}) == 2
    assert one["public_endpoint"] is True


def test_what_a_cluster_was_given_once_stays_when_it_changes(api: FlaskClient) -> None:
    network = create(api, "network", **NETWORK)["id"]
    made = create(api, "cluster", **cluster(network))

    changes = {"attributes": {"kubernetes_version": "1.34"}}
    changed = api.patch(f"/v1/resources/{made['id']}", json=changes).get_json()

    assert changed["attributes"] == {**made["attributes"], "kubernetes_version": "1.34"}


def test_a_network_is_kept_while_clusters_and_databases_live_in_it(api: FlaskClient) -> None:
    network = create(api, "network", **NETWORK)["id"]
    kube = create(api, "cluster", **cluster(network))["id"]
    pool = {"name": "p", "cluster_id": kube, "size": "small", "min_nodes": 1, "max_nodes": 2}
    nodes = create(api, "node_pool", **pool)["id"]
    orders = create(api, "database", **database(network))["id"]

    refused = api.delete(f"/v1/resources/{network}").get_json()
    assert refused["code"] == "dependency_violation"
    assert kube in refused["detail"]
    assert orders in refused["detail"]
    assert nodes in api.delete(f"/v1/resources/{kube}").get_json()["detail"]
    for resource in (nodes, kube, orders, network):
        assert api.delete(f"/v1/resources/{resource}").status_code == 204


def test_a_database_keeps_of_its_password_only_a_digest(api: FlaskClient) -> None:
    network = create(api, "network", **NETWORK)["id"]

    made = create(api, "database", **database(network, password="hunter2-canary"))

    assert "hunter2" not in json.dumps(made)
    digest = hashlib.sha256(b"hunter2-canary").hexdigest()
    assert made["attributes"]["password_sha256"] == digest
    assert made["attributes"]["host"] == "orders.eu-west.databases.sandbox.invalid"
    assert (made["attributes"]["port"], made["attributes"]["backup_days"]) == (5432, 7)


def test_the_storage_of_a_database_grows_and_never_shrinks(api: FlaskClient) -> None:
    network = create(api, "network", **NETWORK)["id"]
    made = create(api, "database", **database(network))["id"]

    def change(storage_gb: object) -> tuple[int, str]:
        changes = {"attributes": {"storage_gb": storage_gb}}
        answer = api.patch(f"/v1/resources/{made}", json=changes)
        return answer.status_code, answer.text

    assert change(40)[0] == 200
    status, text = change(30)
    assert status == 422
    assert "cannot become smaller than it is (40)" in text
    assert change(40)[0] == 200
    assert change(None)[0] == 422
    assert change(True)[0] == 422


def test_the_name_of_a_database_is_unique_and_fit_for_a_host_name(api: FlaskClient) -> None:
    network = create(api, "network", **NETWORK)["id"]
    create(api, "database", **database(network))

    for name, status in (("orders", 409), ("Orders", 422), ("-x", 422), ("a" * 64, 422)):
        body = {"type": "database", "attributes": database(network, name=name)}
        assert api.post("/v1/resources", json=body).status_code == status, name


def test_terraform_makes_changes_replaces_imports_and_destroys_them(
    terraform: Terraform, cloud: Cloud
) -> None:
    terraform.write(BOTH)
    terraform.apply_ok()
    assert len(cloud.list()) == 4
    assert terraform.plan().code == 0
    kube = cloud.get_only("cluster")
    state = json.loads((terraform.folder / "terraform.tfstate").read_text())
    assert state["outputs"]["token"]["value"] == kube["attributes"]["admin_token"]

    changes = ["-var=kubernetes_version=1.34", "-var=node_size=large", "-var=storage_gb=50"]
    assert terraform.plan_changes(*changes) == {
        "sandbox_cluster.c": "update",
        "sandbox_node_pool.p": "replace",
        "sandbox_database.d": "update",
        "data.sandbox_cluster.c": "read",
    }
    terraform.apply_ok(*changes)
    assert cloud.get_only("cluster")["id"] == kube["id"]
    assert cloud.get_only("node_pool")["attributes"]["size"] == "large"

    shrunk = terraform.apply(*changes[:2])
    assert shrunk.code == 1
    assert "cannot become smaller than it is (50)" in shrunk.text

    _forget(terraform, "sandbox_node_pool")
    pool = cloud.get_only("node_pool")["id"]
    imported = terraform.run("import", *changes, "sandbox_node_pool.p", pool)
    assert imported.code == 0, imported.text
    assert terraform.plan(*changes).code == 0

    destroyed = terraform.run("destroy", "-auto-approve", *changes)
    assert destroyed.code == 0, destroyed.text
    assert cloud.list() == []


def test_terraform_shows_neither_the_token_nor_the_password(
    terraform: Terraform, cloud: Cloud
) -> None:
    terraform.write(BOTH)
    text = terraform.apply().text + terraform.run("show").text
    assert cloud.get_only("cluster")["attributes"]["admin_token"] not in text
    assert "first-password-canary" not in text


def test_a_password_changed_behind_terraforms_back_is_seen_and_set_again(
    terraform: Terraform, cloud: Cloud
) -> None:
    terraform.write(BOTH)
    terraform.apply_ok()
    made = cloud.get_only("database")
    changes = {"attributes": {"password": "somebody-elses"}}
    cloud.call("PATCH", f"/resources/{made['id']}", json=changes)

    assert terraform.plan_changes() == {"sandbox_database.d": "update"}
    terraform.apply_ok()

    digest = hashlib.sha256(b"first-password-canary").hexdigest()
    assert cloud.get_only("database")["attributes"]["password_sha256"] == digest


def _forget(terraform: Terraform, type_name: str) -> None:
    """Take the resources of one type out of the state, as `terraform state rm` would."""
    path = terraform.folder / "terraform.tfstate"
    state = json.loads(path.read_text())
    kept = [item for item in state["resources"] if item["type"] != type_name]
    path.write_text(json.dumps({**state, "resources": kept}))
