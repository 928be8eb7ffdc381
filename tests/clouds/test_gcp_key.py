"""A key of a Google Cloud service account, and what only looks like one."""

from __future__ import annotations

import json
from typing import Any

import pytest

from app.clouds.gcp_key import TOKEN_URI, KeyContentError, read_key, resolve_key

KEY = {
    "type": "service_account",
    "project_id": "shop",
    "private_key_id": "0a1b",
    "private_key": "-----BEGIN PRIVATE KEY-----canary-7f1d9c",
    "client_email": "landform@shop.iam.gserviceaccount.com",
    "client_id": "1",
    "token_uri": TOKEN_URI,
    "auth_uri": "https://accounts.google.com/o/oauth2/auth",
    "universe_domain": "googleapis.com",
}


def fields(key: Any, **more: str) -> dict[str, str]:
    text = key if isinstance(key, str) else json.dumps(key)
    return {"project": "shop", "service_account_key": text, **more}


def without(name: str) -> dict[str, str]:
    return {key: value for key, value in KEY.items() if key != name}


def test_a_key_is_read_and_handed_on_as_it_is() -> None:
    given = fields(KEY)
    key = read_key(given)
    assert (key.email, key.key_id, key.token_uri) == (
        "landform@shop.iam.gserviceaccount.com",
        "0a1b",
        TOKEN_URI,
    )
    assert "canary" not in repr(key)
    assert resolve_key(given, {}) == given


def test_an_account_without_a_key_is_left_alone() -> None:
    given = {"project": "shop", "identity_token_file": "/tokens/1", "audience": "a"}
    assert resolve_key(given, {"identity_token_file": b"token"}) == given


def test_a_key_of_an_endpoint_is_exchanged_there() -> None:
    other = {**KEY, "token_uri": "http://127.0.0.1:1/token"}
    assert read_key(fields(other, endpoint="http://127.0.0.1:1/")).token_uri == other["token_uri"]


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("/etc/passwd", "no JSON"),
        ("", "no JSON"),
        ("[" * 100_000, "no JSON"),
        ("[]", "must be the JSON of a key"),
        ("null", "must be the JSON of a key"),
        ({**KEY, "type": "external_account"}, "must be the JSON of a key"),
        ({**KEY, "type": "authorized_user"}, "must be the JSON of a key"),
        ({**KEY, "credential_source": {"executable": {"command": "id"}}}, "holds 'credential_"),
        ({**KEY, "credential_source": {"file": "/etc/passwd"}}, "holds 'credential_source'"),
        ({**KEY, "token_uri": "http://169.254.169.254/"}, f"must have {TOKEN_URI}"),
        ({**KEY, "token_uri": None}, f"must have {TOKEN_URI}"),
        (without("token_uri"), f"must have {TOKEN_URI}"),
        ({**KEY, "universe_domain": "evil.example"}, "another universe"),
        ({**KEY, "private_key": 3}, "lacks private_key"),
        ({**KEY, "client_email": ""}, "lacks client_email"),
        (without("private_key_id"), "lacks private_key_id"),
    ],
)
def test_what_is_no_key_is_refused_without_being_repeated(key: Any, said: str) -> None:
    with pytest.raises(KeyContentError) as caught:
        resolve_key(fields(key), {})
    assert said in str(caught.value)
    assert "canary" not in str(caught.value)
