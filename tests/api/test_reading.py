"""Reading one thing: conditional requests, HEAD, OPTIONS, rate limits, and what is never shown."""

from __future__ import annotations

import hashlib
from datetime import date
from typing import Any

import pytest
from sqlalchemy import select

from app.clock import utc_now
from app.domain import ids
from app.models import AuditEvent, DriftReport, Stack, StackOutput, StateVersion
from app.services.secrets import seal_json
from tests.api.conftest import MakeApp
from tests.api.rest import Rest, problem
from tests.drifting import change, check

SERIALS = ["2", "0", str(2**63), str(10**30), "9" * 5000, "-1", "x", "1.5"]


@pytest.fixture
def version(rest: Rest, network: dict[str, Any]) -> str:
    """The path of a state version with bytes on the volume."""
    (operation,) = rest.get("/operations").json["items"]
    state = (
        b'{"version":4,"terraform_version":"1.11.4","serial":1,'
        b'"lineage":"3f1f2a2e-0a52-7c0c-6a6a-7b2f4f6f0001","outputs":{},"resources":[]}'
    )
    store = rest.ctx.state_store(network["id"])
    with store.hold(network["id"], 1):
        stored = store.promote(network["id"], state)
    with rest.ctx.write() as session:
        session.add(
            StateVersion(
                id=ids.new_id(ids.STATE_VERSION),
                stack_id=network["id"],
                serial=1,
                lineage="3f1f2a2e-0a52-7c0c-6a6a-7b2f4f6f0001",
                sha256=stored.sha256,
                size_bytes=len(state),
                terraform_version="1.11.4",
                operation_id=operation["id"],
                created_at=utc_now(),
                created_by="admin",
            )
        )
    assert stored.sha256 == hashlib.sha256(state).hexdigest()
    return f"/stacks/{network['id']}/state-versions"


@pytest.mark.parametrize("path", ["/kinds", "/kinds/network", "/clouds", "/auth/me"])
def test_an_unchanged_resource_is_not_sent_again(reader: Rest, path: str) -> None:
    etag = reader.get(path).headers["ETag"]
    again = reader.get(path, headers={"If-None-Match": etag})
    assert (again.status_code, again.data, again.headers["ETag"]) == (304, b"", etag)
    assert reader.get(path, headers={"If-None-Match": '"other"'}).status_code == 200


def test_an_operation_has_another_etag_once_it_moved(rest: Rest) -> None:
    operation = rest.create("networks", "web")["operation"]["id"]
    etag = rest.get(f"/operations/{operation}").headers["ETag"]
    headers = {"If-None-Match": etag}
    assert rest.get(f"/operations/{operation}", headers=headers).status_code == 304
    rest.end(operation)
    assert rest.get(f"/operations/{operation}", headers=headers).status_code == 200


@pytest.mark.parametrize("path", ["/stacks", "/kinds/network", "/clouds", "/api/v1/openapi.json"])
def test_head_answers_as_get_without_a_body(reader: Rest, path: str) -> None:
    whole, head = reader.get(path), reader.call("HEAD", path)
    assert (head.status_code, head.data) == (200, b"")
    for name in ("Content-Type", "Content-Length", "ETag"):
        assert head.headers.get(name) == whole.headers.get(name)


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/networks", "GET, HEAD, OPTIONS, POST"),
        ("/networks/x", "DELETE, GET, HEAD, OPTIONS, PATCH"),
        ("/operations/x/approve", "OPTIONS, POST"),
    ],
)
def test_options_names_the_methods(reader: Rest, path: str, allowed: str) -> None:
    answer = reader.call("OPTIONS", path)
    assert answer.status_code == 200
    assert ", ".join(sorted(answer.headers["Allow"].split(", "))) == allowed


def test_every_answer_tells_how_many_requests_are_left(rest: Rest) -> None:
    first, second = rest.get("/kinds"), rest.get("/nothing")
    assert first.headers["RateLimit-Limit"] == "1200"
    assert int(first.headers["RateLimit-Remaining"]) < 1200
    assert 0 < int(first.headers["RateLimit-Reset"]) <= 61
    assert "Retry-After" not in first.headers
    assert second.status_code == 404


def test_requests_are_counted_for_each_user(make_app: MakeApp) -> None:
    rest = Rest(make_app(api_rate="3/minute"))
    other = rest.as_member("viewer")
    assert [rest.get("/kinds").status_code for _ in range(3)] == [200, 200, 200]
    refused = rest.get("/kinds")
    problem(refused, 429, "rate_limited")
    assert 0 < int(refused.headers["Retry-After"]) <= 61
    assert refused.headers["RateLimit-Remaining"] == "0"
    assert other.get("/kinds").status_code == 200


def test_invented_tokens_share_the_limit_of_their_address(make_app: MakeApp) -> None:
    client = make_app(api_rate="3/minute").test_client()
    answers = [
        client.get("/api/v1/kinds", headers={"Authorization": f"Bearer a.b.{number}"})
        for number in range(4)
    ]
    assert [answer.status_code for answer in answers] == [401, 401, 401, 429]


def test_health_is_not_counted(make_app: MakeApp) -> None:
    client = make_app(api_rate="2/minute").test_client()
    assert {client.get("/healthz").status_code for _ in range(5)} == {200}


def test_clouds_tell_regions_and_sizes_in_neutral_words(reader: Rest) -> None:
    cloud = next(c for c in reader.get("/clouds").json["items"] if c["name"] == "sandbox")
    assert cloud["name"] == "sandbox"
    assert cloud["regions"][0] == {"name": "eu-west", "title": cloud["regions"][0]["title"]}
    assert [size["name"] for size in cloud["sizes"]] == ["small", "medium", "large"]
    assert {item["supported_until"] for item in cloud["vocabulary"]["size"]} == {None}
    ends = [item["supported_until"] for item in cloud["vocabulary"]["kubernetes-version"]]
    assert ends == sorted(ends)
    assert all(date.fromisoformat(end) for end in ends), "days, not moments"


def test_kinds_tell_parameters_outputs_and_references(reader: Rest) -> None:
    kinds = {item["kind"]: item for item in reader.get("/kinds").json["items"]}
    created = {"network", "machine-group", "bucket", "cluster", "database"}
    created |= {"queue", "secret", "container-registry"}
    assert set(kinds) == created | {"existing-network"}
    stand_ins = {name: item["stands_for"] for name, item in kinds.items() if item["stands_for"]}
    assert stand_ins == {"existing-network": "network"}
    group = reader.get("/kinds/machine-group").json
    assert group == kinds["machine-group"]
    assert group["references"] == {"network": {"kind": "network"}}
    assert group["parameters"]["properties"]["user_data"]["writeOnly"] is True
    assert group["parameters"]["required"] == ["network"]


def test_no_client_contract_names_a_provider_type(reader: Rest) -> None:
    for path in ("/kinds", "/clouds", "/api/v1/openapi.json"):
        assert "sandbox_" not in reader.get(path).text


def test_credentials_of_an_account_are_never_shown(reader: Rest) -> None:
    for path in ("/cloud-accounts", "/cloud-accounts/sandbox"):
        answer = reader.get(path)
        assert answer.status_code == 200
        for word in ("sandbox-token-canary", "token", "credential", "sealed", "127.0.0.1"):
            assert word not in answer.text
    account = reader.get("/cloud-accounts/sandbox").json
    assert reader.get(f"/cloud-accounts/{account['id']}").json == account
    assert (account["cloud"], account["default_region"]) == ("sandbox", "eu-west")
    problem(reader.get("/cloud-accounts/nothing"), 404, "not_found")


def test_a_sensitive_output_is_masked_unless_the_caller_may_read_it(
    rest: Rest, network: dict[str, Any]
) -> None:
    sealed = seal_json(rest.ctx.keys, "s3cr3t", f"output:{network['id']}:password")
    with rest.ctx.write() as session:
        for name, value, secret in (("address", "10.0.0.1", None), ("password", None, sealed)):
            session.add(
                StackOutput(
                    stack_id=network["id"],
                    name=name,
                    value=value,
                    sealed_value=secret,
                    is_sensitive=secret is not None,
                    updated_at=utc_now(),
                )
            )
    path, operator = f"/stacks/{network['id']}/outputs", rest.as_member("operator")
    shown = {"address": "10.0.0.1", "password": "s3cr3t"}
    assert rest.get(path).json == {"outputs": shown, "missing_outputs": []}
    assert operator.get(path).json["outputs"] == {**shown, "password": "********"}
    for same in (f"/stacks/{network['id']}", "/stacks", network["links"]["typed"]):
        assert "s3cr3t" not in operator.get(same).text


def test_an_output_that_tells_of_what_is_missing_is_left_out_and_named(
    rest: Rest, network: dict[str, Any]
) -> None:
    with rest.ctx.write() as session:
        stack = session.get_one(Stack, network["id"])
        for name, value in (("ids", ["subnet-1", "subnet-2"]), ("cidr", "10.0.0.0/16")):
            session.add(
                StackOutput(
                    stack_id=stack.id,
                    name=name,
                    value=value,
                    sealed_value=None,
                    is_sensitive=False,
                    updated_at=utc_now(),
                )
            )
    check(rest.ctx, stack, {**change("deleted"), "resource_id": "subnet-2"})
    one, path = rest.get(f"/stacks/{stack.id}").json, f"/stacks/{stack.id}/outputs"
    wanted = ({"cidr": "10.0.0.0/16"}, ["ids"])
    (listed,) = rest.get("/stacks").json["items"]
    for shown in (one, rest.get(path).json, listed, rest.get(network["links"]["typed"]).json):
        assert (shown["outputs"], shown["missing_outputs"]) == wanted
    (found,) = rest.get("/drift/findings", stack=stack.id).json["items"]
    assert found["resource_id"] == "subnet-2"
    check(rest.ctx, stack)
    again = rest.get(path).json
    assert (again["missing_outputs"], len(again["outputs"])) == ([], 2)


def test_state_versions_are_listed_shown_and_downloaded(rest: Rest, version: str) -> None:
    (listed,) = rest.get(version).json["items"]
    assert listed["serial"] == 1
    assert set(listed) == {
        *("serial", "lineage", "sha256", "size_bytes", "terraform_version"),
        *("operation_id", "created_at", "created_by"),
    }
    assert rest.get(f"{version}/1").json == listed
    answer = rest.get(f"{version}/1/download")
    assert hashlib.sha256(answer.data).hexdigest() == listed["sha256"]
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert answer.headers["Cache-Control"] == "no-store"


def test_a_download_is_audited(rest: Rest, version: str) -> None:
    rest.get(f"{version}/1/download")
    with rest.ctx.read() as session:
        event = session.scalars(
            select(AuditEvent).where(AuditEvent.action == "state_version.download")
        ).one()
    assert (event.actor, event.detail) == ("admin", {"serial": 1})
    assert event.project_id is not None


def test_a_state_file_that_was_changed_on_the_volume_is_not_handed_out(
    rest: Rest, version: str
) -> None:
    for file in rest.ctx.settings.state_dir.rglob("*.tfstate"):
        file.chmod(0o600)
        file.write_bytes(b"{}")
    answer = rest.get(f"{version}/1/download")
    assert answer.status_code in (409, 500)
    problem(answer, answer.status_code, answer.get_json(force=True)["code"])


def test_a_download_without_the_volume_says_so(rest: Rest, version: str) -> None:
    (rest.ctx.settings.state_dir / ".landform-volume").unlink()
    problem(rest.get(f"{version}/1/download"), 503, "volume_missing")


@pytest.mark.parametrize(
    "serial", ["2", "0", str(2**63), str(10**30), "9" * 5000, "-1", "x", "1.5"]
)
@pytest.mark.parametrize("suffix", ["", "/download"])
def test_an_impossible_serial_is_not_found(reader: Rest, serial: str, suffix: str) -> None:
    (stack,) = reader.get("/stacks").json["items"]
    path = f"/stacks/{stack['id']}/state-versions/{serial}{suffix}"
    problem(reader.get(path), 404, "not_found")


def test_drift_reports_are_listed_and_shown_in_the_fleet(
    rest: Rest, network: dict[str, Any]
) -> None:
    (operation,) = rest.get("/operations").json["items"]
    change = {"address": "a", "name": "b", "type": "network", "change": "updated"}
    with rest.ctx.write() as session:
        session.add(
            DriftReport(
                id="dr_1",
                stack_id=network["id"],
                operation_id=operation["id"],
                checked_at=utc_now(),
                status="drifted",
                changes=[change],
            )
        )
    rest.set_stack(network["id"], drift_status="drifted", drift_report_id="dr_1")
    (report,) = rest.get(f"/stacks/{network['id']}/drift-reports").json["items"]
    (shown,) = report["changes"]
    assert report["status"] == "drifted"
    assert change.items() <= shown.items()
    (item,) = rest.get("/drift").json["items"]
    assert item["report"] == report
    assert item["stack"]["drift"]["report_id"] == "dr_1"
