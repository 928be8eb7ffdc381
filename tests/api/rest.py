"""A client of the REST API as tests use it: one caller, and what it may arrange in SQL."""

from __future__ import annotations

import copy
from datetime import timedelta
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from app.clock import utc_now
from app.domain import ids
from app.models import Operation, Project, ProjectMember, Stack, User, UserSession
from app.services.access import Principal
from app.services.context import Context
from app.services.identity.sessions import OpenedSession
from app.web.authentication import CONSOLE_AUDIENCE, issue_access_token, issue_refresh_token
from app.web.context import context_of
from app.web.http_errors import PROBLEM

V1 = "/api/v1"
ENDED = {"applied", "errored", "canceled", "discarded", "interrupted", "planned_and_finished"}


class Rest:
    """Calls the API of ``app`` as one user."""

    def __init__(self, app: Flask, user: str = "admin", *, is_confirmed: bool = True) -> None:
        """Sign in; the session counts as confirmed unless a test is about that."""
        self.app = app
        self.user = user
        self.is_confirmed = is_confirmed
        self.ctx: Context = context_of(app)
        self.opened = self._open_session()
        self.headers = {"Authorization": f"Bearer {self.access_token()}"}

    @property
    def client(self) -> FlaskClient:
        return self.app.test_client()

    def call(self, method: str, path: str, **options: Any) -> TestResponse:
        headers = {**self.headers, **options.pop("headers", {})}
        whole = path if path.startswith(("/api", "/healthz", "/readyz", "/metrics")) else V1 + path
        return self.client.open(whole, method=method, headers=headers, **options)

    def get(self, path: str, **query: Any) -> TestResponse:
        headers = query.pop("headers", {})
        return self.call("GET", path, query_string=query, headers=headers)

    def post(self, path: str, body: Any = None, **headers: str) -> TestResponse:
        return self.call("POST", path, json=body, headers=_dashed(headers))

    def patch(self, path: str, body: Any, **headers: str) -> TestResponse:
        return self.call("PATCH", path, json=body, headers=_dashed(headers))

    def delete(self, path: str, **headers: str) -> TestResponse:
        return self.call("DELETE", path, headers=_dashed(headers))

    def create(self, plural: str, name: str, **body: Any) -> dict[str, Any]:
        """Ask for a stack on the sandbox and return the answer, which must be 202."""
        answer = self.post(f"/{plural}", {"name": name, "cloud_account": "sandbox", **body})
        assert answer.status_code == 202, answer.text
        return dict(answer.json or {})

    def made(self, plural: str, name: str, **body: Any) -> dict[str, Any]:
        """Ask for a stack, let its operation end well in SQL, and return the stack."""
        created = self.create(plural, name, **body)
        self.end(created["operation"]["id"])
        shown: dict[str, Any] = self.get(f"/stacks/{created['stack']['id']}").json or {}
        return shown

    def end(self, operation_id: str, status: str = "applied", stack_status: str = "ready") -> None:
        """Give an operation and its stack the end that a worker would give them."""
        with self.ctx.write() as session:
            operation = session.get_one(Operation, operation_id)
            operation.status, operation.ended_at = status, utc_now()
            stack = operation.stack
            stack.status, stack.applied_generation = stack_status, stack.generation
            stack.applied_blueprint_version = stack.blueprint_version
            if stack_status == "deleted":
                stack.deleted_at = utc_now()

    def set_operation(self, operation_id: str, **columns: Any) -> None:
        with self.ctx.write() as session:
            operation = session.get_one(Operation, operation_id)
            for name, value in columns.items():
                setattr(operation, name, value)

    def set_stack(self, stack_id: str, **columns: Any) -> None:
        with self.ctx.write() as session:
            stack = session.get_one(Stack, stack_id)
            for name, value in columns.items():
                setattr(stack, name, value)

    def count(self, model: type[Any]) -> int:
        with self.ctx.read() as session:
            return session.scalar(select(func.count()).select_from(model)) or 0

    def as_member(self, role: str | None, project: str = "default") -> Rest:
        """Return a new user with ``role`` in ``project``, or with none anywhere."""
        with self.ctx.write() as session:
            number = session.scalar(select(func.count()).select_from(User)) or 0
            user = User(
                id=ids.new_id(ids.USER),
                name=f"{role}-{number}",
                password_hash="none",
                is_admin=False,
                created_at=utc_now(),
            )
            session.add(user)
            session.flush()
            if role is not None:
                place = session.scalars(select(Project).where(Project.name == project)).one()
                session.add(ProjectMember(project_id=place.id, user_id=user.id, role=role))
            name = user.name
        return Rest(self.app, name)

    def as_token(self, *scopes: str, **more: Any) -> Rest:
        """Return a machine that calls with a new API token of this user."""
        answer = self.post("/tokens", {"name": "a test", "scopes": list(scopes), **more})
        assert answer.status_code == 201, answer.text
        machine = copy.copy(self)
        machine.headers = {"Authorization": f"Bearer {answer.json['token']}"}
        return machine

    def make_project(self, name: str) -> None:
        with self.ctx.write() as session:
            session.add(Project(id=ids.new_id(ids.PROJECT), name=name, created_at=utc_now()))

    def access_token(self, lifetime: timedelta | None = None) -> str:
        with self.app.test_request_context():
            return issue_access_token(self.opened, lifetime)

    def cookie(self) -> str:
        """Return the cookie of a console session that belongs to the same sign-in."""
        with self.app.test_request_context():
            return issue_access_token(self.opened, audience=CONSOLE_AUDIENCE)

    def refresh_token(self) -> str:
        with self.app.test_request_context():
            return issue_refresh_token(self.opened)

    def _open_session(self) -> OpenedSession:
        now = utc_now()
        with self.ctx.write() as session:
            user = session.scalars(select(User).where(User.name == self.user)).one()
            row = UserSession(
                id=ids.new_id(ids.SESSION),
                user_id=user.id,
                refresh_jti=ids.new_id("jti"),
                created_at=now,
                last_used_at=now,
                expires_at=now + timedelta(days=1),
                confirmed_at=now if self.is_confirmed else None,
            )
            session.add(row)
            principal = Principal(user.id, user.name)
            return OpenedSession(row.id, row.refresh_jti, principal, row.expires_at)


def problem(answer: TestResponse, status: int, code: str) -> dict[str, Any]:
    """Check that ``answer`` is a whole problem with this status and code, and return it."""
    assert answer.status_code == status, answer.text
    assert answer.content_type == PROBLEM
    body: dict[str, Any] = answer.get_json(force=True)
    assert body["code"] == code, body
    assert body["status"] == status
    assert body["type"] == f"/api/docs/errors#{code}"
    assert body["request_id"] == answer.headers["X-Request-Id"]
    for name in ("title", "detail", "advice", "instance"):
        assert isinstance(body[name], str), name
        assert body[name], name
    assert set(body) <= {
        *("type", "title", "status", "detail", "instance", "code", "advice", "request_id"),
        *("errors", "context", "error_count"),
    }
    assert "Traceback" not in answer.text
    return body


def pointers(body: dict[str, Any]) -> list[str]:
    """Return where the bad fields of a problem are."""
    return [item["pointer"] for item in body.get("errors", [])]


def _dashed(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}
