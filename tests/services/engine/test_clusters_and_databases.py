"""Clusters and databases through the engine: made, changed, checked, destroyed."""

from __future__ import annotations

import base64
from typing import Any

import pytest
import yaml
from cryptography import x509
from sqlalchemy import select

from app.domain.operations import AutoApply, OperationType
from app.models import OperationEvent, Stack
from app.services.secrets import output_value
from app.services.stacks.change import StackChange, change_stack
from app.services.work import perform
from tests.landform import ADMIN, Landform
from tests.plan_counts import counts


def outputs(landform: Landform, stack: Stack) -> dict[str, Any]:
    rows = landform.stack(stack.id).outputs
    return {row.name: output_value(landform.ctx.keys, row) for row in rows}


def change(landform: Landform, stack: Stack, **parameters: Any) -> Any:
    with perform(landform.ctx, ADMIN) as work:
        wanted = StackChange(parameters=parameters)
        _, operation = change_stack(work, stack.id, wanted)
    assert operation is not None
    return landform.carry_out(operation)


def destroy(landform: Landform, stack: Stack) -> None:
    done = landform.perform(stack, OperationType.DESTROY)
    assert done.status == "applied", done.error


@pytest.mark.thorough
def test_a_cluster_lives_in_its_network_from_creation_to_destruction(
    landform: Landform, network: Stack
) -> None:
    landform.cloud.set_faults(create_delay_seconds=0.3)
    kube = landform.made(
        "cluster",
        "kube",
        parameters={"network": "net", "kubernetes_version": "1.35", "max_nodes": 2},
    )
    landform.cloud.set_faults()
    made = outputs(landform, kube)
    authority = base64.b64decode(made["certificate_authority"])
    assert x509.load_pem_x509_certificate(authority)
    config = yaml.safe_load(made["kubeconfig"])
    (server,) = config["clusters"]
    assert server["cluster"]["server"] == made["endpoint"]
    token = config["users"][0]["user"]["token"]
    assert token == landform.cloud.get_only("cluster")["attributes"]["admin_token"]
    assert token not in landform.everything_in_sql()

    bigger = change(landform, kube, kubernetes_version="1.36", min_nodes=2, max_nodes=5)
    assert bigger.plan_summary == counts(change=2)
    assert outputs(landform, kube)["kubernetes_version"] == "1.36"
    replaced = change(landform, kube, node_size="large")
    assert replaced.plan_summary == counts(replace=1)

    pool = landform.cloud.get_only("node_pool")
    drift = {"attributes": {"max_nodes": 50}}
    landform.cloud.call("PATCH", f"/resources/{pool['id']}", json=drift)
    landform.perform(kube, OperationType.DRIFT_CHECK)
    assert landform.stack(kube.id).drift_status == "drifted"

    destroy(landform, kube)
    assert {item["type"] for item in landform.cloud.list()} == {"network", "subnet"}


def test_fewer_nodes_at_most_than_at_least_fail_before_anything_is_made(
    landform: Landform, network: Stack
) -> None:
    wanted = {"network": "net", "min_nodes": 5, "max_nodes": 2}
    _, operation = landform.create("cluster", "kube", parameters=wanted)
    done = landform.carry_out(operation)
    assert done.status == "errored"
    assert done.error is not None
    assert "must not be less than the fewest" in done.error["detail"]
    assert landform.cloud.list(type="cluster") == []


def test_a_plan_says_that_the_support_of_a_chosen_version_ends(
    landform: Landform, network: Stack
) -> None:
    wanted = {"network": "net", "kubernetes_version": "1.32"}
    _, operation = landform.create("cluster", "kube", parameters=wanted, auto_apply=AutoApply.NEVER)
    done = landform.carry_out(operation)
    assert done.status == "planned", done.error
    with landform.ctx.db.read() as session:
        found = select(OperationEvent).where(OperationEvent.operation_id == done.id)
        events = [item for item in session.scalars(found) if item.type == "support_ends"]
    [event] = events
    assert event.level == "warn"
    assert "Kubernetes 1.32" in event.message
    assert "ended on 2026-02-28" in event.message


@pytest.mark.thorough
def test_a_database_gets_a_password_that_only_its_sealed_outputs_hold(
    landform: Landform, network: Stack
) -> None:
    orders = landform.made("database", "orders", parameters={"network": "net"})
    made = outputs(landform, orders)
    assert (made["port"], made["database_name"], made["username"]) == (5432, "app", "dbadmin")
    assert made["host"].endswith(".databases.sandbox.invalid")
    password = made["password"]
    assert len(password) == 32
    assert password not in landform.everything_in_sql()
    assert "password" not in orders.parameters

    grown = change(landform, orders, storage_gb=40)
    assert grown.plan_summary == counts(change=1)
    assert outputs(landform, orders)["password"] == password, "a change keeps the password"
    change(landform, orders, password=None)
    again = outputs(landform, orders)["password"]
    assert len(again) == 32
    assert again != password, "going back to the default makes a new one"

    shrunk = change(landform, orders, storage_gb=30)
    assert shrunk.error is not None
    assert "cannot become smaller than it is (40)" in str(shrunk.error)
    assert landform.stack(orders.id).has_pending_changes
    change(landform, orders, storage_gb=40)
    destroy(landform, orders)
    assert landform.cloud.list(type="database") == []


@pytest.mark.thorough
def test_high_availability_needs_two_zones(landform: Landform, network: Stack) -> None:
    wanted = {"network": "net", "high_availability": True}
    _, operation = landform.create("database", "orders", parameters=wanted)
    done = landform.carry_out(operation)
    assert done.error is not None
    assert "at least two zones" in done.error["detail"]
    assert landform.cloud.list(type="database") == []


@pytest.mark.thorough
def test_a_password_of_ones_own_is_used_and_never_written_down(
    landform: Landform, network: Stack
) -> None:
    own = "my-own-canary-password-1"
    parameters = {"network": "net", "password": own}
    orders = landform.made("database", "orders", parameters=parameters)
    assert outputs(landform, orders)["password"] == own
    assert own not in landform.everything_in_sql()


@pytest.mark.thorough
def test_a_creation_that_the_cloud_refuses_fails_and_can_be_repeated(
    landform: Landform, network: Stack
) -> None:
    landform.cloud.set_faults(failure_rate=1.0)
    stack, operation = landform.create("database", "orders", parameters={"network": "net"})
    assert landform.carry_out(operation).status == "errored"
    assert landform.stack(stack.id).status == "failed"
    landform.cloud.set_faults()
    assert landform.perform(stack, OperationType.APPLY).status == "applied"
    assert landform.stack(stack.id).status == "ready"
