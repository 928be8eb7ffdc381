"""A Landform with an account of one cloud: the API for what is asked, the engine for the work."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from typing import Any

from app.clock import utc_now
from app.models import Operation
from app.services.engine.engine import Engine
from app.services.engine.recovery.orphan_search import SETTLE, search_orphans
from tests.api.rest import Rest

KILL_SECONDS = 240


class CloudLandform:
    """Asks for stacks of one cloud account as a client would, and does what a worker does.

    Args:
        rest: the administrator.
        account: name of the cloud account; made here.
        cloud: its cloud.
        credentials: of the account.
    """

    def __init__(self, rest: Rest, account: str, cloud: str, credentials: dict[str, str]) -> None:
        self.rest = rest
        self.account = account
        body = {"name": account, "cloud": cloud, "credentials": credentials}
        body |= {"default_region": "eu-west", "projects": "all"}
        answer = rest.post("/cloud-accounts", body)
        assert answer.status_code == 201, answer.text

    def create(self, plural: str, name: str, **parameters: Any) -> dict[str, Any]:
        """Ask for a stack, carry it out, and return it."""
        body = {"name": name, "cloud_account": self.account, "parameters": parameters}
        answer = self.rest.post(f"/{plural}", body)
        assert answer.status_code == 202, answer.text
        return self.finish(answer.json)

    def change(self, plural: str, stack: dict[str, Any], **parameters: Any) -> dict[str, Any]:
        path = f"/{plural}/{stack['id']}"
        return self.finish(self.rest.patch(path, {"parameters": parameters}, If_Match="*").json)

    def destroy(self, plural: str, stack: dict[str, Any]) -> dict[str, Any]:
        return self.finish(self.rest.delete(f"/{plural}/{stack['id']}", If_Match="*").json)

    def perform(self, stack: dict[str, Any], **body: Any) -> dict[str, Any]:
        """Ask for an operation on a stack, carry it out and return it."""
        answer = self.rest.post(f"/stacks/{stack['id']}/operations", body)
        assert answer.status_code == 202, answer.text
        return self.carry_out(answer.json["operation"]["id"])

    def finish(self, accepted: dict[str, Any]) -> dict[str, Any]:
        """Carry out what was accepted, which must go well, and return the stack."""
        done = self.carry_out(accepted["operation"]["id"])
        assert done["status"] in ("applied", "planned_and_finished"), done["error"]
        return self.stack(accepted["stack"])

    def carry_out(self, operation_id: str) -> dict[str, Any]:
        Engine(self.rest.ctx).carry_out(operation_id)
        return dict(self.rest.get(f"/operations/{operation_id}").json)

    def stack(self, stack: dict[str, Any]) -> dict[str, Any]:
        return dict(self.rest.get(f"/stacks/{stack['id']}").json)

    def outputs(self, stack: dict[str, Any]) -> dict[str, Any]:
        return dict(self.rest.get(f"/stacks/{stack['id']}/outputs").json["outputs"])

    def drift(self, stack: dict[str, Any]) -> dict[str, dict[str, Any]]:
        """Check for drift; return the changes by Terraform's address, or else by id."""
        done = self.perform(stack, type="drift_check")
        assert done["status"] == "planned_and_finished", done["error"]
        found = self.report(stack)["changes"]
        return {item["address"] or item["resource_id"]: item for item in found}

    def report(self, stack: dict[str, Any]) -> dict[str, Any]:
        """Return what the last drift check saw."""
        report = self.stack(stack)["drift"]["report_id"]
        return dict(self.rest.get(f"/stacks/{stack['id']}/drift-reports/{report}").json)

    def reconcile(self, stack: dict[str, Any]) -> None:
        """Undo what the last drift check saw, which must go well."""
        report = self.stack(stack)["drift"]["report_id"]
        done = self.perform(stack, type="reconcile", report_id=report)
        assert done["status"] == "applied", done["error"]

    def named(self, plural: str, name: str) -> dict[str, Any]:
        """Return the stack of this name."""
        items = self.rest.get(f"/{plural}").json["items"]
        (found,) = [item for item in items if item["name"] == name]
        return dict(found)

    def kill_once(
        self, is_reached: Callable[[], bool], plural: str, **parameters: Any
    ) -> Operation:
        """Ask for a stack, kill its Terraform once ``is_reached``; then search.

        Returns the operation, with what the search by tag found.
        """
        body = {"name": "victim", "cloud_account": self.account, "parameters": parameters}
        operation = self.rest.post(f"/{plural}", body).json["operation"]["id"]
        work = threading.Thread(target=self.carry_out, args=(operation,))
        work.start()
        deadline = time.monotonic() + KILL_SECONDS
        while not is_reached():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        os.kill((self.operation_row(operation).process or {})["pid"], signal.SIGKILL)
        work.join(120)
        done = self.rest.get(f"/operations/{operation}").json
        assert done["status"] == "interrupted", done["error"]
        search_orphans(self.rest.ctx)
        return self.operation_row(operation)

    def resolve(self, operation: Operation, action: str) -> dict[str, Any]:
        """Decide about an interruption once its search is over, and return what followed."""
        with self.rest.ctx.write() as session:
            session.get_one(Operation, operation.id).ended_at = utc_now() - 2 * SETTLE
        search_orphans(self.rest.ctx)
        answer = self.rest.post(f"/operations/{operation.id}/resolve", {"action": action})
        assert answer.status_code == 202, answer.text
        following = answer.json["following"]["id"]
        planned = self.carry_out(following)
        assert planned["status"] == "planned", planned["error"]
        assert self.rest.post(f"/operations/{following}/approve").status_code == 202
        return self.carry_out(following)

    def operation_row(self, operation_id: str) -> Operation:
        with self.rest.ctx.read() as session:
            return session.get_one(Operation, operation_id)
