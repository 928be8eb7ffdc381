"""What can happen to a stack between two checks, and what the next check says of it.

One row for each case, on real Terraform; ``test_drift`` has what a report shows of a change.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from app.clock import utc_now
from app.config.settings import REPOSITORY_ROOT
from app.domain.operations import OperationType
from app.models import Operation, Schedule, Stack
from app.services.context import build_context
from app.services.drift.queue_due import claim_due
from app.services.engine.claims import claim
from app.services.operations import control
from app.services.queue.dispatch import choose_next
from app.services.stacks.change import StackChange, change_stack
from app.services.work import perform
from app.terraform.identity import ProcessIdentity
from sandbox.provider.install import write_location
from tests.landform import ADMIN, Landform
from tests.ports import free_port
from tests.services.engine.test_drift import last_report

Seen = set[tuple[str, str, str]]
"""Kind of change, neutral name, and what reconciling would do."""


@dataclass(frozen=True)
class Case:
    """What happens, and what the check after it must say."""

    happens: Callable[[Landform, Stack], None]
    verdict: str
    seen: Seen
    is_pending: bool = False
    reason: str = ""


def change(landform: Landform, _: Stack) -> None:
    cloud_id = landform.cloud.get_only("network")["id"]
    attributes = {"attributes": {"internet_access": False}}
    landform.cloud.call("PATCH", f"/resources/{cloud_id}", json=attributes)


def delete(landform: Landform, _: Stack) -> None:
    landform.cloud.call("DELETE", f"/resources/{landform.cloud.get_only('subnet')['id']}")


def recreate(landform: Landform, stack: Stack) -> None:
    """Delete and make again by hand: the same, with the tags of the first."""
    old = landform.cloud.get_only("subnet")
    delete(landform, stack)
    _create_like(landform, old, {})


def add(landform: Landform, _: Stack) -> None:
    other = {"name": "extra", "cidr": "10.0.240.0/20"}
    _create_like(landform, landform.cloud.get_only("subnet"), other)


def _create_like(landform: Landform, old: dict[str, Any], other: dict[str, Any]) -> None:
    attributes = {**old["attributes"], **other}
    body = {"type": "subnet", "attributes": attributes, "tags": old["tags"]}
    landform.cloud.call("POST", "/resources", json=body)


def want_more(landform: Landform, stack: Stack) -> None:
    """Ask for a second zone, and cancel the apply."""
    with perform(landform.ctx, ADMIN) as work:
        wanted = StackChange(parameters={"zones": 2})
        _, apply = change_stack(work, stack.id, wanted)
        assert apply is not None
        control.cancel(work, apply.id)


def change_and_want_more(landform: Landform, stack: Stack) -> None:
    want_more(landform, stack)
    change(landform, stack)


def upgrade_blueprint(landform: Landform, stack: Stack) -> None:
    """Have the module say something else from now on."""
    root = landform.settings.home_dir / "catalog"
    shutil.copytree(REPOSITORY_ROOT / "terraform", root)
    module = root / "blueprints" / "network" / "sandbox" / "main.tf"
    module.write_text(module.read_text().replace('"${var.landform_name}-', '"new-'))
    settings = landform.settings.model_copy(update={"catalog_root": root})
    landform.use(build_context(settings))


def answer_slowly(landform: Landform, _: Stack) -> None:
    landform.cloud.set_faults(read_delay_seconds=1)


def answer_too_slowly(landform: Landform, _: Stack) -> None:
    landform.cloud.set_faults(read_delay_seconds=30)
    settings = landform.settings.model_copy(update={"plan_timeout_seconds": 3})
    landform.use(build_context(settings))


def answer_not_at_all(landform: Landform, stack: Stack) -> None:
    with landform.ctx.write() as session:
        account = session.get_one(Stack, stack.id).cloud_account
        nowhere = f"http://127.0.0.1:{free_port()}/v1".encode()
        account.sealed_credentials = landform.ctx.keys.encrypt(
            b'{"endpoint": "%s", "token": "%s"}' % (nowhere, landform.cloud.token.encode()),
            f"credentials:{account.id}",
        )


def lose_access(landform: Landform, stack: Stack) -> None:
    with landform.ctx.write() as session:
        account = session.get_one(Stack, stack.id).cloud_account
        endpoint = landform.settings.sandbox_endpoint.encode()
        account.sealed_credentials = landform.ctx.keys.encrypt(
            b'{"endpoint": "%s", "token": "wrong"}' % endpoint, f"credentials:{account.id}"
        )


CHANGED = ("updated", "network", "update")
DELETED = ("deleted", "subnet eu-west-a", "create")
CREATED = ("created", "subnet", "none")
MATRIX = {
    "nothing": Case(lambda *_: None, "in_sync", set()),
    "changed": Case(change, "drifted", {CHANGED}),
    "deleted": Case(delete, "drifted", {DELETED}),
    "deleted and made again": Case(recreate, "drifted", {DELETED, CREATED}),
    "an extra resource": Case(add, "drifted", {CREATED}),
    "wanted, not applied": Case(want_more, "in_sync", set(), is_pending=True),
    "changed, and something wanted": Case(
        change_and_want_more, "drifted", {CHANGED}, is_pending=True
    ),
    "blueprint upgraded": Case(upgrade_blueprint, "in_sync", set(), is_pending=True),
    "a slow cloud": Case(answer_slowly, "in_sync", set()),
    "a cloud that is too slow": Case(answer_too_slowly, "unknown", set(), reason="deadline"),
    "a cloud that is away": Case(answer_not_at_all, "unknown", set(), reason="cloud"),
    "credentials that are refused": Case(lose_access, "unknown", set(), reason="token"),
}


CORE = ("deleted", "an extra resource", "a cloud that is away")
NAMES = [pytest.param(name, marks=() if name in CORE else pytest.mark.thorough) for name in MATRIX]


@pytest.mark.parametrize("name", NAMES)
def test_the_next_check_says_what_happened(landform: Landform, network: Stack, name: str) -> None:
    case = MATRIX[name]
    case.happens(landform, network)
    landform.perform(network, OperationType.DRIFT_CHECK)
    stack, report = landform.stack(network.id), last_report(landform, network)
    assert (stack.drift_status, report.status) == (case.verdict, case.verdict)
    assert {_seen(item) for item in report.changes} == case.seen
    assert case.reason in (stack.drift_reason or "").lower()
    assert bool(stack.drift_reason) == (case.verdict == "unknown")
    assert report.has_pending_changes == case.is_pending
    assert stack.status == "ready", "a check harms no stack, whatever it says"
    assert stack.drift_since is not None


def _seen(item: dict[str, Any]) -> tuple[str, str, str]:
    name = item["name"]
    if item["resource_id"] is not None:
        name = name.removesuffix(f" {item['resource_id']}")
    return item["change"], name, item["mending"]


@pytest.mark.thorough
def test_a_default_that_a_new_provider_has_changed_is_no_drift(
    landform: Landform, network: Stack, tmp_path: Path
) -> None:
    parameters = {"network": network.name, "engine": "postgresql", "size": "small"}
    database = landform.made("database", "db", parameters=parameters)
    shutil.copytree(REPOSITORY_ROOT / "sandbox", tmp_path / "sandbox")
    types = tmp_path / "sandbox" / "resource_types" / "storage.py"
    types.write_text(types.read_text().replace("default=5432", "default=5433"))
    write_location(landform.settings.sandbox_mirror, Path(sys.executable), tmp_path)
    done = landform.perform(database, OperationType.DRIFT_CHECK)
    assert landform.stack(database.id).drift_status == "in_sync"
    assert last_report(landform, database).has_pending_changes
    assert (done.plan_summary or {})["replace"] == 1, "the report says what an apply would do"


@pytest.mark.thorough
def test_a_stack_that_is_worked_on_is_checked_after_that(
    landform: Landform, network: Stack
) -> None:
    change(landform, network)
    apply = landform.request(network, OperationType.APPLY)
    process = ProcessIdentity.of(os.getpid()).to_dict()
    taken = claim(landform.ctx, apply.id, "somebody", process)
    assert taken is not None
    with landform.ctx.write() as session:
        session.get_one(Schedule, network.id).next_check_at = utc_now()
    assert claim_due(landform.ctx) == 0
    check = landform.request(network, OperationType.DRIFT_CHECK)
    assert choose_next(landform.ctx) is None
    assert landform.carry_out(check).status == "pending"
    with landform.ctx.write() as session:
        row = session.get_one(Operation, apply.id)
        row.status, row.fence = "pending", row.fence + 1
    assert landform.carry_out(apply).status == "applied"
    assert landform.carry_out(check).status == "planned_and_finished"
    assert landform.stack(network.id).drift_status == "in_sync", "the apply has undone it"
