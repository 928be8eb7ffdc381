"""Credentials as they are used: what an account may name is judged anew each time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app.catalog.loader import load_catalog
from app.clouds.account_errors import CloudAccountRefusedError
from app.clouds.login import CloudLogin
from app.config.settings import Settings
from app.models import CloudAccount
from app.outbound.client import RefusedError
from app.services.cloud_accounts.credentials import check_reach, find_problems, sign_in
from app.services.context import Context, build_context
from app.services.installation.setup import prepare
from app.services.secrets import seal_credentials
from tests.catalog.conftest import SHIPPED
from tests.conftest import MakeSettings
from tests.moto_cloud import KEYS

ROLE = "arn:aws:iam::123456789012:role/landform"
PUBLIC = "https://aws.example.com"
VOUCHED = "http://localstack:4566"
CONFIG = "[profile work]\naws_access_key_id = AKIA1\naws_secret_access_key = canary-of-file\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "credentials"
    folder.mkdir()
    (folder / "token").write_text("a.b.c\n")
    (folder / "config").write_text(CONFIG)
    return folder


@pytest.fixture
def ctx(make_prepared_settings: MakeSettings, root: Path) -> Iterator[Context]:
    settings = make_prepared_settings(
        credential_files_root=root, cloud_endpoints=f"{VOUCHED}/", cloud_allowed_networks=""
    )
    prepare(settings, "a-token")
    context = build_context(settings)
    yield context
    context.db.close()


def account(ctx: Context, cloud: str = "aws", **fields: str) -> CloudAccount:
    row = CloudAccount(id="acc_1", name="main", cloud=cloud, regions=[])
    seal_credentials(ctx.keys, row, dict(fields))
    return row


def refusal(ctx: Context, row: CloudAccount) -> str:
    with pytest.raises(CloudAccountRefusedError) as caught:
        sign_in(ctx, row)
    return caught.value.detail


def identity(path: Path | str, **more: str) -> dict[str, str]:
    return {"web_identity_role_arn": ROLE, "web_identity_token_file": str(path), **more}


def profile(path: Path, **more: str) -> dict[str, str]:
    return {"profile": "work", "config_file": str(path), **more}


def test_a_provider_gets_a_private_copy_of_a_token_that_is_fresh_each_time(
    ctx: Context, root: Path
) -> None:
    row = account(ctx, **identity(root / "token"))
    copy = Path(sign_in(ctx, row).fields["web_identity_token_file"])
    assert copy.is_relative_to(ctx.settings.work_dir)
    assert copy.read_text() == "a.b.c\n"
    (root / "token").write_text("d.e.f\n")
    assert Path(sign_in(ctx, row).fields["web_identity_token_file"]) == copy
    assert copy.read_text() == "d.e.f\n"


def test_the_keys_of_a_profile_stand_in_the_place_of_its_files(ctx: Context, root: Path) -> None:
    row = account(ctx, **profile(root / "config", role_arn=ROLE))
    keys = {"access_key_id": "AKIA1", "secret_access_key": "canary-of-file"}
    assert sign_in(ctx, row).fields == {**keys, "role_arn": ROLE}
    (root / "credentials").write_text(
        "[work]\naws_access_key_id = AKIA2\naws_secret_access_key = b\naws_session_token = c\n"
    )
    row = account(ctx, **profile(root / "config", credentials_file=str(root / "credentials")))
    expected = {"access_key_id": "AKIA2", "secret_access_key": "b", "session_token": "c"}
    assert sign_in(ctx, row).fields == expected


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("credential_process = /bin/sh -c id", "credential_process"),
        ("sso_session = main", "sso_session"),
        ("sso_start_url = https://example.com", "sso_start_url"),
        ("source_profile = other", "source_profile"),
        ("credential_source = Ec2InstanceMetadata", "credential_source"),
        (f"role_arn = {ROLE}", "role_arn"),
        ("web_identity_token_file = /etc/shadow", "web_identity_token_file"),
        ("endpoint_url = http://127.0.0.1", "endpoint_url"),
        ("services = mine", "services"),
        ("ca_bundle = /tmp/ca", "ca_bundle"),
        ("Credential_Process = id", "credential_process"),
        ("region = eu\n  s3 =\n    endpoint_url = http://127.0.0.1", "not one line"),
        ("no value", "no AWS configuration"),
    ],
)
def test_a_profile_that_holds_more_than_keys_is_refused(
    ctx: Context, root: Path, line: str, words: str
) -> None:
    (root / "config").write_text(f"{CONFIG}{line}\n")
    told = refusal(ctx, account(ctx, **profile(root / "config")))
    assert words in told
    assert "canary" not in told


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[profile other]\naws_access_key_id = a\n", "ProfileNotFound"),
        ("[profile work]\nregion = eu-west-1\n", "NoCredentials"),
        ("[DEFAULT]\naws_access_key_id = a\naws_secret_access_key = b\n[profile work]\n", "NoCred"),
        ("\xff\xfe", "no AWS configuration"),
        ("nonsense", "no AWS configuration"),
    ],
)
def test_a_profile_that_is_not_there_or_empty_is_told(
    ctx: Context, root: Path, text: str, words: str
) -> None:
    (root / "config").write_bytes(text.encode("latin-1"))
    assert words in refusal(ctx, account(ctx, **profile(root / "config")))


@pytest.mark.parametrize(
    "path",
    ["/etc/passwd", "/proc/self/environ", "token", "{root}/../home/admin-password", "{root}"],
)
def test_an_account_of_earlier_days_that_names_another_file_is_refused_at_use(
    ctx: Context, root: Path, path: str
) -> None:
    told = refusal(ctx, account(ctx, **identity(path.replace("{root}", str(root)))))
    assert "'main' is not used" in told
    assert "passwd" not in told


@pytest.mark.parametrize("way", ["identity", "profile", "host"])
def test_a_file_or_the_role_of_the_host_never_meets_a_free_endpoint(
    ctx: Context, root: Path, way: str
) -> None:
    ways = {
        "identity": identity(root / "token"),
        "profile": profile(root / "config"),
        "host": {"role_arn": ROLE},
    }
    told = refusal(ctx, account(ctx, **ways[way], endpoint=PUBLIC))
    assert "LANDFORM_CLOUD_ENDPOINTS" in told
    assert sign_in(ctx, account(ctx, **ways[way], endpoint=VOUCHED)).fields["endpoint"] == VOUCHED
    assert sign_in(ctx, account(ctx, **ways[way]))


@pytest.mark.parametrize("endpoint", ["http://169.254.169.254", "http://10.0.0.1", "http://a.b"])
def test_an_endpoint_that_is_not_allowed_is_refused_and_not_shown(
    ctx: Context, endpoint: str
) -> None:
    told = refusal(ctx, account(ctx, **KEYS, endpoint=endpoint))
    assert "none that this host allows" in told
    assert endpoint.removeprefix("http://") not in told


def test_landforms_own_sandbox_is_always_allowed_and_only_for_the_sandbox(ctx: Context) -> None:
    own = ctx.settings.sandbox_endpoint
    login = sign_in(ctx, account(ctx, "sandbox", endpoint=own, token="t"))
    login.outbound.judge(own)
    other = own.replace("/v1", "/v2")
    assert refusal(ctx, account(ctx, "sandbox", endpoint=other, token="t"))
    assert refusal(ctx, account(ctx, **KEYS, endpoint=own))


def test_a_name_is_asked_for_at_each_use_and_may_not_lead_inside(ctx: Context) -> None:
    leads_to = ["93.184.216.34"]
    inside = replace(ctx, resolve=lambda _host, _port: leads_to)
    cloud = ctx.catalog.cloud("aws")
    login = sign_in(inside, account(ctx, **KEYS, endpoint=PUBLIC))
    check_reach(cloud, login, "main")
    leads_to[:] = ["127.0.0.1"]
    with pytest.raises(CloudAccountRefusedError) as caught:
        check_reach(cloud, login, "main")
    assert "example.com" not in caught.value.detail
    with pytest.raises(RefusedError):
        login.outbound.send("GET", PUBLIC, {})
    vouched = sign_in(inside, account(ctx, **KEYS, endpoint=VOUCHED))
    check_reach(cloud, vouched, "main")


def test_a_name_without_an_address_is_left_to_the_provider_to_tell(ctx: Context) -> None:
    def fail(_host: str, _port: int) -> list[str]:
        raise OSError

    login = sign_in(replace(ctx, resolve=fail), account(ctx, **KEYS, endpoint=PUBLIC))
    check_reach(ctx.catalog.cloud("aws"), login, "main")


def test_each_cloud_that_is_shipped_says_what_its_fields_hold() -> None:
    """Paths and addresses of any cloud are judged without a line of Python for it."""
    settings = Settings(env="test")
    for cloud in load_catalog(SHIPPED).clouds.values():
        for field in cloud.credential_fields.values():
            told = find_problems(settings, cloud, {field.name: "/etc/passwd"})
            assert bool(told) == (field.holds != "text"), f"{cloud.name}: {field.name}"


def test_a_login_shows_no_credential() -> None:
    assert "canary" not in repr(CloudLogin({"token": "canary"}))


def test_what_settings_may_say_of_the_folder(make_settings: MakeSettings, tmp_path: Path) -> None:
    cases: dict[Any, str] = {
        "/": "whole disk",
        "relative": "absolute",
        "/proc/self": "/proc",
        str(tmp_path): "apart",
        str(tmp_path / "home" / "below"): "apart",
        str(tmp_path / "home"): "apart",
    }
    for value, words in cases.items():
        with pytest.raises(ValueError, match=words):
            make_settings(home=tmp_path / "home", credential_files_root=value)
    (tmp_path / "link").symlink_to(tmp_path / "home")
    with pytest.raises(ValueError, match="apart"):
        make_settings(home=tmp_path / "home", credential_files_root=tmp_path / "link")
    for name in ("cloud_allowed_networks", "oidc_allowed_networks", "webhook_allowed_networks"):
        with pytest.raises(ValueError, match="network"):
            make_settings(**{name: "nonsense"})
