"""Every route and every kind of principal: who is let in, who is refused, and how.

The table says it a second time, on purpose, in other words than ``app.domain.permissions``. A route
without a row fails: add it to ``TABLE``.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from enum import StrEnum
from io import BytesIO
from typing import Any

import pytest
from flask_jwt_extended import decode_token
from sqlalchemy import delete, select
from werkzeug.routing import Rule as Route
from werkzeug.test import TestResponse

from app.clock import utc_now
from app.domain.permissions import SCOPES
from app.models import (
    ApiToken,
    AuditEvent,
    Instance,
    Operation,
    ProjectMember,
    Stack,
    StackLock,
    StoredPlan,
    User,
    UserSecondFactor,
)
from app.services.installation.instances import begin_instance
from app.services.secrets import seal_json
from tests.api.rest import Rest
from tests.api.states import keep_state, state_bytes
from tests.api.walking import DOCUMENT
from tests.drifting import change, check
from tests.plan_counts import counts

STALE = '"999999"'
NUMBERS = itertools.count(1)
ENDS_SESSIONS = {
    "/api/v1/auth/logout",
    "/api/v1/auth/sessions",
    "/settings/sessions/end",
    "/sign-out",
}
# A token without a scope must not have one that includes it either.
INCLUDING = {
    "stack:read": ("stack:write", "operation:control", "state:read", "state:write", "secret:read"),
    "project:read": ("project:write", "member:write", "project:manage", "policy:override"),
    "audit:read": ("audit:read-all",),
    "webhook:manage": ("webhook:manage-all",),
}


class Who(StrEnum):
    """The kinds of principals."""

    ANONYMOUS = "anonymous"
    NOBODY = "member of nothing"
    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMIN = "admin of the project"
    OUTSIDER = "admin of another project"
    SYSTEM = "administrator"
    WITHOUT = "token without the scope"
    WITH = "token with the scope"
    EXPIRED = "expired token"
    REVOKED = "revoked token"
    DISABLED = "disabled user"


IN = 0
"""Let in: the request is answered as ``Row.granted`` says."""
SIGN_IN = 303
"""Sent to the sign-in page."""
KNOWN = (Who.NOBODY, Who.VIEWER, Who.OPERATOR, Who.ADMIN, Who.OUTSIDER, Who.SYSTEM)
MACHINES = (Who.WITHOUT, Who.WITH)
NOT_SIGNED_IN = (Who.ANONYMOUS, Who.EXPIRED, Who.REVOKED, Who.DISABLED)

Outcomes = Mapping[Who, int]


def _api(*known: int, without: int = 403, with_: int = IN) -> Outcomes:
    """Outcomes of a route of the API, in the order of ``KNOWN``."""
    return {
        **dict.fromkeys(NOT_SIGNED_IN, 401),
        **dict(zip(KNOWN, known, strict=True)),
        Who.WITHOUT: without,
        Who.WITH: with_,
    }


def _page(*known: int) -> Outcomes:
    """Outcomes of a page of the console, which no API token opens."""
    return {
        **dict.fromkeys((*NOT_SIGNED_IN, *MACHINES), SIGN_IN),
        **dict(zip(KNOWN, known, strict=True)),
    }


OPEN: Outcomes = dict.fromkeys(Who, IN)
NO_ONE: Outcomes = dict.fromkeys(Who, 401)
# Order of the numbers: member of nothing, viewer, operator, admin, outsider, administrator.
SIGNED_IN = _api(IN, IN, IN, IN, IN, IN, without=IN)
A_LIST = _api(IN, IN, IN, IN, IN, IN)
IN_SESSION = _api(IN, IN, IN, IN, IN, IN, without=403, with_=403)
VIEWERS = _api(404, IN, IN, IN, 404, IN)
OPERATORS = _api(404, 403, IN, IN, 404, IN)
ADMINS = _api(404, 403, 403, IN, 404, IN)
MAKERS = _api(422, 403, IN, IN, 422, IN)
ADMINS_AS_MAKERS = _api(422, 403, 403, IN, 422, IN)
ADMINS_ANYWHERE = _api(403, 403, 403, IN, IN, IN)
SERVICE = _api(403, 403, 403, 403, 403, IN)
A_PERSON_OF_SERVICE = _api(403, 403, 403, 403, 403, IN, with_=403)
MEMBERS = _api(404, IN, IN, IN, IN, IN, without=IN)
PROJECT_MANAGERS = _api(404, 403, 403, 403, 404, IN)
ITS_OWNER = _api(404, 404, IN, 404, 404, IN, without=403, with_=403)
ONLY_ITS_OWNER = _api(404, 404, IN, 404, 404, 404, without=403, with_=403)
PAGE = _page(IN, IN, IN, IN, IN, IN)
PAGE_OF_MEMBERS = _page(404, IN, IN, IN, IN, IN)
PAGE_OF_MAKERS = _page(403, 403, IN, IN, IN, IN)
PAGE_OF_VIEWERS = _page(404, IN, IN, IN, 404, IN)
FORM_OF_OPERATORS = _page(404, 403, IN, IN, 404, IN)
FORM_OF_ADMINS = _page(404, 403, 403, IN, 404, IN)
PAGE_OF_SERVICE = _page(403, 403, 403, 403, 403, IN)
PAGE_OF_ADMINS_ANYWHERE = _page(403, 403, 403, IN, IN, IN)
PAGE_OF_ITS_OWNER = _page(404, 404, IN, 404, 404, IN)
FORM_OF_ITS_OWNER = _page(404, 404, IN, 404, 404, 404)
FORM_TO_SIGN_IN = _page(303, 303, 303, 303, 303, 303)


@dataclass(frozen=True)
class Row:
    """What a route does for whom.

    ``granted`` is the status for who is let in; ``scope`` the one that an API token needs.
    """

    outcomes: Outcomes
    scope: str | None = None
    granted: int = 200
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    arrange: Callable[[World], None] = lambda _: None


class World:
    """A Landform with a stack of every kind, and somebody of every kind."""

    def __init__(self, rest: Rest) -> None:
        self.rest = rest
        self.plurals = [kind.plural for kind in rest.ctx.catalog.kinds.values()]
        rest.made("networks", "web")
        self.stacks = {"networks": rest.get("/stacks").json["items"][0]["id"]}
        for plural in self.plurals:
            if plural != "networks":
                self.stacks[plural] = rest.made(plural, f"a-{plural}", **self.body(plural))["id"]
        self.names = {plural: f"a-{plural}" for plural in self.plurals} | {"networks": "web"}
        self.stack = self.stacks["networks"]
        for serial in (1, 2):
            keep_state(rest, self.stack, state_bytes(serial, {"a": str(serial)}))
        self.operation = rest.get(f"/stacks/{self.stack}/operations").json["items"][0]["id"]
        self._add_plan()
        self.webhook = rest.post("/webhooks", HOOK).json["id"]
        self.delivery = rest.post(f"/webhooks/{self.webhook}/test").json["id"]
        self.policy_set = rest.post("/policies", POLICIES).json["id"]
        self.sheet = rest.post("/price-sheets", SHEET).json["id"]
        self.override = rest.post("/policy-overrides", OVERRIDE).json["id"]
        with rest.ctx.read() as session:
            stack = session.get_one(Stack, self.stack)
        self.instance = self._silent_host()
        self.rule = rest.post("/drift/rules", RULE).json["id"]
        self.report = check(rest.ctx, stack, change(size=2))
        rest.make_project("other")
        self.people = {
            Who.NOBODY: rest.as_member(None).user,
            Who.VIEWER: rest.as_member("viewer").user,
            Who.OPERATOR: rest.as_member("operator").user,
            Who.ADMIN: rest.as_member("admin").user,
            Who.OUTSIDER: rest.as_member("admin", "other").user,
            Who.SYSTEM: self._second_administrator(),
            Who.DISABLED: rest.as_member("admin").user,
        }
        self.victim = rest.as_member(None).user
        self.disabled = Rest(rest.app, self.people[Who.DISABLED])
        rest.patch(f"/users/{self.disabled.user}", {"disabled": True}, If_Match="*")
        self.tokens: dict[object, str] = {
            Who.EXPIRED: self._machine(*SCOPES, expires_at=utc_now()),
            Who.REVOKED: self._machine(*SCOPES, revoked_at=utc_now()),
        }
        self.callers: dict[Who, Rest] = {}
        self.token = self.session = ""

    def _second_administrator(self) -> str:
        """Somebody who may end the own sessions; the first one arranges things in between."""
        name = self.rest.as_member(None).user
        self.rest.patch(f"/users/{name}", {"is_admin": True}, If_Match="*")
        return name

    def _silent_host(self) -> str:
        made = begin_instance(self.rest.ctx)
        with self.rest.ctx.write() as session:
            session.get_one(Instance, made).heartbeat_at -= timedelta(hours=1)
        return made

    def body(self, plural: str) -> dict[str, Any]:
        """The parameters that the document suggests, which refer to the network."""
        content = DOCUMENT["paths"][f"/api/v1/{plural}"]["post"]["requestBody"]["content"]
        parameters = dict(content["application/json"]["example"].get("parameters", {}))
        if "network" in parameters:
            parameters["network"] = "web"
        return {"parameters": parameters}

    def path(self, rule: Route) -> str:
        """Fill a route with the ids of what there is."""
        plural = rule.rule.split("/")[3] if rule.rule.startswith("/api/v1/") else ""
        values = {
            "stack_id": self.stacks.get(plural, self.stack),
            "operation_id": self.operation,
            "project": "default",
            "user": self.victim,
            "user_id": self.victim,
            "number": "0",
            "cloud": "sandbox",
            "account_id": "sandbox",
            "token_id": self.token,
            "session_id": self.session,
            "serial": "2",
            "kind": "network",
            "extension": "csv",
            "name": "runbook",
            "stack_name": self.names.get(rule.rule.split("/")[-2], "web"),
            "code": "not_found",
            "picture": "overview.png",
            "account": "sandbox",
            "choice": "accept",
            "filename": "css/base.css",
            "webhook_id": self.webhook,
            "delivery_id": self.delivery,
            "policy_set": self.policy_set,
            "set_id": self.policy_set,
            "override_id": self.override,
            "sheet_id": self.sheet,
            "rule_id": self.rule,
            "role": "worker",
            "instance_id": self.instance,
            "report_id": self.report.id,
            "finding_id": self.report.changes[0]["finding_id"],
        }
        return re.sub(r"<(?:[^:>]+:)?([^>]+)>", lambda match: values[match[1]], rule.rule)

    def ask(self, who: Who, row: Row, rule: Route, method: str) -> TestResponse:
        """Send the request as ``who``, with what each kind of principal has to show."""
        row.arrange(self)
        path = self.path(rule)
        is_api = path.startswith("/api")
        body = row.body(self, path) if callable(row.body) else row.body
        client = self.rest.app.test_client()
        headers = dict(row.headers)
        if who in (*MACHINES, Who.EXPIRED, Who.REVOKED):
            headers["Authorization"] = f"Bearer {self._token_of(who, row.scope)}"
        elif who is not Who.ANONYMOUS:
            caller = self.signed_in(who, is_anew=path in ENDS_SESSIONS)
            if is_api:
                headers |= caller.headers
            else:
                token = caller.cookie()
                client.set_cookie("landform_session", token)
                with self.rest.app.test_request_context():
                    headers["X-CSRF-TOKEN"] = str(decode_token(token)["csrf"])
        how = {"json": body} if is_api else {"data": body}
        return client.open(path, method=method, headers=headers, buffered=True, **how)

    def signed_in(self, who: Who, *, is_anew: bool = False) -> Rest:
        """A person in a session, which is used until something has ended it."""
        if who is Who.DISABLED:
            return self.disabled
        if is_anew or who not in self.callers:
            self.callers[who] = Rest(self.rest.app, self.people[who])
        caller = self.callers[who]
        if is_anew:
            del self.callers[who]
        return caller

    def _token_of(self, who: Who, scope: str | None) -> str:
        """An administrator's token: with the one scope only, or with all the others."""
        if who in (Who.EXPIRED, Who.REVOKED):
            return self.tokens[who]
        key = (who, scope)
        if key not in self.tokens:
            others = SCOPES - {scope, *INCLUDING.get(scope or "", ())}
            scopes = {scope or "stack:read"} if who is Who.WITH else others
            self.tokens[key] = self._machine(*sorted(scopes))
        return self.tokens[key]

    def _machine(self, *scopes: str, **columns: Any) -> str:
        machine = self.rest.as_token(*scopes)
        with self.rest.ctx.write() as session:
            token = session.scalars(select(ApiToken).order_by(ApiToken.id.desc()).limit(1)).one()
            for name, value in columns.items():
                setattr(token, name, value)
        return machine.headers["Authorization"].removeprefix("Bearer ")

    def _add_plan(self) -> None:
        plan = {"summary": counts(), "changes": [], "outputs": []}
        sealed = seal_json(self.rest.ctx.keys, plan, f"plan:{self.operation}")
        with self.rest.ctx.write() as session:
            session.get_one(Operation, self.operation).plan_summary = counts()
            session.add(
                StoredPlan(operation_id=self.operation, sealed_changes=sealed, created_at=utc_now())
            )


def _new_token_of_the_operator(world: World) -> None:
    operator = world.signed_in(Who.OPERATOR)
    answer = operator.post("/tokens", {"name": "a test", "scopes": ["stack:read"]})
    world.token = answer.json["id"]


def _new_session_of_the_operator(world: World) -> None:
    world.session = Rest(world.rest.app, world.people[Who.OPERATOR]).opened.session_id


def _member_again(world: World) -> None:
    world.rest.call("PUT", f"/projects/default/members/{world.victim}", json={"role": "viewer"})


def _no_member(world: World) -> None:
    with world.rest.ctx.write() as session:
        person = select(User.id).where(User.name == world.victim).scalar_subquery()
        session.execute(delete(ProjectMember).where(ProjectMember.user_id == person))


def _windows(world: World) -> None:
    window = {"effect": "allow", "days": ["mon"], "start": "01:00", "end": "02:00"}
    for place in ("", "/projects/default"):
        world.rest.patch(f"{place}/change-control", {"windows": [window]}, If_Match="*")
    world.rest.patch("/projects/default", {"drift": {"windows": [window]}}, If_Match="*")


def _host_not_gone(world: World) -> None:
    with world.rest.ctx.write() as session:
        row = session.get_one(Instance, world.instance)
        row.gone_at, row.heartbeat_at = None, utc_now() - timedelta(hours=1)


def _host_lives(world: World) -> None:
    with world.rest.ctx.write() as session:
        row = session.get_one(Instance, world.instance)
        row.gone_at, row.heartbeat_at = None, utc_now()


def _no_lock(world: World) -> None:
    with world.rest.ctx.write() as session:
        session.execute(delete(StackLock))


def _locked(world: World) -> None:
    _no_lock(world)
    world.rest.call("PUT", f"/stacks/{world.stack}/lock", json={"reason": "a test"})


def _acknowledged(world: World) -> None:
    world.rest.post(f"/drift/findings/{world.report.changes[0]['finding_id']}/acknowledge")


def _new_stack(world: World, path: str) -> dict[str, Any]:
    plural = path.rpartition("/")[2]
    name = f"n-{next(NUMBERS)}"
    return {"name": name, "cloud_account": "sandbox", **world.body(plural)}


def _same_stack(world: World, path: str) -> dict[str, Any]:
    plural = path.split("/")[-2]
    labels = {"asked": str(next(NUMBERS))}
    return {"cloud_account": "sandbox", "labels": labels, **world.body(plural)}


def _named(world: World, path: str) -> dict[str, Any]:
    return {"name": f"n-{next(NUMBERS)}"}


def _new_account(world: World, path: str) -> dict[str, Any]:
    credentials = {"endpoint": "http://127.0.0.1:1999/v1", "token": "none"}
    return {"name": f"n-{next(NUMBERS)}", "cloud": "sandbox", "credentials": credentials}


def _nobody_yet(world: World, path: str) -> dict[str, Any]:
    return {"name": f"u-{next(NUMBERS)}"}


def _factors_begun(world: World) -> None:
    """Have everybody wait for the first code of a second factor."""
    with world.rest.ctx.write() as session:
        for user_id in session.scalars(select(User.id)):
            if session.get(UserSecondFactor, user_id) is None:
                place = f"second-factor:{user_id}"
                sealed = seal_json(world.rest.ctx.keys, "A" * 28, place)
                factor = UserSecondFactor(
                    user_id=user_id, sealed_secret=sealed, created_at=utc_now()
                )
                session.add(factor)


def _new_policies(world: World, path: str) -> dict[str, Any]:
    return {"name": f"set-{next(NUMBERS)}", "policies": []}


def _override_again(world: World) -> None:
    world.override = world.rest.post("/policy-overrides", OVERRIDE).json["id"]


def _role_of_the_victim(world: World, path: str) -> dict[str, Any]:
    return {"/user": world.victim, "/role": "viewer"}


def _state_file(world: World, path: str) -> dict[str, Any]:
    return {"state": (BytesIO(b"not a state"), "a.tfstate")}


READ = "stack:read"
WRITE = "stack:write"
CONTROL = "operation:control"
HOOKS = "webhook:manage"
ACCOUNTS = "cloud-account:manage"
CHANGE = {"If-Match": STALE}
OLD = {"version": "999999"}
HOOK_PAGE = "/settings/webhooks/{webhook_id}"
HOOK_FORM = {
    "/name": "hook",
    "/url": "https://hooks.example.com/landform",
    "/events": "operation.ended",
    "/format": "standard",
}
PAUSED = "/settings/projects/{project}/maintenance"
PAUSE = {"/maintenance/reason": "a test", "/maintenance/until": "1", **OLD}
WINDOW = {"/effect": "deny", "/days": "mon", "/start": "01:00", "/end": "02:00", **OLD}
HOOK = {
    "name": "hook",
    "url": "https://hooks.example.com/landform",
    "events": ["operation.ended"],
    "project": "default",
}
TOKEN = {"name": "a test", "scopes": ["project:read"]}
POLICY = {
    "name": "regions",
    "at": ["request"],
    "rule": "stack.region in ['eu-west']",
    "verdict": "deny",
    "message": "Not there.",
}
SHEET = {
    "csv": "cloud,region,type,match,component,unit,quantity,price,currency,low,typical,high,"
    "source,date\nsandbox,*,sandbox_bucket,,disk,month,,1,USD,,,,our list,2026-11-30\n"
}
POLICIES = {"name": "basics", "policies": [POLICY]}
OVERRIDE = {
    "policy_set": "basics",
    "policy": "regions",
    "project": "default",
    "reason": "a test",
}
POLICY_SET = "/api/v1/policies/{policy_set}"
PASSWORDS = {"current_password": "wrong", "new_password": "a fine passphrase"}
STACK = "/api/v1/stacks/{stack_id}"
OPERATION = "/api/v1/operations/{operation_id}"
PROJECT = "/api/v1/projects/{project}"
ACCOUNT = "/api/v1/cloud-accounts/{account}"
WEBHOOK = "/api/v1/webhooks/{webhook_id}"
RULE = {"project": "default", "kind": "bucket", "reason": "a test"}
FINDING = "/api/v1/drift/findings/{finding_id}"

TABLE: dict[str, Row] = {
    # --- open to everybody
    "GET /healthz": Row(OPEN),
    "GET /readyz": Row(OPEN, granted=503),
    "GET /readyz/{role}": Row(OPEN, granted=503),
    "GET /metrics": Row(OPEN),
    "GET /api/docs": Row(OPEN),
    "GET /api/docs/errors": Row(OPEN),
    "GET /api/v1/openapi.json": Row(OPEN),
    "GET /static/{filename}": Row(OPEN),
    "GET /static/console.css": Row(OPEN),
    "POST /api/v1/auth/login": Row(OPEN, granted=422, body={}),
    "POST /api/v1/auth/refresh": Row(NO_ONE),  # takes a refresh token, which nobody here shows
    # --- everybody who is signed in
    "GET /api/v1/auth/me": Row(SIGNED_IN),
    "GET /api/v1/change-control": Row(SIGNED_IN),
    "GET /api/v1/clouds": Row(SIGNED_IN),
    "GET /api/v1/kinds": Row(SIGNED_IN),
    "GET /api/v1/kinds/{kind}": Row(SIGNED_IN),
    "GET /api/v1/cloud-accounts": Row(SIGNED_IN),
    "GET /api/v1/cloud-accounts/{account}": Row(MEMBERS),  # one that is for all projects
    # --- what is one's own, and closed to API tokens
    "POST /api/v1/auth/logout": Row(IN_SESSION, granted=204),
    "POST /api/v1/auth/password": Row(IN_SESSION, granted=422, body=PASSWORDS),
    "POST /api/v1/auth/login/totp": Row(OPEN, granted=422, body={}),
    "POST /api/v1/auth/confirm": Row(IN_SESSION, granted=422, body={"password": "any"}),
    "GET /api/v1/auth/second-factor": Row(IN_SESSION),
    "POST /api/v1/auth/second-factor": Row(IN_SESSION),
    "DELETE /api/v1/auth/second-factor": Row(IN_SESSION, granted=204, arrange=_factors_begun),
    "POST /api/v1/auth/second-factor/activate": Row(
        IN_SESSION, granted=422, body={"totp": "123456"}, arrange=_factors_begun
    ),
    "POST /api/v1/auth/second-factor/recovery-codes": Row(IN_SESSION, granted=404),
    "GET /api/v1/auth/sessions": Row(IN_SESSION),
    "DELETE /api/v1/auth/sessions": Row(IN_SESSION, granted=204),
    "DELETE /api/v1/auth/sessions/{session_id}": Row(
        ONLY_ITS_OWNER, granted=204, arrange=_new_session_of_the_operator
    ),
    "GET /api/v1/tokens": Row(IN_SESSION),
    "POST /api/v1/tokens": Row(
        # one needs the right oneself to put it into a token
        {**IN_SESSION, Who.NOBODY: 422},
        granted=201,
        body=TOKEN,
    ),
    "GET /api/v1/tokens/{token_id}": Row(ITS_OWNER, arrange=_new_token_of_the_operator),
    "DELETE /api/v1/tokens/{token_id}": Row(
        ITS_OWNER, granted=204, arrange=_new_token_of_the_operator
    ),
    # --- rights on Landform as a whole
    "GET /api/v1/users": Row(SERVICE, "user:manage"),
    "POST /api/v1/users": Row(SERVICE, "user:manage", 201, _nobody_yet),
    "GET /api/v1/users/{user}": Row(SERVICE, "user:manage"),
    "PATCH /api/v1/users/{user}": Row(SERVICE, "user:manage", 412, {"disabled": True}, CHANGE),
    "DELETE /api/v1/users/{user}": Row(SERVICE, "user:manage", 412, headers=CHANGE),
    "DELETE /api/v1/users/{user}/second-factor": Row(
        A_PERSON_OF_SERVICE, "user:manage", 204, arrange=_factors_begun
    ),
    "POST /api/v1/cloud-accounts": Row(SERVICE, ACCOUNTS, 201, _new_account),
    f"PATCH {ACCOUNT}": Row(SERVICE, ACCOUNTS, 412, {"regions": []}, CHANGE),
    f"DELETE {ACCOUNT}": Row(SERVICE, ACCOUNTS, 412, headers=CHANGE),
    f"POST {ACCOUNT}/check": Row(SERVICE, ACCOUNTS),
    "POST /api/v1/projects": Row(SERVICE, "project:manage", 201, _named),
    "DELETE /api/v1/projects/{project}": Row(
        PROJECT_MANAGERS, "project:manage", 412, headers=CHANGE
    ),
    "PATCH /api/v1/change-control": Row(
        SERVICE, "maintenance:manage", 412, {"windows": []}, CHANGE
    ),
    # --- rights in a project
    "GET /api/v1/projects": Row(A_LIST, "project:read"),
    f"GET {PROJECT}": Row(VIEWERS, "project:read"),
    f"PATCH {PROJECT}": Row(ADMINS, "project:write", 412, {"title": "x"}, CHANGE),
    f"GET {PROJECT}/change-control": Row(VIEWERS, "project:read"),
    f"PATCH {PROJECT}/change-control": Row(ADMINS, "project:write", 412, {"windows": []}, CHANGE),
    f"GET {PROJECT}/members": Row(VIEWERS, "project:read"),
    f"PUT {PROJECT}/members/{{user}}": Row(ADMINS, "member:write", 200, {"role": "viewer"}),
    f"DELETE {PROJECT}/members/{{user}}": Row(ADMINS, "member:write", 204, arrange=_member_again),
    "GET /api/v1/{plural}": Row(A_LIST, READ),
    "POST /api/v1/{plural}": Row(MAKERS, WRITE, 202, _new_stack),
    "GET /api/v1/{plural}/{stack_id}": Row(VIEWERS, READ),
    "PATCH /api/v1/{plural}/{stack_id}": Row(OPERATORS, WRITE, 412, {"labels": {}}, CHANGE),
    f"GET {PROJECT}/{{plural}}/{{stack_name}}": Row(VIEWERS, READ),
    f"PUT {PROJECT}/{{plural}}/{{stack_name}}": Row(OPERATORS, WRITE, 200, _same_stack),
    "DELETE /api/v1/{plural}/{stack_id}": Row(OPERATORS, WRITE, 412, headers=CHANGE),
    "GET /api/v1/stacks": Row(A_LIST, READ),
    f"GET {STACK}": Row(VIEWERS, READ),
    f"GET {STACK}/outputs": Row(VIEWERS, READ),
    f"GET {STACK}/deletion-plan": Row(VIEWERS, READ),
    f"GET {STACK}/resources": Row(VIEWERS, READ),
    f"GET {STACK}/operations": Row(VIEWERS, READ),
    f"POST {STACK}/operations": Row(OPERATORS, WRITE, 202, {"type": "drift_check"}),
    f"GET {STACK}/drift-reports": Row(VIEWERS, READ),
    f"GET {STACK}/drift-reports/{{report_id}}": Row(VIEWERS, READ),
    f"GET {STACK}/lock": Row(VIEWERS, READ),
    f"PUT {STACK}/lock": Row(OPERATORS, WRITE, 200, {"reason": "a test"}, arrange=_no_lock),
    f"DELETE {STACK}/lock": Row(OPERATORS, WRITE, 412, headers=CHANGE, arrange=_locked),
    f"PUT {STACK}/state": Row(ADMINS, "state:write", 422, {}),
    f"GET {STACK}/state-versions": Row(VIEWERS, READ),
    f"GET {STACK}/state-versions/{{serial}}": Row(VIEWERS, READ),
    f"GET {STACK}/state-versions/{{serial}}/diff": Row(VIEWERS, READ),
    f"GET {STACK}/state-versions/{{serial}}/download": Row(ADMINS, "state:read"),
    "GET /api/v1/operations": Row(A_LIST, READ),
    f"GET {OPERATION}": Row(VIEWERS, READ),
    f"GET {OPERATION}/plan": Row(VIEWERS, READ),
    f"GET {OPERATION}/events": Row(VIEWERS, READ),
    f"GET {OPERATION}/log": Row(VIEWERS, READ),
    f"POST {OPERATION}/approve": Row(OPERATORS, CONTROL, 409, {}),
    f"POST {OPERATION}/discard": Row(OPERATORS, CONTROL, 409, {}),
    f"POST {OPERATION}/cancel": Row(OPERATORS, CONTROL, 409, {}),
    f"POST {OPERATION}/resolve": Row(OPERATORS, CONTROL, 409, {"action": "accept"}),
    "GET /api/v1/drift": Row(A_LIST, READ),
    "GET /api/v1/instances": Row(SERVICE, "maintenance:manage"),
    "POST /api/v1/instances/{instance_id}/gone": Row(
        SERVICE, "maintenance:manage", arrange=_host_not_gone
    ),
    "POST /api/v1/instances/{instance_id}/drain": Row(
        SERVICE, "maintenance:manage", arrange=_host_lives
    ),
    "POST /api/v1/instances/{instance_id}/undrain": Row(SERVICE, "maintenance:manage"),
    "GET /api/v1/audit-events": Row(ADMINS_ANYWHERE, "audit:read"),
    "GET /api/v1/webhooks": Row(ADMINS_ANYWHERE, HOOKS),
    "POST /api/v1/webhooks": Row(ADMINS_AS_MAKERS, HOOKS, 201, HOOK),
    f"GET {WEBHOOK}": Row(ADMINS, HOOKS),
    f"PATCH {WEBHOOK}": Row(ADMINS, HOOKS, 412, {"enabled": False}, CHANGE),
    f"DELETE {WEBHOOK}": Row(ADMINS, HOOKS, 412, headers=CHANGE),
    f"POST {WEBHOOK}/secret": Row(ADMINS, HOOKS, 201),
    f"POST {WEBHOOK}/test": Row(ADMINS, HOOKS, 201),
    f"GET {WEBHOOK}/deliveries": Row(ADMINS, HOOKS),
    f"GET {WEBHOOK}/deliveries/{{delivery_id}}": Row(ADMINS, HOOKS),
    f"POST {WEBHOOK}/deliveries/{{delivery_id}}/redeliver": Row(ADMINS, HOOKS, 201),
    "GET /api/v1/policies": Row(SIGNED_IN),
    "POST /api/v1/policies": Row(SERVICE, "policy:write", 201, _new_policies),
    f"GET {POLICY_SET}": Row(SIGNED_IN),
    f"GET {POLICY_SET}/versions": Row(SIGNED_IN),
    f"PATCH {POLICY_SET}": Row(SERVICE, "policy:write", 412, {"enabled": True}, CHANGE),
    f"DELETE {POLICY_SET}": Row(SERVICE, "policy:write", 412, headers=CHANGE),
    f"POST {POLICY_SET}/test": Row(SERVICE, "policy:write"),
    f"POST {POLICY_SET}/dry-run": Row(SERVICE, "policy:write", body={}),
    "POST /api/v1/policy-checks": Row(SERVICE, "policy:write", body={"policies": [POLICY]}),
    "GET /api/v1/price-sheets": Row(SIGNED_IN),
    "POST /api/v1/price-sheets": Row(SERVICE, "price:write", 201, SHEET),
    "GET /api/v1/price-sheets/{sheet_id}": Row(SIGNED_IN),
    f"GET {STACK}/cost": Row(VIEWERS, READ),
    f"GET {PROJECT}/costs": Row(VIEWERS, READ),
    "GET /api/v1/policy-packs": Row(SIGNED_IN),
    "GET /api/v1/policy-overrides": Row(A_LIST, "project:read"),
    "POST /api/v1/policy-overrides": Row(SERVICE, "policy:override", 201, OVERRIDE),
    "DELETE /api/v1/policy-overrides/{override_id}": Row(
        SERVICE, "policy:override", 204, arrange=_override_again
    ),
    "POST /api/v1/drift/checks": Row(_api(403, 403, IN, IN, IN, IN), WRITE, body={}),
    "GET /api/v1/drift/findings": Row(A_LIST, READ),
    f"GET {FINDING}": Row(VIEWERS, READ),
    f"POST {FINDING}/acknowledge": Row(OPERATORS, WRITE, 200, {"note": "seen"}),
    f"DELETE {FINDING}/acknowledge": Row(OPERATORS, WRITE, 204, arrange=_acknowledged),
    f"POST {FINDING}/ignore": Row(OPERATORS, WRITE, 201, {"reason": "a test"}),
    "GET /api/v1/drift/rules": Row(A_LIST, READ),
    "POST /api/v1/drift/rules": Row(MAKERS, WRITE, 201, RULE),
    "GET /api/v1/drift/rules/{rule_id}": Row(VIEWERS, READ),
    "PATCH /api/v1/drift/rules/{rule_id}": Row(OPERATORS, WRITE, 412, {"reason": "x"}, CHANGE),
    "DELETE /api/v1/drift/rules/{rule_id}": Row(OPERATORS, WRITE, 412, headers=CHANGE),
    # --- the console: pages with a session cookie
    "GET /sign-in": Row({**OPEN, **dict.fromkeys(KNOWN, 303)}),
    "POST /sign-in": Row(OPEN, granted=403),
    "GET /sign-in/oidc": Row(OPEN, granted=404),  # there is no provider in this test
    "GET /sign-in/oidc/callback": Row(OPEN, granted=404),
    "POST /sign-in/code": Row(OPEN, granted=403),
    "POST /sign-out": Row(OPEN, granted=303),
    "GET /": Row(PAGE),
    "POST /appearance": Row(PAGE, granted=303, body={"theme": "dark"}),
    "GET /catalogue": Row(PAGE),
    "GET /catalogue/{kind}": Row(PAGE),
    # settings of the console; `OLD` is the version of a form that nobody has any more
    "GET /settings": Row(PAGE),
    "POST /settings/password": Row(PAGE, granted=422, body={"/new_password": "not repeated"}),
    "GET /settings/confirm": Row(PAGE),
    "POST /settings/confirm": Row(PAGE, granted=422),
    "GET /settings/confirm/provider": Row(PAGE, granted=404),  # there is no provider in this test
    "GET /settings/second-factor": Row(PAGE),
    "POST /settings/second-factor": Row(PAGE, granted=303),
    "POST /settings/second-factor/activate": Row(
        PAGE, granted=422, body={"/totp": "123456"}, arrange=_factors_begun
    ),
    "POST /settings/second-factor/recovery-codes": Row(PAGE, granted=404),
    "POST /settings/second-factor/remove": Row(PAGE, granted=303, arrange=_factors_begun),
    "POST /settings/sessions/end": Row(FORM_TO_SIGN_IN),
    "POST /settings/sessions/{session_id}/end": Row(
        FORM_OF_ITS_OWNER, granted=303, arrange=_new_session_of_the_operator
    ),
    "GET /stacks/selected": Row(PAGE, granted=303),
    "POST /stacks/selected": Row(PAGE, granted=422),
    "GET /operations/together": Row(PAGE),
    "POST /operations/together/approve": Row(PAGE, granted=422),
    "GET /search": Row(PAGE),
    "GET /orphans": Row(PAGE),
    "GET /inbox": Row(PAGE),
    "GET /inbox/next": Row(PAGE, granted=303),
    "GET /settings/tokens": Row(PAGE),
    "GET /settings/tokens/new": Row(PAGE),
    "POST /settings/tokens/new": Row(PAGE, granted=422),
    "GET /settings/tokens/{token_id}/new": Row(
        PAGE_OF_ITS_OWNER, arrange=_new_token_of_the_operator
    ),
    "GET /settings/tokens/{token_id}/revoke": Row(
        PAGE_OF_ITS_OWNER, arrange=_new_token_of_the_operator
    ),
    "POST /settings/tokens/{token_id}/revoke": Row(
        PAGE_OF_ITS_OWNER, granted=422, arrange=_new_token_of_the_operator
    ),
    "GET /settings/projects": Row(PAGE),
    "GET /settings/projects/new": Row(PAGE_OF_SERVICE),
    "POST /settings/projects/new": Row(PAGE_OF_SERVICE, granted=422),
    "GET /settings/projects/{project}": Row(PAGE_OF_VIEWERS),
    "POST /settings/projects/{project}": Row(
        FORM_OF_ADMINS, granted=412, body={"/auto_apply": "always", "/drift": "keep", **OLD}
    ),
    "GET /settings/projects/{project}/costs": Row(PAGE_OF_VIEWERS),
    "GET /settings/projects/{project}/costs.csv": Row(PAGE_OF_VIEWERS),
    "GET /settings/projects/{project}/delete": Row(PAGE_OF_SERVICE),
    "POST /settings/projects/{project}/delete": Row(PAGE_OF_SERVICE, granted=422),
    "POST /settings/projects/{project}/check-windows": Row(
        FORM_OF_ADMINS, granted=412, body=WINDOW
    ),
    "POST /settings/projects/{project}/check-windows/{number}/remove": Row(
        FORM_OF_ADMINS, granted=412, body=OLD, arrange=_windows
    ),
    "POST /settings/projects/{project}/members": Row(
        FORM_OF_ADMINS, granted=303, body=_role_of_the_victim, arrange=_no_member
    ),
    "POST /settings/projects/{project}/members/{user_id}/remove": Row(
        FORM_OF_ADMINS, granted=303, arrange=_member_again
    ),
    "GET /settings/users": Row(PAGE_OF_SERVICE),
    "GET /settings/users/new": Row(PAGE_OF_SERVICE),
    "POST /settings/users/new": Row(PAGE_OF_SERVICE, granted=422),
    "GET /settings/users/{user_id}": Row(PAGE_OF_SERVICE),
    "POST /settings/users/{user_id}": Row(
        PAGE_OF_SERVICE, granted=412, body={"change": "enable", **OLD}
    ),
    "POST /settings/users/{user_id}/password": Row(PAGE_OF_SERVICE, granted=422),
    "POST /settings/users/{user_id}/second-factor/reset": Row(
        PAGE_OF_SERVICE, granted=303, arrange=_factors_begun
    ),
    "GET /settings/users/{user_id}/delete": Row(PAGE_OF_SERVICE),
    "POST /settings/users/{user_id}/delete": Row(PAGE_OF_SERVICE, granted=422),
    "GET /settings/webhooks": Row(PAGE_OF_ADMINS_ANYWHERE),
    "GET /settings/webhooks/new": Row(PAGE_OF_ADMINS_ANYWHERE),
    "POST /settings/webhooks/new": Row(PAGE_OF_ADMINS_ANYWHERE, granted=422),
    f"GET {HOOK_PAGE}": Row(FORM_OF_ADMINS),
    f"GET {HOOK_PAGE}/edit": Row(FORM_OF_ADMINS),
    f"POST {HOOK_PAGE}/edit": Row(FORM_OF_ADMINS, granted=412, body={**HOOK_FORM, **OLD}),
    f"POST {HOOK_PAGE}/switch": Row(FORM_OF_ADMINS, granted=412, body={"enabled": "yes", **OLD}),
    f"POST {HOOK_PAGE}/rotate": Row(FORM_OF_ADMINS, granted=201),
    f"POST {HOOK_PAGE}/test": Row(FORM_OF_ADMINS, granted=303),
    f"POST {HOOK_PAGE}/deliveries/{{delivery_id}}/resend": Row(FORM_OF_ADMINS, granted=303),
    f"GET {HOOK_PAGE}/delete": Row(FORM_OF_ADMINS),
    f"POST {HOOK_PAGE}/delete": Row(FORM_OF_ADMINS, granted=422),
    "GET /settings/policies": Row(PAGE),
    "GET /settings/policies/new": Row(PAGE_OF_SERVICE),
    "POST /settings/policies/new": Row(PAGE_OF_SERVICE, granted=422),
    "POST /settings/policies/check": Row(PAGE_OF_SERVICE),
    "GET /settings/policies/{set_id}": Row(PAGE),
    "POST /settings/policies/{set_id}": Row(
        PAGE_OF_SERVICE, granted=412, body={"/name": "basics", **OLD}
    ),
    "GET /settings/drift-rules": Row(PAGE),
    "GET /settings/drift-rules/{rule_id}": Row(PAGE_OF_VIEWERS),
    "POST /settings/drift-rules/{rule_id}": Row(
        FORM_OF_OPERATORS, granted=412, body={"/reason": "x", "/owner": "x", **OLD}
    ),
    "POST /settings/drift-rules/{rule_id}/end": Row(FORM_OF_OPERATORS, granted=412, body=OLD),
    "GET /settings/maintenance": Row(PAGE),
    "POST /settings/maintenance/begin": Row(PAGE_OF_SERVICE, granted=412, body=PAUSE),
    "POST /settings/maintenance/end": Row(PAGE_OF_SERVICE, granted=412, body=OLD),
    "POST /settings/maintenance/windows": Row(PAGE_OF_SERVICE, granted=412, body=WINDOW),
    "POST /settings/maintenance/windows/{number}/remove": Row(
        PAGE_OF_SERVICE, granted=412, body=OLD, arrange=_windows
    ),
    f"GET {PAUSED}": Row(PAGE_OF_VIEWERS),
    f"POST {PAUSED}/begin": Row(FORM_OF_ADMINS, granted=412, body=PAUSE),
    f"POST {PAUSED}/end": Row(FORM_OF_ADMINS, granted=412, body=OLD),
    f"POST {PAUSED}/windows": Row(FORM_OF_ADMINS, granted=412, body=WINDOW),
    f"POST {PAUSED}/windows/{{number}}/remove": Row(
        FORM_OF_ADMINS, granted=412, body=OLD, arrange=_windows
    ),
    "GET /help": Row(PAGE),
    "GET /help/{name}": Row(PAGE),
    "GET /help/errors/{code}": Row(PAGE),
    "GET /help/images/{picture}": Row(PAGE),
    "POST /tour": Row(PAGE, granted=303, body={"tour": "hidden"}),
    "GET /workers": Row(PAGE),
    "GET /workers/hosts/{instance_id}/gone": Row(PAGE_OF_SERVICE),
    "POST /workers/hosts/{instance_id}/gone": Row(
        PAGE_OF_SERVICE, granted=422, body={"name": "another"}
    ),
    "POST /workers/hosts/{instance_id}/drain": Row(
        PAGE_OF_SERVICE, granted=303, arrange=_host_lives
    ),
    "POST /workers/hosts/{instance_id}/undrain": Row(PAGE_OF_SERVICE, granted=303),
    "POST /workers/requeue": Row(PAGE_OF_SERVICE, granted=503),  # Redis is away in this test
    "POST /workers/memory/forget": Row(PAGE_OF_SERVICE, granted=303),
    "POST /workers/failed/forget": Row(PAGE_OF_SERVICE, granted=503),
    "GET /audit": Row(PAGE_OF_ADMINS_ANYWHERE),
    "GET /audit/export.{extension}": Row(PAGE_OF_ADMINS_ANYWHERE),
    "POST /audit/verify": Row(PAGE_OF_SERVICE),
    "GET /cloud-accounts": Row(PAGE),
    "GET /cloud-accounts/new": Row(PAGE_OF_SERVICE),
    "GET /cloud-accounts/new/{cloud}": Row(PAGE_OF_SERVICE),
    "POST /cloud-accounts/new/{cloud}": Row(PAGE_OF_SERVICE, granted=422),
    "GET /cloud-accounts/{account_id}": Row(PAGE_OF_MEMBERS),
    "GET /cloud-accounts/{account_id}/edit": Row(PAGE_OF_SERVICE),
    "POST /cloud-accounts/{account_id}/edit": Row(PAGE_OF_SERVICE, granted=412, body=OLD),
    "GET /cloud-accounts/{account_id}/credentials": Row(PAGE_OF_SERVICE),
    "POST /cloud-accounts/{account_id}/credentials": Row(PAGE_OF_SERVICE, granted=412, body=OLD),
    "POST /cloud-accounts/{account_id}/check": Row(PAGE_OF_SERVICE, granted=303),
    "GET /cloud-accounts/{account_id}/delete": Row(PAGE_OF_SERVICE),
    "POST /cloud-accounts/{account_id}/delete": Row(PAGE_OF_SERVICE, granted=422),
    "GET /drift": Row(PAGE),
    "GET /drift.csv": Row(PAGE),
    "POST /drift/checks": Row(PAGE_OF_MAKERS, granted=303),
    "GET /drift/findings/{finding_id}": Row(PAGE_OF_VIEWERS),
    "POST /drift/findings/{finding_id}/acknowledge": Row(FORM_OF_OPERATORS, granted=303),
    "POST /drift/findings/{finding_id}/withdraw": Row(
        FORM_OF_OPERATORS, granted=303, arrange=_acknowledged
    ),
    "POST /drift/findings/{finding_id}/ignore": Row(
        FORM_OF_OPERATORS, granted=303, body={"reason": "a test"}
    ),
    "POST /drift/rules/{rule_id}/end": Row(
        FORM_OF_OPERATORS, granted=412, body={"version": "999999"}
    ),
    "GET /operations": Row(PAGE),
    "GET /operations.csv": Row(PAGE),
    "GET /console/design": Row(PAGE),
    "GET /operations/{operation_id}": Row(PAGE_OF_VIEWERS),
    "GET /operations/{operation_id}/log.txt": Row(PAGE_OF_VIEWERS),
    "GET /operations/{operation_id}/plan": Row(PAGE_OF_VIEWERS),
    "GET /operations/{operation_id}/stream": Row(PAGE_OF_VIEWERS),
    "POST /operations/{operation_id}/approve": Row(FORM_OF_OPERATORS, granted=409),
    "POST /operations/{operation_id}/discard": Row(FORM_OF_OPERATORS, granted=409),
    "POST /operations/{operation_id}/cancel": Row(FORM_OF_OPERATORS, granted=409),
    "GET /operations/{operation_id}/cancel": Row(FORM_OF_OPERATORS),
    "GET /operations/{operation_id}/force-cancel": Row(FORM_OF_OPERATORS),
    "POST /operations/{operation_id}/force-cancel": Row(FORM_OF_OPERATORS, granted=422),
    "POST /operations/{operation_id}/resolve/{choice}": Row(FORM_OF_OPERATORS, granted=409),
    "GET /stacks": Row(PAGE),
    "GET /stacks.csv": Row(PAGE),
    "GET /stacks/new": Row(PAGE),
    "GET /stacks/new/{kind}": Row(PAGE_OF_MAKERS),
    "POST /stacks/new/{kind}": Row(PAGE_OF_MAKERS),
    "GET /stacks/{stack_id}": Row(PAGE_OF_VIEWERS),
    "GET /stacks/{stack_id}/drift": Row(PAGE_OF_VIEWERS),
    "GET /stacks/{stack_id}/drift/{choice}": Row(FORM_OF_OPERATORS),
    "POST /stacks/{stack_id}/drift/{choice}": Row(FORM_OF_OPERATORS, granted=422),
    "GET /stacks/{stack_id}/resources": Row(PAGE_OF_VIEWERS),
    "GET /stacks/{stack_id}/operations": Row(PAGE_OF_VIEWERS),
    "GET /stacks/{stack_id}/timeline": Row(PAGE_OF_VIEWERS),
    "POST /stacks/{stack_id}/operations": Row(
        FORM_OF_OPERATORS, granted=303, body={"type": "drift_check"}
    ),
    "GET /stacks/{stack_id}/state": Row(PAGE_OF_VIEWERS),
    "POST /stacks/{stack_id}/state": Row(FORM_OF_ADMINS, granted=422, body=_state_file),
    "POST /stacks/{stack_id}/state/move": Row(FORM_OF_ADMINS, granted=422),
    "GET /stacks/{stack_id}/state/diff": Row(PAGE_OF_VIEWERS),
    "GET /stacks/{stack_id}/state/{serial}/download": Row(FORM_OF_ADMINS),
    "GET /stacks/{stack_id}/state/{serial}/rollback": Row(FORM_OF_OPERATORS),
    "POST /stacks/{stack_id}/state/{serial}/rollback": Row(FORM_OF_OPERATORS, granted=422),
    "GET /stacks/{stack_id}/settings": Row(PAGE_OF_VIEWERS),
    "POST /stacks/{stack_id}/settings": Row(FORM_OF_OPERATORS, granted=422),
    "POST /stacks/{stack_id}/settings/parameters": Row(FORM_OF_OPERATORS, granted=412),
    "POST /stacks/{stack_id}/settings/upgrade": Row(FORM_OF_OPERATORS, granted=422),
    "POST /operations/{operation_id}/apply-preview": Row(FORM_OF_OPERATORS, granted=409),
    "GET /stacks/{stack_id}/lock": Row(PAGE_OF_VIEWERS),
    "POST /stacks/{stack_id}/lock": Row(
        FORM_OF_OPERATORS, granted=303, body={"reason": "a test"}, arrange=_no_lock
    ),
    "POST /stacks/{stack_id}/unlock": Row(
        FORM_OF_OPERATORS, granted=412, body={"version": "1"}, arrange=_locked
    ),
    "GET /stacks/{stack_id}/destroy": Row(FORM_OF_OPERATORS),
    "POST /stacks/{stack_id}/destroy": Row(FORM_OF_OPERATORS, granted=422, body={"name": "wrong"}),
}


@pytest.fixture(scope="module")
def world(make_reader: Callable[[], Rest]) -> World:
    return World(make_reader())


def _name(rule: Route, method: str, plurals: list[str]) -> str:
    path = re.sub(r"<(?:[^:>]+:)?([^>]+)>", r"{\1}", rule.rule)
    kinds = "|".join(plurals)
    return f"{method} " + re.sub(
        rf"^/api/v1/(projects/{{project}}/)?({kinds})(?=/|$)", r"/api/v1/\1{plural}", path
    )


def _routes(world: World) -> list[tuple[str, Route, str]]:
    """Every route with every method of its own, and the name of its row."""
    return [
        (_name(rule, method, world.plurals), rule, method)
        for rule in world.rest.app.url_map.iter_rules()
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
    ]


def _outcome(answer: TestResponse, row: Row) -> int:
    is_sent_away = answer.status_code == 303 and "/sign-in" in answer.headers["Location"]
    if is_sent_away and row.outcomes is not OPEN:
        return SIGN_IN
    return IN if answer.status_code == row.granted else answer.status_code


def test_every_route_has_a_row_and_every_row_a_route(world: World) -> None:
    names = {name for name, _, _ in _routes(world)}
    assert names - set(TABLE) == set(), "add a row to TABLE that says who may use it"
    assert set(TABLE) - names == set(), "remove the row of a route that is gone"


@pytest.mark.parametrize("who", Who)
def test_everybody_is_let_in_or_refused_as_the_table_says(world: World, who: Who) -> None:
    found = {}
    for name, rule, method in _routes(world):
        row = TABLE.get(name)
        if row is None:
            continue  # the test above says so, once
        outcome = _outcome(answer := world.ask(who, row, rule, method), row)
        if outcome != row.outcomes[who]:
            found[f"{method} {rule.rule}"] = (row.outcomes[who], outcome, answer.text[:300])
    assert found == {}


CHANGES_NOTHING = {
    "POST /appearance",  # a cookie of the browser
    "POST /tour",  # the same
    f"POST {POLICY_SET}/test",  # says what comes of it, and keeps nothing
    f"POST {POLICY_SET}/dry-run",  # the same
    "POST /api/v1/policy-checks",  # the same
    "POST /settings/policies/check",  # says what is wrong, and keeps nothing
    "POST /sign-out",  # as nobody in particular, without a session
    "POST /stacks/new/{kind}",  # a form that lacks something is shown again
}


def test_every_change_that_is_made_leaves_an_event_in_the_audit_trail(world: World) -> None:
    silent = []
    for name, rule, method in _routes(world):
        row = TABLE.get(name)
        if row is None or method == "GET" or row.granted >= 400 or name in CHANGES_NOTHING:
            continue
        row.arrange(world)
        before = world.rest.count(AuditEvent)
        answer = world.ask(Who.SYSTEM, replace(row, arrange=lambda _: None), rule, method)
        is_done = answer.status_code == row.granted and row.outcomes[Who.SYSTEM] == IN
        if is_done and world.rest.count(AuditEvent) == before:
            silent.append(f"{method} {rule.rule}")
    assert silent == []
