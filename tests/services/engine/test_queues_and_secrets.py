"""Queues, secrets and registries through the engine: made, changed, checked, destroyed."""

from __future__ import annotations

import hashlib

from app.domain.operations import OperationType
from app.models import Stack
from app.services.secrets import output_value
from app.services.stacks.change import StackChange, change_stack
from app.services.work import perform
from tests.landform import ADMIN, Landform

VALUE = "a-canary-that-nobody-reads"


def change(landform: Landform, stack: Stack, **parameters: object) -> str:
    with perform(landform.ctx, ADMIN) as work:
        _, operation = change_stack(work, stack.id, StackChange(parameters=parameters))
    assert operation is not None
    return landform.carry_out(operation).status


def test_a_queue_has_a_place_for_what_nobody_handles_until_it_is_given_up(
    landform: Landform,
) -> None:
    mail = landform.made("queue", "mail")
    outputs = {row.name: output_value(landform.ctx.keys, row) for row in mail.outputs}
    queues = {item["attributes"]["url"]: item for item in landform.cloud.list(type="queue")}
    assert set(queues) == {outputs["url"], outputs["dead_letter_url"]}
    dead = queues[outputs["dead_letter_url"]]["attributes"]
    assert queues[outputs["url"]]["attributes"]["dead_letter_queue"] == dead["name"]
    assert change(landform, mail, max_receives=0) == "applied"
    assert len(landform.cloud.list(type="queue")) == 1
    assert landform.perform(mail, OperationType.DESTROY).status == "applied"
    assert landform.cloud.list() == []


def test_a_secret_is_in_the_cloud_and_nowhere_to_be_read_here(landform: Landform) -> None:
    token = landform.made("secret", "token", parameters={"value": VALUE})
    seen = landform.cloud.get_only("secret")["attributes"]["value_sha256"]
    assert seen == hashlib.sha256(VALUE.encode()).hexdigest()
    assert VALUE not in landform.everything_in_sql()
    other = "0" * 64
    resource = landform.cloud.get_only("secret")["id"]
    drift = {"attributes": {"value": other}}
    landform.cloud.call("PATCH", f"/resources/{resource}", json=drift)
    landform.perform(token, OperationType.DRIFT_CHECK)
    assert landform.stack(token.id).drift_status == "drifted"
    assert change(landform, token, value=None) == "applied"
    assert landform.cloud.get_only("secret")["attributes"]["value_sha256"] != seen


def test_a_registry_is_closed_to_change_by_default(landform: Landform) -> None:
    landform.made("container-registry", "images")
    made = landform.cloud.get_only("container_registry")["attributes"]
    assert (made["immutable_tags"], made["scan_on_push"], made["untagged_days"]) == (True, True, 14)
