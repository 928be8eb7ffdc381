"""Cloud accounts: made by administrators, checked against their cloud, with credentials unseen."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.cli import main
from app.clouds.search import find_by_stack
from app.errors import CloudSearchError
from app.models import CloudAccount
from app.services.cloud_accounts.checks import find_refused
from app.services.secrets import open_credentials, seal_credentials
from tests.api.rest import Rest, pointers, problem
from tests.api.states import keep_state, state_bytes
from tests.logins import login
from tests.sandbox_cloud import Service

SECRET = "canary-token-5f1e"
NOWHERE = {"endpoint": "http://127.0.0.1:1999/v1", "token": SECRET}


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder: Path = tmp_path_factory.mktemp("sandbox")
    service = Service(folder)
    service.start()
    yield service
    service.stop()


def new(name: str = "practice", **more: Any) -> dict[str, Any]:
    return {"name": name, "cloud": "sandbox", "credentials": NOWHERE, **more}


def test_an_account_is_made_changed_and_deleted(rest: Rest) -> None:
    made = rest.post("/cloud-accounts", new(regions=["eu-west"]), Idempotency_Key="one")
    assert made.status_code == 201
    assert (made.json["regions"], made.json["check"]) == (["eu-west"], None)
    again = rest.post("/cloud-accounts", new(regions=["eu-west"]), Idempotency_Key="one")
    assert again.json == made.json
    path = f"/cloud-accounts/{made.json['id']}"
    etag = made.headers["ETag"]
    changed = rest.patch(path, {"regions": [], "default_region": "us-east"}, If_Match=etag)
    assert changed.json["default_region"] == "us-east"
    assert "eu-central" in changed.json["regions"]
    problem(rest.delete(path, If_Match=etag), 412, "precondition_failed")
    assert rest.delete(path, If_Match=changed.headers["ETag"]).status_code == 204
    problem(rest.get(path), 404, "not_found")
    assert rest.post("/cloud-accounts", new()).status_code == 201, "the name is free again"


def test_credentials_are_sealed_and_never_shown(rest: Rest) -> None:
    made = rest.post("/cloud-accounts", new())
    shown = [made, rest.get("/cloud-accounts"), rest.get("/cloud-accounts/practice")]
    assert not [answer for answer in shown if SECRET in answer.text]
    with rest.ctx.read() as session:
        row = session.get_one(CloudAccount, made.json["id"])
        assert SECRET.encode() not in row.sealed_credentials
        assert open_credentials(rest.ctx.keys, row) == NOWHERE


def test_new_credentials_replace_the_old_ones_and_what_was_known_of_them(rest: Rest) -> None:
    rest.post("/cloud-accounts", new())
    assert rest.post("/cloud-accounts/practice/check").json["check"] is not None
    renewed = {**NOWHERE, "token": "another"}
    answer = rest.patch("/cloud-accounts/practice", {"credentials": renewed}, If_Match="*")
    assert answer.json["check"] is None
    with rest.ctx.read() as session:
        row = session.get_one(CloudAccount, answer.json["id"])
        assert open_credentials(rest.ctx.keys, row) == renewed


def test_a_check_proves_good_credentials_and_says_what_is_wrong_with_others(
    rest: Rest, cloud: Service
) -> None:
    good = {"endpoint": cloud.endpoint, "token": cloud.make_account("checked")}
    cases = {
        "good": (good, True, "accepts"),
        "wrong-token": ({**good, "token": SECRET}, False, "does not know the token"),
        "wrong-path": ({**good, "endpoint": f"{cloud.endpoint}/v9"}, False, "must end in /v1"),
        "nobody": (NOWHERE, False, "does not answer"),
    }
    for name, (credentials, passed, words) in cases.items():
        rest.post("/cloud-accounts", new(name, credentials=credentials))
        answer = rest.post(f"/cloud-accounts/{name}/check")
        assert answer.status_code == 200, answer.text
        assert answer.json["check"]["passed"] is passed, name
        assert words in answer.json["check"]["detail"]
        assert SECRET not in answer.text
        assert credentials["endpoint"] not in answer.text, "everybody may read it"


@pytest.mark.parametrize(
    "endpoint",
    [
        "nonsense", "not a url", "http://", "http://[::1", "http://127.0.0.1:99999/",
        "file:///etc/passwd", "http://127.0.0.1:9999/\r\nX: y", "http://\x7f/",
        "http://" + "a" * 300,
        "http://user:pw@127.0.0.1:9999/v1", "http://127.0.0.1:9999/v1?a=b",
        "http://127.0.0.1:22/v1",
        "http://169.254.169.254/v1", "http://10.0.0.1/v1", "http://cloud.example.com/v1",
    ],
    ids=str,
)  # fmt: skip
def test_an_endpoint_that_may_not_be_is_refused_at_once(rest: Rest, endpoint: str) -> None:
    body = new(credentials={**NOWHERE, "endpoint": endpoint})
    told = problem(rest.post("/cloud-accounts", body), 422, "validation_failed")
    assert pointers(told) == ["/credentials/endpoint"]
    assert rest.post("/cloud-accounts", new()).status_code == 201
    change = {"credentials": {**NOWHERE, "endpoint": endpoint}}
    problem(rest.patch("/cloud-accounts/practice", change, If_Match="*"), 422, "validation_failed")


IDENTITY = {
    "web_identity_role_arn": "arn:aws:iam::123456789012:role/landform",
    "web_identity_token_file": "/any/file",
}


def test_an_account_that_would_send_a_file_of_the_host_somewhere_is_not_made(rest: Rest) -> None:
    ways: dict[str, dict[str, str]] = {
        "/credentials/web_identity_token_file": IDENTITY,
        "/credentials/config_file": {"profile": "work", "config_file": "/any/file"},
    }
    for pointer, credentials in ways.items():
        for endpoint in ({}, {"endpoint": "http://127.0.0.1:1999"}):
            body = {"name": "thief", "cloud": "aws", "credentials": {**credentials, **endpoint}}
            told = problem(rest.post("/cloud-accounts", body), 422, "validation_failed")
            assert pointers(told)[0] == pointer
            assert "LANDFORM_CREDENTIAL_FILES_ROOT" in told["errors"][0]["message"]
    assert [item["name"] for item in rest.get("/cloud-accounts").json["items"]] == ["sandbox"]


def test_an_account_of_earlier_days_says_when_used_why_it_is_refused(
    rest: Rest, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = rest.post("/cloud-accounts", new()).json
    with rest.ctx.write() as session:
        row = session.get_one(CloudAccount, made["id"])
        row.cloud = "aws"
        seal_credentials(rest.ctx.keys, row, {**IDENTITY, "endpoint": "http://127.0.0.1:1999"})
    check = rest.post("/cloud-accounts/practice/check").json["check"]
    assert check["passed"] is False
    assert "LANDFORM_CREDENTIAL_FILES_ROOT" in check["detail"]
    assert [name for name, _ in find_refused(rest.ctx)] == ["practice"]
    monkeypatch.setattr("app.cli.open_context", lambda: rest.ctx)
    assert main(["accounts"]) == 1
    assert "'practice' is not used" in capsys.readouterr().out


@pytest.mark.parametrize("token", ["a\r\nX-Evil: 1", "é", "\U0001f4a9", " "])
def test_a_token_that_can_be_none_fails_its_check_and_the_search_without_a_crash(
    rest: Rest, token: str
) -> None:
    credentials = {**NOWHERE, "token": token}
    assert rest.post("/cloud-accounts", new(credentials=credentials)).status_code == 201
    answer = rest.post("/cloud-accounts/practice/check")
    assert (answer.status_code, answer.json["check"]["passed"]) == (200, False)
    with pytest.raises(CloudSearchError):
        find_by_stack("sandbox", login(credentials), "eu-west", "stk_1", set())


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        (new("Bad Name"), "/name"),
        (new(cloud="nowhere"), "/cloud"),
        (new(credentials={"endpoint": "x"}), "/credentials/token"),
        (new(credentials={**NOWHERE, "other": "x"}), "/credentials"),
        (new(credentials={**NOWHERE, "token": 5}), "/credentials/token/value"),
        (new(credentials={**NOWHERE, "token": "a\x00b"}), "/credentials/token"),
        (new(credentials="all of them"), "/credentials"),
        (new(regions=["mars"]), "/regions/0"),
        (new(regions=["eu-west"], default_region="us-east"), "/default_region"),
        (new(more=1), "/more"),
    ],
)
def test_what_is_not_acceptable_is_named(rest: Rest, body: dict[str, Any], pointer: str) -> None:
    told = problem(rest.post("/cloud-accounts", body), 422, "validation_failed")
    assert pointer in pointers(told)
    assert SECRET not in str(told)
    assert [item["name"] for item in rest.get("/cloud-accounts").json["items"]] == ["sandbox"]


def test_a_name_is_taken_once(rest: Rest) -> None:
    rest.post("/cloud-accounts", new())
    problem(rest.post("/cloud-accounts", new()), 409, "name_taken")
    answer = rest.patch("/cloud-accounts/practice", {"name": "sandbox"}, If_Match="*")
    problem(answer, 409, "name_taken")


def test_an_account_that_stacks_use_stays(rest: Rest, network: dict[str, Any]) -> None:
    told = problem(rest.delete("/cloud-accounts/sandbox", If_Match="*"), 409, "conflict")
    assert network["name"] in told["detail"]
    rest.set_stack(network["id"], status="deleted", deleted_at=None)
    problem(rest.delete("/cloud-accounts/sandbox", If_Match="*"), 409, "conflict")


def test_a_stack_is_refused_on_an_account_that_is_gone(rest: Rest) -> None:
    rest.post("/cloud-accounts", new())
    rest.delete("/cloud-accounts/practice", If_Match="*")
    body = {"name": "web", "cloud_account": "practice"}
    told = problem(rest.post("/networks", body), 422, "validation_failed")
    assert pointers(told) == ["/cloud_account"]


def test_the_resources_of_a_stack_are_listed_in_neutral_words(
    rest: Rest, network: dict[str, Any]
) -> None:
    path = network["links"]["resources"]
    assert rest.get(path).json == {"items": [], "let_go": [], "next_cursor": None}
    keep_state(rest, network["id"], state_bytes(1, {"one": "a", "two": "b"}))
    items = rest.get(path).json["items"]
    assert [item["name"] for item in items] == ["one", "two"]
    page = rest.get(path, limit=1).json
    assert rest.get(path, limit=1, cursor=page["next_cursor"]).json["items"] == items[1:]
    problem(rest.get(path, cursor="x"), 422, "validation_failed")
    first = {"type": "data", "id": "id-one", "status": "ok", "address": "terraform_data.one"}
    assert items[0] == {"name": "one", **first}
