"""Resources that the tests of the sandbox cloud start from."""

from __future__ import annotations

from typing import Any

from flask.testing import FlaskClient

NETWORK: dict[str, Any] = {"name": "net", "cidr": "10.0.0.0/16", "region": "eu-west"}
BUCKET: dict[str, Any] = {"name": "a-bucket", "region": "eu-west"}
NAMED: dict[str, Any] = {"name": "a-name", "region": "eu-west"}
"""All that a queue, a secret and a registry need."""

NETWORK_HCL = """
resource "sandbox_network" "n" {
  name   = "net"
  cidr   = "10.0.0.0/16"
  region = "eu-west"
}
"""
BUCKET_HCL = """
resource "sandbox_bucket" "b" {
  name   = "a-bucket"
  region = "eu-west"
}
"""


def create(api: FlaskClient, type_name: str, /, **attributes: Any) -> dict[str, Any]:
    """Create a resource that the service must accept; `tags` are its tags."""
    tags = attributes.pop("tags", {})
    answer = api.post(
        "/v1/resources", json={"type": type_name, "attributes": attributes, "tags": tags}
    )
    assert answer.status_code == 201, answer.text
    created: dict[str, Any] = answer.get_json()
    return created


def machine(network_id: str, **others: Any) -> dict[str, Any]:
    """Return a machine's attributes."""
    return {
        "name": "web",
        "network_id": network_id,
        "size": "small",
        "image": "debian-13",
        "region": "eu-west",
        **others,
    }


def cluster(network_id: str, **others: Any) -> dict[str, Any]:
    """Return a cluster's attributes."""
    return {
        "name": "kube",
        "network_id": network_id,
        "region": "eu-west",
        "kubernetes_version": "1.33",
        **others,
    }


def database(network_id: str, **others: Any) -> dict[str, Any]:
    """Return a database's attributes."""
    return {
        "name": "orders",
        "network_id": network_id,
        "region": "eu-west",
        "engine": "postgresql",
        "engine_version": "17",
        "size": "small",
        "storage_gb": 20,
        "database_name": "app",
        "username": "dbadmin",
        **others,
    }
