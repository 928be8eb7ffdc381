"""The running service: faults, quota, durability, accounts and its own description."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx
import pytest
from flask.testing import FlaskClient

from sandbox.resource_types.all_types import RESOURCE_TYPES
from sandbox.service.accounts import Accounts
from sandbox.service.accounts import main as accounts_command
from sandbox.service.database import Database
from sandbox.service.factory import create_app
from sandbox.service.resources import Resources
from sandbox.service.settings import Settings
from tests.sandbox.examples import BUCKET, NETWORK, create
from tests.sandbox_cloud import ROOT, Cloud, Service


def test_a_new_resource_is_creating_until_its_delay_has_passed(tmp_path: Path) -> None:
    app = create_app(Settings(tmp_path))
    database, clock = Database(tmp_path / "cloud.db"), [1000.0]
    resources = Resources(database, now=lambda: clock[0])
    app.extensions["sandbox"].faults.replace(
        1, app.extensions["sandbox"].faults.get(1).__class__(create_delay_seconds=30)
    )
    created = resources.create(1, "network", NETWORK, {})

    assert created.status == "creating"
    clock[0] = 1029.9
    assert resources.get(1, created.id).status == "creating"
    clock[0] = 1030.0
    assert resources.get(1, created.id).status == "available"


def test_an_injected_fault_records_nothing_and_a_seed_repeats_the_sequence(
    api: FlaskClient,
) -> None:
    def attempt(number: int) -> bool:
        attributes = {**BUCKET, "name": f"bucket-{number}"}
        answer = api.post("/v1/resources", json={"type": "bucket", "attributes": attributes})
        if answer.status_code == 500:
            assert answer.get_json()["code"] == "injected_fault"
        return answer.status_code == 201

    sequences = []
    for first in (0, 100):
        api.put("/v1/faults", json={"failure_rate": 0.5, "seed": 7})
        sequences.append([attempt(first + number) for number in range(20)])

    assert sequences[0] == sequences[1]
    assert {True, False} == set(sequences[0])
    recorded = len(api.get("/v1/resources?limit=200").get_json()["items"])
    assert recorded == 2 * sum(sequences[0])


def test_a_failure_rate_of_one_always_fails_and_only_creation(api: FlaskClient) -> None:
    bucket = create(api, "bucket", **BUCKET)["id"]
    api.put("/v1/faults", json={"failure_rate": 1})

    answer = api.post("/v1/resources", json={"type": "network", "attributes": NETWORK})

    assert answer.status_code == 500
    assert api.patch(f"/v1/resources/{bucket}", json={"tags": {}}).status_code == 200
    assert api.delete(f"/v1/resources/{bucket}").status_code == 204


def test_a_full_account_says_its_limit_and_how_to_raise_it(api: FlaskClient) -> None:
    api.put("/v1/faults", json={"quota": 1})
    create(api, "bucket", **BUCKET)

    answer = api.post("/v1/resources", json={"type": "network", "attributes": NETWORK})

    assert (answer.status_code, answer.get_json()["code"]) == (409, "quota_exceeded")
    assert "its quota is 1" in answer.get_json()["detail"]
    assert "PUT /v1/faults" in answer.get_json()["detail"]
    api.put("/v1/faults", json={"quota": None})
    create(api, "network", **NETWORK)


def test_setting_faults_replaces_all_of_them(api: FlaskClient) -> None:
    api.put("/v1/faults", json={"quota": 5, "create_delay_seconds": 2.5})
    api.put("/v1/faults", json={"read_delay_seconds": 0.1})

    assert api.get("/v1/faults").get_json() == {
        "create_delay_seconds": 0.0,
        "read_delay_seconds": 0.1,
        "failure_rate": 0.0,
        "quota": None,
        "seed": None,
    }


def test_reads_take_as_long_as_asked_for(api: FlaskClient) -> None:
    api.put("/v1/faults", json={"read_delay_seconds": 0.2})
    started = time.monotonic()

    api.get("/v1/resources")

    assert time.monotonic() - started >= 0.2


def test_resources_faults_and_the_token_survive_a_restart(tmp_path: Path) -> None:
    service = Service(tmp_path)
    service.start()
    try:
        token = service.settings.token_path.read_text().strip()
        cloud = Cloud(service.endpoint, token)
        cloud.set_faults(create_delay_seconds=3600)
        before = cloud.call(
            "POST", "/resources", json={"type": "network", "attributes": NETWORK, "tags": {}}
        )
        service.stop()
        service.start()
        assert cloud.get_only("network") == before
        assert before["status"] == "creating"
        assert cloud.call("GET", "/faults")["create_delay_seconds"] == 3600
        cloud.close()
    finally:
        service.stop()


def test_the_token_file_and_the_store_are_private_and_the_token_is_stored_hashed(
    service: Service,
) -> None:
    token_path, database_path = service.settings.token_path, service.settings.database_path

    assert token_path.stat().st_mode & 0o777 == 0o600
    assert database_path.stat().st_mode & 0o777 == 0o600
    assert token_path.read_bytes().strip() not in database_path.read_bytes()


def test_a_new_token_file_takes_effect_at_the_next_start(tmp_path: Path) -> None:
    settings = Settings(tmp_path)
    create_app(settings)
    old = settings.token_path.read_text().strip()
    settings.token_path.unlink()
    client = create_app(settings).test_client()
    new = settings.token_path.read_text().strip()

    def call(token: str) -> int:
        headers = {"Authorization": f"Bearer {token}"}
        return client.get("/v1/faults", headers=headers).status_code

    assert (call(new), call(old)) == (200, 401)


def test_an_empty_token_file_stops_the_start_with_advice(tmp_path: Path) -> None:
    settings = Settings(tmp_path)
    settings.token_path.write_text("\n")

    with pytest.raises(ValueError, match="Delete the file to have a new one made"):
        create_app(settings)


def test_processes_that_start_at_once_agree_on_one_token(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path\n"
        "from sandbox.service.factory import create_app\n"
        "from sandbox.service.settings import Settings\n"
        "create_app(Settings(Path(sys.argv[1])))"
    )
    starts = [
        subprocess.Popen([sys.executable, "-W", "error", "-c", code, str(tmp_path)], cwd=ROOT)
        for _ in range(3)
    ]

    assert [start.wait(30) for start in starts] == [0, 0, 0]
    settings = Settings(tmp_path)
    client = create_app(settings).test_client()
    headers = {"Authorization": f"Bearer {settings.token_path.read_text().strip()}"}
    assert client.get("/v1/faults", headers=headers).status_code == 200


def test_the_command_makes_an_account_whose_token_is_shown_once(
    service: Service, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LANDFORM_HOME", str(service.home))

    assert accounts_command(["create", "team-a"]) == 0
    token = capsys.readouterr().out.strip()
    headers = {"Authorization": f"Bearer {token}"}
    assert httpx.get(f"{service.endpoint}/resources", headers=headers).json()["items"] == []
    assert accounts_command(["create", "team-a"]) == 1
    assert "already an account named team-a" in capsys.readouterr().err


def test_creations_at_the_same_time_keep_quota_names_and_addresses(cloud: Cloud) -> None:
    cloud.set_faults(quota=5)
    codes: list[int] = []

    def post() -> None:
        headers = {"Authorization": f"Bearer {cloud.token}"}
        body = {"type": "network", "attributes": NETWORK}
        answer = httpx.post(f"{cloud.endpoint}/resources", json=body, headers=headers, timeout=30)
        codes.append(answer.status_code)

    threads = [threading.Thread(target=post) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(codes) == [201] * 5 + [409] * 7
    assert len(cloud.list()) == 5


@pytest.mark.parametrize("path", ["/healthz", "/v1/healthz"])
def test_health_needs_no_token(api: FlaskClient, path: str) -> None:
    answer = api.get(path, headers={"Authorization": ""})

    assert (answer.status_code, answer.get_json()["status"]) == (200, "ok")


def test_the_openapi_document_describes_every_resource_type(api: FlaskClient) -> None:
    document = api.get("/v1/openapi.json", headers={"Authorization": ""}).get_json()

    assert document["openapi"] == "3.1.0"
    schemas = document["components"]["schemas"]
    for resource_type in RESOURCE_TYPES.values():
        described = schemas[f"{resource_type.schema_name}Attributes"]["properties"]
        assert list(described) == [attribute.name for attribute in resource_type.attributes]
    assert "NodePoolAttributes" in schemas
    assert schemas["MachineAttributes"]["properties"]["user_data"]["writeOnly"] is True
    assert document["paths"]["/v1/resources"]["post"]["security"] == [{"token": []}]


def test_each_account_waits_for_its_own_reads_only(service: Service) -> None:
    slow = Cloud(service.endpoint, service.make_account("slow"))
    quick = Cloud(service.endpoint, service.make_account("quick"))
    accounts = Accounts(Database(service.settings.database_path))
    slow.set_faults(read_delay_seconds=0.25)

    assert accounts.authenticate(slow.token).read_delay_seconds == 0.25
    assert accounts.authenticate(quick.token).read_delay_seconds == 0
    slow.set_faults()
    assert accounts.authenticate(slow.token).read_delay_seconds == 0
    slow.close()
    quick.close()
