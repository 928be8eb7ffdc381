"""A client of the API whose worker is the same process: what it asks for, it can have done."""

from __future__ import annotations

from typing import Any

from app.services.engine.engine import Engine
from tests.api.rest import Rest


class WorkingClient(Rest):
    """Calls the API, and carries out what was accepted as a worker would."""

    def work(self, answer: Any) -> dict[str, Any]:
        """Carry out the operation that an answer holds, and return it afterwards."""
        assert answer.status_code == 202, answer.text
        return self.carry_out(answer.json["operation"]["id"])

    def carry_out(self, operation_id: str) -> dict[str, Any]:
        """Do what a worker does with an operation, and return it afterwards."""
        Engine(self.ctx).carry_out(operation_id)
        return self.shown(f"/operations/{operation_id}")

    def make(self, kind: str, plural: str | None = None, **more: Any) -> dict[str, Any]:
        """Ask for a stack, carry that out, and return the operation."""
        body = {"name": kind, "cloud_account": "sandbox", "parameters": {}, **more}
        return self.work(self.post(f"/{plural or kind + 's'}", body))

    def made(self, kind: str, plural: str | None = None, **more: Any) -> dict[str, Any]:  # type: ignore[override]  # a worker makes it
        """Make a stack and return it."""
        done = self.make(kind, plural, **more)
        assert done["status"] == "applied", done["error"]
        return self.shown(f"/stacks/{done['stack_id']}")

    def perform(self, stack: dict[str, Any], **body: Any) -> dict[str, Any]:
        """Ask for an operation on a stack and carry it out."""
        return self.work(self.post(f"/stacks/{stack['id']}/operations", body))

    def shown(self, path: str, **query: Any) -> dict[str, Any]:
        """Return what is at a path."""
        answer = self.get(path, **query)
        assert answer.status_code == 200, answer.text
        return dict(answer.get_json())

    def addresses(self, stack: dict[str, Any]) -> list[str]:
        """Return the addresses in the state of a stack."""
        items = self.shown(f"/stacks/{stack['id']}/resources")["items"]
        return sorted(item["address"] for item in items)
