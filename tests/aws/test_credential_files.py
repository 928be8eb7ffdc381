"""Stacks on accounts that sign in with a file of the host, made by the real provider."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.factory import create_app
from app.services.engine.engine import Engine
from tests.api.rest import Rest
from tests.conftest import MakeSettings
from tests.landform import NOWHERE
from tests.moto_cloud import Moto, require_provider

CONFIG = "[profile work]\naws_access_key_id = AKIAEXAMPLEEXAMPLE00\naws_secret_access_key = b\n"

pytestmark = pytest.mark.thorough


def test_a_stack_is_made_and_destroyed_with_a_file_of_the_allowed_folder(
    make_prepared_settings: MakeSettings, moto: Moto, tmp_path: Path
) -> None:
    root = tmp_path / "credentials"
    root.mkdir()
    (root / "config").write_text(CONFIG)
    settings = make_prepared_settings(
        redis_url=NOWHERE,
        provider_mirror=require_provider(),
        credential_files_root=root,
        cloud_endpoints=moto.endpoint,
        cloud_allowed_networks="",
    )
    rest = Rest(create_app(settings))
    credentials = {
        "profile": "work",
        "config_file": str(root / "config"),
        "endpoint": moto.endpoint,
    }
    body = {"name": "files", "cloud": "aws", "credentials": credentials, "projects": "all"}
    answer = rest.post("/cloud-accounts", {**body, "default_region": "eu-west"})
    assert answer.status_code == 201, answer.text
    assert rest.post("/cloud-accounts/files/check").json["check"]["passed"] is True
    created = rest.post("/buckets", {"name": "b", "cloud_account": "files"}).json
    engine = Engine(rest.ctx)
    engine.carry_out(created["operation"]["id"])
    done = rest.get(f"/operations/{created['operation']['id']}").json
    assert done["status"] == "applied", done["error"]
    (root / "config").unlink()
    gone = rest.delete(f"/buckets/{created['stack']['id']}", If_Match="*").json["operation"]["id"]
    engine.carry_out(gone)
    refused = rest.get(f"/operations/{gone}").json
    assert (refused["status"], refused["error"]["code"]) == ("errored", "cloud_account_refused")
    (root / "config").write_text(CONFIG)
    again = rest.delete(f"/buckets/{created['stack']['id']}", If_Match="*").json["operation"]["id"]
    engine.carry_out(again)
    assert rest.get(f"/operations/{again}").json["status"] == "applied"
    rest.ctx.db.close()
