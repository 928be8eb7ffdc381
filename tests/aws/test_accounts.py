"""Cloud accounts of AWS: every way to sign in, and what is said of credentials that are no good."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from app.catalog.catalog import Cloud
from app.catalog.loader import load_catalog
from app.clouds.aws import find_fault
from app.errors import ValidationError
from tests.catalog.conftest import SHIPPED
from tests.logins import login
from tests.moto_cloud import KEYS, Moto

REGION = "eu-west-1"
ROLE = "arn:aws:iam::123456789012:role/landform"
PROFILE = {"profile": "work", "config_file": "/etc/aws/config"}
WAYS: dict[str, dict[str, str]] = {
    "access-key": KEYS,
    "temporary-key": {**KEYS, "session_token": "t"},
    "profile": PROFILE,
    "web-identity": {"web_identity_role_arn": ROLE, "web_identity_token_file": "/run/token"},
    "role-by-access-key": {**KEYS, "role_arn": ROLE, "external_id": "x-1"},
    "role-by-profile": {**PROFILE, "role_arn": ROLE},
    "role-by-host": {"role_arn": ROLE},
}


@pytest.fixture(scope="module")
def cloud() -> Cloud:
    return load_catalog(SHIPPED).cloud("aws")


@pytest.mark.parametrize("way", WAYS)
def test_every_way_to_sign_in_is_taken_with_and_without_an_endpoint(cloud: Cloud, way: str) -> None:
    cloud.check_credentials(WAYS[way])
    elsewhere = {**WAYS[way], "endpoint": "http://127.0.0.1:1"}
    assert cloud.environment(elsewhere)["AWS_ENDPOINT_URL"] == "http://127.0.0.1:1"
    assert cloud.provider_variables(elsewhere)["landform_endpoint"] == "http://127.0.0.1:1"


def test_keys_reach_the_environment_and_the_role_the_providers_variables(cloud: Cloud) -> None:
    credentials = WAYS["role-by-access-key"]
    assert cloud.environment(credentials, cloud.region("eu-central")) == {
        "AWS_ACCESS_KEY_ID": KEYS["access_key_id"],
        "AWS_SECRET_ACCESS_KEY": KEYS["secret_access_key"],
        "AWS_REGION": "eu-central-1",
    }
    assert cloud.provider_variables(credentials) == {
        "landform_role_arn": ROLE,
        "landform_external_id": "x-1",
    }


@pytest.mark.parametrize(
    "credentials",
    [
        {},
        {"access_key_id": "a"},
        {"access_key_id": "a", "role_arn": ROLE},
        {**KEYS, "external_id": "x"},
        {**KEYS, **PROFILE},
        {"profile": "work"},
        {"web_identity_token_file": "/run/token"},
        {"endpoint": "http://127.0.0.1:1"},
    ],
    ids=lambda item: "+".join(item) or "nothing",
)
def test_what_fits_no_way_to_sign_in_is_refused_with_the_ways_there_are(
    cloud: Cloud, credentials: dict[str, str]
) -> None:
    with pytest.raises(ValidationError) as caught:
        cloud.check_credentials(credentials)
    (problem,) = caught.value.problems
    assert problem.pointer == "/credentials"
    assert "access-key (access_key_id, secret_access_key, [session_token]" in problem.message
    assert KEYS["secret_access_key"] not in problem.message


def test_good_keys_are_found_good(moto: Moto) -> None:
    assert find_fault(login(moto.credentials), REGION) is None


def test_a_role_and_a_web_identity_are_assumed(moto: Moto, tmp_path: Path) -> None:
    role = {**moto.credentials, "role_arn": ROLE, "external_id": "x-1"}
    assert find_fault(login(role), REGION) is None
    token = tmp_path / "token"
    token.write_text("a.b.c\n")
    identity = {"web_identity_role_arn": ROLE, "web_identity_token_file": str(token)}
    assert find_fault(login({**identity, "endpoint": moto.endpoint}), REGION) is None


def test_what_this_process_has_does_not_count(moto: Moto, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "ambient")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "ambient")
    monkeypatch.setenv("AWS_PROFILE", "of-this-process")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_CA_BUNDLE", "/nonexistent")
    assert find_fault(login(moto.credentials), REGION) is None
    nothing = {"endpoint": moto.endpoint}
    assert find_fault(login(nothing), REGION) == "AWS could not be asked: NoCredentialsError."


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"endpoint": "http://127.0.0.1:1999"}, "does not answer"),
        ({"endpoint": "nonsense"}, "could not be asked"),
        ({"endpoint": "http://[::1"}, "could not be asked"),
        ({"endpoint": "http://169.254.169.254"}, "may not be asked"),
        ({"access_key_id": "a\r\nX-Evil: 1"}, "does not answer"),
    ],
    ids=str,
)
def test_what_cannot_be_asked_is_said_without_a_credential(
    moto: Moto, change: dict[str, str], words: str
) -> None:
    fault = find_fault(login({**moto.credentials, **change}), REGION) or ""
    assert words in fault
    assert "canary" not in fault
    assert "127.0.0.1" not in fault


def test_a_token_file_that_is_not_there_is_named_as_such() -> None:
    identity = {"web_identity_role_arn": ROLE, "web_identity_token_file": "/nonexistent"}
    assert find_fault(login(identity), REGION) == "The token file cannot be read on this host."


def test_keys_that_aws_does_not_know_are_told(tmp_path: Path) -> None:
    server = Moto(tmp_path)
    try:
        url = f"{server.endpoint}/moto-api/reset-auth"
        httpx.post(url, content=b"0", timeout=30).raise_for_status()
        fault = find_fault(login(server.credentials), REGION)
        assert fault == "AWS does not know the access key ID or the session token."
    finally:
        server.close()
