"""API tokens: what they may do at most, how long, and who can end them."""

from __future__ import annotations

import base64
import hashlib
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from app.clock import rfc3339, utc_now
from app.domain.api_tokens import is_whole, mint
from app.models import ApiToken, AuditEvent, IdempotencyRecord, Project, StackOutput
from app.services.secrets import seal_json
from tests.api.conftest import MakeApp
from tests.api.rest import Rest, pointers, problem

NEW = {"name": "deploy", "scopes": ["stack:read"]}
DAY = 86400


def _stored(rest: Rest) -> ApiToken:
    with rest.ctx.read() as session:
        return session.scalars(select(ApiToken)).one()


def _set(rest: Rest, **values: Any) -> None:
    with rest.ctx.write() as session:
        session.execute(update(ApiToken).values(**values))


def test_the_secret_is_shown_once_and_kept_as_a_hash(rest: Rest) -> None:
    answer = rest.post("/tokens", NEW)
    assert answer.status_code == 201
    secret = answer.json["token"]
    assert is_whole(secret)
    shown = rest.get("/tokens").json["items"]
    assert shown == [{name: value for name, value in answer.json.items() if name != "token"}]
    assert rest.get(f"/tokens/{shown[0]['id']}").json == shown[0]
    assert (shown[0]["status"], shown[0]["user"]["name"]) == ("active", "admin")
    assert secret.endswith(shown[0]["hint"])
    assert _stored(rest).secret_sha256 == hashlib.sha256(secret.encode()).hexdigest()
    home = rest.ctx.settings.home_dir
    assert not any(secret.encode() in file.read_bytes() for file in home.glob("landform.db*"))


def test_making_a_token_is_safe_to_repeat_and_its_kept_answer_is_sealed(rest: Rest) -> None:
    answers = [rest.post("/tokens", NEW, Idempotency_Key="one") for _ in range(2)]
    shown = {name: value for name, value in answers[0].json.items() if name != "token"}
    assert answers[1].json == {**shown, "omitted": ["token"]}
    assert answers[1].headers["Idempotent-Replayed"] == "true"
    assert rest.count(ApiToken) == 1
    secret = answers[0].json["token"].encode()
    with rest.ctx.read() as session:
        kept = session.scalars(select(IdempotencyRecord)).one()
    place = f"idempotency:{kept.principal}:one"
    opened = rest.ctx.keys.decrypt(base64.b64decode(kept.body["sealed"]), place)
    assert secret not in opened
    home = rest.ctx.settings.home_dir
    assert not any(secret in file.read_bytes() for file in home.glob("landform.db*"))


def test_a_token_does_what_its_scopes_allow_and_nothing_else(
    rest: Rest, network: dict[str, Any]
) -> None:
    machine, typed = rest.as_token("stack:read"), network["links"]["typed"]
    assert machine.get("/stacks").json["items"][0]["id"] == network["id"]
    assert machine.get(typed).status_code == 200
    attempts = {
        "stack:write": machine.post("/buckets", {"name": "files", "cloud_account": "sandbox"}),
        "state:read": machine.get(f"/stacks/{network['id']}/state-versions/1/download"),
        "project:read": machine.get("/projects/default"),
        "user:manage": machine.get("/users"),
        "project:manage": machine.post("/projects", {"name": "mine"}),
    }
    for scope, answer in attempts.items():
        told = problem(answer, 403, "permission_denied")
        assert told["detail"] == f"The API token lacks the scope {scope!r}."
        assert told["context"]["right"] == scope


def test_what_a_token_does_is_in_the_audit_trail_with_its_id(rest: Rest) -> None:
    machine = rest.as_token("stack:write")
    machine.create("buckets", "files")
    with rest.ctx.read() as session:
        query = select(AuditEvent).where(AuditEvent.action == "stack.create")
        found = session.scalars(query).one()
    assert (found.actor, found.actor_kind) == ("admin", "token")
    assert found.detail["token_id"] == machine.get("/auth/me").json["token_id"]


def test_a_token_without_the_scope_gets_no_list_either(rest: Rest) -> None:
    machine = rest.as_token("project:read")
    assert machine.get("/projects").status_code == 200
    for path in ("/stacks", "/networks", "/operations", "/drift"):
        problem(machine.get(path), 403, "permission_denied")


def test_a_token_never_does_more_than_its_user_may_at_that_moment(rest: Rest) -> None:
    operator = rest.as_member("operator")
    machine = operator.as_token("stack:write", "stack:read")
    assert machine.create("buckets", "files")["stack"]["created_by"] == operator.user
    new = {"name": "more", "cloud_account": "sandbox"}
    rest.call("PUT", f"/projects/default/members/{operator.user}", json={"role": "viewer"})
    problem(machine.post("/buckets", new), 403, "permission_denied")
    assert machine.get("/stacks").status_code == 200
    rest.delete(f"/projects/default/members/{operator.user}")
    assert machine.get("/stacks").json["items"] == []


def test_a_sensitive_output_needs_its_own_scope(rest: Rest, network: dict[str, Any]) -> None:
    place = f"output:{network['id']}:password"
    with rest.ctx.write() as session:
        output = StackOutput(
            stack_id=network["id"], name="password", is_sensitive=True, updated_at=utc_now()
        )
        output.sealed_value = seal_json(rest.ctx.keys, "s3cr3t", place)
        session.add(output)
    path = f"/stacks/{network['id']}/outputs"
    shown = [
        rest.as_token(*scopes).get(path).json["outputs"]
        for scopes in (["stack:read"], ["stack:read", "secret:read"])
    ]
    assert shown == [{"password": "********"}, {"password": "s3cr3t"}]


def test_who_am_i_tells_what_a_token_may_do(rest: Rest) -> None:
    machine = rest.as_token("stack:read", "user:manage")
    me = machine.get("/auth/me").json
    assert (me["username"], me["session_id"]) == ("admin", None)
    assert me["token_id"].startswith("tok_")
    assert me["service_rights"] == ["user:manage"]
    assert "project:manage" in rest.get("/auth/me").json["service_rights"]
    me = rest.as_member("admin").as_token("stack:read").get("/auth/me").json
    assert list(me["rights"].values()) == [["stack:read"]]


def test_a_token_of_one_project_knows_of_no_other(rest: Rest, network: dict[str, Any]) -> None:
    rest.make_project("other")
    machine = rest.as_token("project:read", "stack:read", "stack:write", project="other")
    assert [item["name"] for item in machine.get("/projects").json["items"]] == ["other"]
    assert machine.get("/stacks").json["items"] == []
    told = problem(machine.get(f"/stacks/{network['id']}"), 404, "not_found")
    missing = problem(machine.get("/stacks/stk_none"), 404, "not_found")
    assert told["detail"].replace(network["id"], "stk_none") == missing["detail"]
    problem(machine.get("/projects/default"), 404, "not_found")
    new = {"name": "web", "cloud_account": "sandbox"}
    problem(machine.post("/networks", new), 422, "validation_failed")
    assert machine.post("/networks", {**new, "project": "other"}).status_code == 202


def test_a_token_ends_with_its_project(rest: Rest) -> None:
    rest.make_project("other")
    machine = rest.as_token("stack:read", project="other")
    rest.delete("/projects/other", If_Match="*")
    problem(machine.get("/stacks"), 401, "unauthenticated")


def test_a_token_ends_when_its_user_is_disabled_and_does_not_come_back(rest: Rest) -> None:
    member = rest.as_member("viewer")
    machine, path = member.as_token("stack:read"), f"/users/{member.user}"
    rest.patch(path, {"disabled": True}, If_Match="*")
    problem(machine.get("/stacks"), 401, "unauthenticated")
    rest.patch(path, {"disabled": False}, If_Match="*")
    problem(machine.get("/stacks"), 401, "unauthenticated")
    assert _stored(rest).revoked_because == "disabled changed"


def test_a_token_ends_when_its_user_is_deleted(rest: Rest) -> None:
    member = rest.as_member("viewer")
    machine = member.as_token("stack:read")
    rest.delete(f"/users/{member.user}", If_Match="*")
    problem(machine.get("/stacks"), 401, "unauthenticated")
    assert _stored(rest).revoked_because == "user deleted"


def test_an_expired_token_is_no_longer_good(rest: Rest) -> None:
    machine = rest.as_token("stack:read")
    assert machine.get("/stacks").status_code == 200
    _set(rest, expires_at=utc_now())
    told = problem(machine.get("/stacks"), 401, "unauthenticated")
    assert "expired" in told["detail"]
    assert rest.get("/tokens").json["items"][0]["status"] == "expired"


def test_a_revoked_token_is_no_longer_good_and_no_longer_listed(rest: Rest) -> None:
    machine = rest.as_token("stack:read")
    path = f"/tokens/{_stored(rest).id}"
    assert rest.delete(path).status_code == 204
    told = problem(machine.get("/stacks"), 401, "unauthenticated")
    assert "revoked" in told["detail"]
    assert rest.get("/tokens").json["items"] == []
    for again in (rest.get(path), rest.delete(path)):
        problem(again, 404, "not_found")


def test_whoever_finds_a_token_can_revoke_it_with_itself_and_nothing_else(rest: Rest) -> None:
    other = rest.as_token("stack:read")
    other_id = _stored(rest).id
    machine = rest.as_token("stack:read")
    own = machine.get("/auth/me").json["token_id"]
    assert machine.get(f"/tokens/{own}").json["id"] == own
    problem(machine.get(f"/tokens/{other_id}"), 403, "permission_denied")
    problem(machine.delete(f"/tokens/{other_id}"), 403, "permission_denied")
    assert machine.delete(f"/tokens/{own}").status_code == 204
    problem(machine.get("/stacks"), 401, "unauthenticated")
    assert other.get("/stacks").status_code == 200


def test_no_token_makes_tokens_or_touches_sessions_and_passwords(rest: Rest) -> None:
    every = rest.get("/openapi.json").json["components"]["schemas"]["NewTokenBody"]
    machine = rest.as_token(*every["properties"]["scopes"]["items"]["enum"])
    assert machine.get("/users").status_code == 200
    passwords = {"current_password": "x", "new_password": "quite another one"}
    attempts = [
        machine.post("/tokens", NEW),
        machine.get("/tokens"),
        machine.get("/auth/sessions"),
        machine.delete("/auth/sessions"),
        machine.delete(f"/auth/sessions/{rest.opened.session_id}"),
        machine.post("/auth/password", passwords),
        machine.post("/auth/logout"),
    ]
    for answer in attempts:
        assert "session" in problem(answer, 403, "permission_denied")["detail"]
    problem(machine.post("/auth/refresh"), 401, "unauthenticated")


def test_tokens_belong_to_their_user_and_administrators_of_users(rest: Rest) -> None:
    member, outsider = rest.as_member("viewer"), rest.as_member("admin")
    member.as_token("stack:read")
    token = _stored(rest).id
    told = [
        problem(getattr(outsider, verb)(f"/tokens/{reference}"), 404, "not_found")["detail"]
        for verb in ("get", "delete")
        for reference in (token, "tok_none")
    ]
    assert len({text.replace(token, "tok_none") for text in told}) == 1
    problem(outsider.get("/tokens", user=member.user), 403, "permission_denied")
    assert outsider.get("/tokens", user=outsider.user).json["items"] == []
    assert rest.get("/tokens", user=member.user).json["items"][0]["id"] == token
    problem(rest.get("/tokens", user="nobody"), 404, "not_found")
    assert rest.delete(f"/tokens/{token}").status_code == 204


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"scopes": ["stack:read"]}, "/name"),
        ({**NEW, "name": " "}, "/name"),
        ({**NEW, "name": "x" * 65}, "/name"),
        ({"name": "x"}, "/scopes"),
        ({**NEW, "scopes": []}, "/scopes"),
        ({**NEW, "scopes": "stack:read"}, "/scopes"),
        ({**NEW, "scopes": ["everything"]}, "/scopes/0"),
        ({**NEW, "scopes": ["stack:read", None]}, "/scopes/1"),
        ({**NEW, "scopes": ["stack:read"] * 99}, "/scopes"),
        ({**NEW, "project": "nowhere"}, "/project"),
        ({**NEW, "project": "default", "scopes": ["user:manage"]}, "/scopes/0"),
        ({**NEW, "expires_at": "2001-01-01T00:00:00Z"}, "/expires_at"),
        ({**NEW, "expires_at": "2998-01-01T00:00:00Z"}, "/expires_at"),
        ({**NEW, "expires_at": None}, "/expires_at"),
        ({**NEW, "user": "admin"}, "/user"),
        ({**NEW, "token": "lft_mine"}, "/token"),
    ],
)
def test_a_bad_token_is_refused_where_it_is_bad(
    reader: Rest, body: dict[str, Any], pointer: str
) -> None:
    told = problem(reader.post("/tokens", body), 422, "validation_failed")
    assert pointers(told) == [pointer]


@pytest.mark.parametrize("scope", ["stack:write", "state:read", "user:manage"])
def test_nobody_gives_a_token_what_he_has_not(rest: Rest, scope: str) -> None:
    viewer = rest.as_member("viewer")
    for more in ({}, {"project": "default"}):
        body = {**NEW, "scopes": ["stack:read", scope], **more}
        told = problem(viewer.post("/tokens", body), 422, "validation_failed")
        assert pointers(told) == ["/scopes/1"]


def test_the_life_of_a_token_has_a_default_and_a_limit(make_app: MakeApp) -> None:
    rest = Rest(make_app(api_token_seconds=DAY, api_token_max_seconds=2 * DAY))
    rest.post("/tokens", NEW)
    stored = _stored(rest)
    assert stored.expires_at - stored.created_at == timedelta(days=1)
    soon = rfc3339(utc_now() + timedelta(days=2) - timedelta(minutes=1))
    late = rfc3339(utc_now() + timedelta(days=2, minutes=1))
    assert rest.post("/tokens", {**NEW, "expires_at": soon}).json["expires_at"] == soon
    refused = problem(rest.post("/tokens", {**NEW, "expires_at": late}), 422, "validation_failed")
    assert "at most 2 days" in refused["detail"]


def test_the_last_use_is_written_at_most_once_a_minute(rest: Rest) -> None:
    machine = rest.as_token("stack:read")
    assert _stored(rest).last_used_at is None
    machine.get("/stacks")
    first = _stored(rest).last_used_at
    assert first is not None
    machine.get("/stacks")
    assert _stored(rest).last_used_at == first
    _set(rest, last_used_at=first - timedelta(seconds=61))
    machine.get("/stacks")
    later = _stored(rest).last_used_at
    assert later is not None
    assert later >= first


def test_an_answer_kept_for_a_person_is_not_given_to_the_persons_token(rest: Rest) -> None:
    machine = rest.as_token("stack:read")
    made = rest.post("/tokens", NEW, Idempotency_Key="one")
    assert "token" in made.json
    problem(machine.post("/tokens", NEW, Idempotency_Key="one"), 403, "permission_denied")


@pytest.mark.parametrize("change", ["an unknown one", "cut", "longer", "other prefix", "unicode"])
def test_a_token_that_is_none_is_refused(rest: Rest, change: str) -> None:
    rest.as_token("stack:read")
    whole = mint()
    token = {
        "an unknown one": whole,
        "cut": whole[:-1],
        "longer": whole + "a",
        "other prefix": "lfx" + whole[3:],
        "unicode": "lft_" + "é" * 38,
    }[change]
    client = rest.app.test_client()
    answer = client.get("/api/v1/stacks", headers={"Authorization": f"Bearer {token}"})
    problem(answer, 401, "unauthenticated")
    assert "invalid_token" in answer.headers["WWW-Authenticate"]


def test_a_token_opens_no_page_of_the_console(rest: Rest) -> None:
    machine = rest.as_token("stack:read")
    page = machine.client.get("/stacks", headers=machine.headers)
    assert (page.status_code, page.headers["Location"]) == (303, "/sign-in?next=/stacks")
    client = machine.client
    client.set_cookie("landform_session", machine.headers["Authorization"].split()[1])
    assert client.get("/stacks").status_code == 303


def test_requests_with_a_token_count_for_its_user(make_app: MakeApp) -> None:
    rest = Rest(make_app(api_rate="6/minute"))
    machine = rest.as_token("stack:read")
    left = machine.get("/stacks").headers["RateLimit-Remaining"]
    assert rest.get("/stacks").headers["RateLimit-Remaining"] == str(int(left) - 1)
    invented = {"Authorization": f"Bearer {mint()}"}
    answer = rest.client.get("/api/v1/stacks", headers=invented)
    assert answer.headers["RateLimit-Remaining"] == "5"


def test_making_and_revoking_is_in_the_audit_trail_without_the_secret(rest: Rest) -> None:
    answer = rest.post("/tokens", {**NEW, "project": "default"})
    rest.delete(f"/tokens/{answer.json['id']}")
    with rest.ctx.read() as session:
        query = select(AuditEvent).where(AuditEvent.object_type == "token")
        found = list(session.scalars(query.order_by(AuditEvent.id)))
        project = session.scalars(select(Project.id)).one()
    assert [(event.action, event.project_id) for event in found] == [
        ("token.create", project),
        ("token.revoke", project),
    ]
    assert answer.json["token"] not in str([event.detail for event in found])
