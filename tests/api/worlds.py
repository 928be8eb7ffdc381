"""Two projects full of things, and a outsider who administers only one of them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select, update

from app.models import Operation, Stack
from app.models.base import Base
from tests.api.rest import Rest
from tests.api.states import keep_state, state_bytes
from tests.api.walking import Described, operations
from tests.drifting import change, check
from tests.sandbox_cloud import Cloud, connect

OWNERS = ("id", "project_id", "stack_id", "operation_id", "webhook_id", "report_id", "scope")
USERS = ("user_id", "account_id")
POLICY = {
    "name": "regions",
    "at": ["request"],
    "rule": "stack.region in ['eu-west']",
    "verdict": "deny",
    "message": "Not there.",
}
OVERRIDE = {"policy_set": "basics", "policy": "regions", "reason": "a test"}
BUILT_ON = {"network": "our-stack", "network_id": "net_1", "subnet_ids": ["sub_1"]}


class Worlds:
    """``theirs`` and ``ours`` have the ids and names of everything that there is of each kind."""

    def __init__(self, rest: Rest, cloud: Cloud) -> None:
        self.rest, self.cloud = rest, cloud
        connect(rest.ctx, cloud)
        rest.make_project("theirs")
        rest.make_project("ours")
        assert rest.post("/policies", {"name": "basics", "policies": [POLICY]}).status_code == 201
        self.theirs = self._fill("theirs", "their")
        self.outsider = rest.as_member("admin", "ours")
        self.ours = self._fill("ours", "our")
        self.by_plural = self._one_of_each_kind()
        self.ours["operation_id"] = self._interrupted()

    def _fill(self, project: str, whose: str) -> dict[str, str]:
        rest, name = self.rest, f"{whose}-stack"
        stack = rest.made("networks", name, project=project, labels={"secret": f"{name}-label"})
        tags = {"landform:stack": stack["id"]}
        held = self.cloud.add("network", tags, name=name, region="eu-west", cidr="10.0.0.0/16")
        state = state_bytes(1, {"this": "1"}, type_="sandbox_network")
        keep_state(rest, stack["id"], state.replace(b"id-this", held.encode()))
        with rest.ctx.read() as session:
            report = check(rest.ctx, session.get_one(Stack, stack["id"]), change(size=2))
        hook = {"name": name, "url": "https://hooks.example.com/x", "events": ["drift.found"]}
        rule = {"project": project, "kind": "bucket", "reason": "a test"}
        account = {"name": f"{whose}-account", "cloud": "sandbox", "projects": [project]}
        account["credentials"] = {"endpoint": self.cloud.endpoint, "token": "a-token"}
        person = rest.as_member("operator", project)
        webhook = rest.post("/webhooks", {**hook, "project": project}).json["id"]
        return {
            "project": project,
            "stack_id": stack["id"],
            "stack": name,
            "stack_name": name,
            "operation_id": rest.get("/operations", stack=stack["id"]).json["items"][0]["id"],
            "webhook_id": webhook,
            "delivery_id": rest.post(f"/webhooks/{webhook}/test").json["id"],
            "rule_id": rest.post("/drift/rules", rule).json["id"],
            "report_id": report.id,
            "override_id": rest.post("/policy-overrides", {**OVERRIDE, "project": project}).json[
                "id"
            ],
            "finding_id": report.changes[0]["finding_id"],
            "project_id": stack["project"]["id"],
            "account": rest.post("/cloud-accounts", account).json["name"],
            "user": person.user,
            "session_id": person.opened.session_id,
            "token_id": person.post("/tokens", {"name": "t", "scopes": ["stack:read"]}).json["id"],
            "resource_id": held,
        }

    def _one_of_each_kind(self) -> dict[str, str]:
        """Make a stack of ours of each kind, so that its routes have something to change."""
        made = {"networks": self.ours["stack_id"]}
        for item in operations():
            plural = item.path.rpartition("/")[2]
            if item.method == "POST" and "cloud_account" in (item.example or {}):
                body = {**item.example, "project": "ours"}
                given = body.pop("parameters", {})
                body["parameters"] = given | {k: BUILT_ON[k] for k in given if k in BUILT_ON}
                if plural not in made:
                    made[plural] = self.rest.made(plural, f"our-{plural}", **_without_name(body))[
                        "id"
                    ]
        return made

    def _interrupted(self) -> str:
        created = self.rest.create("networks", "our-broken", project="ours")
        operation_id: str = created["operation"]["id"]
        self.rest.end(operation_id, "interrupted", "needs_attention")
        self.broken = created["stack"]["id"]
        return operation_id

    def interrupt_again(self) -> None:
        """Have the interrupted operation of ours wait for a decision once more."""
        with self.rest.ctx.write() as session:
            rows = update(Operation).where(Operation.stack_id == self.broken)
            session.execute(rows.values(status="canceled"))
        self.rest.set_operation(
            self.ours["operation_id"],
            status="interrupted",
            holds_back=True,
            has_applied=True,
            resolution=None,
            possibly_orphaned=[],
        )

    def forget_labels(self) -> None:
        """Take the labels of the stacks of ours away that requests change."""
        with self.rest.ctx.write() as session:
            ours = update(Stack).where(Stack.id.in_(self.by_plural.values()))
            session.execute(ours.values(labels={}))

    def path(self, item: Described, values: dict[str, str]) -> str:
        """Fill the path of an operation; a route of one kind gets a stack of ours of that kind."""
        plural = item.path.removeprefix("/api/v1/").partition("/")[0]
        mine = {"stack_id": self.by_plural[plural]} if plural in self.by_plural else {}
        others = {"serial": "1", "kind": "network", "cloud": "sandbox", **mine}
        filled = item.path
        for name in item.names:
            filled = filled.replace(f"{{{name}}}", {**others, **values}.get(name, "none_0"))
        return filled

    def snapshot(self) -> dict[str, list[str]]:
        """Every row in SQL that is of the other project, but for the audit trail."""
        theirs, found = set(self.theirs.values()), {}
        with self.rest.ctx.read() as session:
            for table in Base.metadata.sorted_tables:
                owners = [one.name for one in table.columns if one.name in (*OWNERS, *USERS)]
                rows = session.execute(select(table)).mappings()
                of_them = [row for row in rows if not theirs.isdisjoint(row[n] for n in owners)]
                found[table.name] = sorted(repr(dict(row)) for row in of_them)
        del found["audit_events"]
        return found


def _without_name(body: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in body.items() if key not in ("name", "ttl_seconds")}
