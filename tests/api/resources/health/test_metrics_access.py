"""Figures of all projects are for who knows the token."""

from __future__ import annotations

import pytest
from pydantic import SecretStr

from tests.api.conftest import MakeApp
from tests.api.rest import problem

TOKEN = "a-token-of-prometheus"


def test_a_demo_shows_them_to_everybody(make_app: MakeApp) -> None:
    assert make_app().test_client().get("/metrics").status_code == 200


def test_production_without_a_token_shows_them_to_nobody(make_app: MakeApp) -> None:
    client = make_app(env="production").test_client()
    for headers in ({}, {"Authorization": "Bearer "}, {"Authorization": "Bearer x"}):
        told = problem(client.get("/metrics", headers=headers), 403, "permission_denied")
        assert "LANDFORM_METRICS_TOKEN" in told["detail"]


@pytest.mark.parametrize("env", ["production", "demo", "test"])
def test_with_a_token_they_are_shown_to_who_sends_it(make_app: MakeApp, env: str) -> None:
    client = make_app(env=env, metrics_token=SecretStr(TOKEN)).test_client()
    for right in (f"Bearer {TOKEN}", f"bearer  {TOKEN}"):
        answer = client.get("/metrics", headers={"Authorization": right})
        assert answer.status_code == 200
        assert b"landform_" in answer.data
    for wrong in ({}, {"Authorization": TOKEN}, {"Authorization": f"Basic {TOKEN}"}):
        problem(client.get("/metrics", headers=wrong), 401, "unauthenticated")
    for near in (TOKEN[:-1], f"{TOKEN}x", "", "ü"):
        headers = {"Authorization": f"Bearer {near}".encode().decode("latin-1")}
        problem(client.get("/metrics", headers=headers), 401, "unauthenticated")
    assert TOKEN not in client.get("/metrics").text
