"""Settings: one sentence for each that is wrong, and no weak secret in production."""

from __future__ import annotations

import base64
import json
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from app.demo_secrets import ensure_demo_secrets
from app.errors import ConfigurationError
from app.settings import MAX_SOCKET_PATH_BYTES, Settings, redis_socket

GOOD_SECRET = "0123456789abcdef0123456789abcdef"
GOOD_KEYS = "k1:" + base64.b64encode(bytes(32)).decode()


@pytest.fixture
def production(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    monkeypatch.setenv("LANDFORM_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("LANDFORM_SECRET_KEY", GOOD_SECRET)
    monkeypatch.setenv("LANDFORM_ENCRYPTION_KEYS", GOOD_KEYS)
    return monkeypatch


def test_production_is_the_default(production: pytest.MonkeyPatch) -> None:
    assert Settings.from_env().env == "production"


@pytest.mark.parametrize("secret", ["", "secret", "a" * 64, "abcabcabc" * 8])
def test_production_refuses_a_missing_or_weak_secret(
    production: pytest.MonkeyPatch, secret: str
) -> None:
    production.setenv("LANDFORM_SECRET_KEY", secret)
    with pytest.raises(ConfigurationError, match="LANDFORM_SECRET_KEY.*openssl"):
        Settings.from_env()


@pytest.mark.parametrize("former", ["secret", f"{GOOD_SECRET},", f"{GOOD_SECRET},{'a' * 64}"])
def test_production_refuses_a_weak_former_secret(
    production: pytest.MonkeyPatch, former: str
) -> None:
    production.setenv("LANDFORM_SECRET_KEY_FALLBACKS", former)
    if former == f"{GOOD_SECRET},":
        assert len(Settings.from_env().signing_keys) == 1
        return
    with pytest.raises(ConfigurationError, match="LANDFORM_SECRET_KEY_FALLBACKS"):
        Settings.from_env()


def test_the_newest_key_signs_and_no_id_gives_a_key_away(production: pytest.MonkeyPatch) -> None:
    former = GOOD_SECRET[::-1]
    production.setenv("LANDFORM_SECRET_KEY_FALLBACKS", f" {former} ")
    keys = Settings.from_env().signing_keys
    assert list(keys.values()) == [GOOD_SECRET, former]
    assert not any(key_id in secret for key_id, secret in keys.items())


def test_production_refuses_to_keep_state_in_plain_text(production: pytest.MonkeyPatch) -> None:
    production.delenv("LANDFORM_ENCRYPTION_KEYS")
    with pytest.raises(ConfigurationError, match="LANDFORM_ENCRYPTION_KEYS.*openssl"):
        Settings.from_env()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LANDFORM_PORT", "http"),
        ("LANDFORM_PORT", "0"),
        ("LANDFORM_PORT", "65536"),
        ("LANDFORM_ENV", "prod"),
        ("LANDFORM_WORKERS", "-1"),
        ("LANDFORM_LEASE_SECONDS", "0"),
        ("LANDFORM_LOG_LEVEL", "loud"),
    ],
)
def test_a_malformed_value_is_named_in_one_sentence(
    production: pytest.MonkeyPatch, name: str, value: str
) -> None:
    production.setenv(name, value)
    with pytest.raises(ConfigurationError, match=name) as caught:
        Settings.from_env()
    assert "\n" not in caught.value.detail


def test_the_demo_makes_its_secrets_once_and_keeps_them_private(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("LANDFORM_ENV", "demo")
    monkeypatch.setenv("LANDFORM_HOME", str(tmp_path / "home"))
    first, second = Settings.from_env(), Settings.from_env()
    assert first.secret_key == second.secret_key
    assert first.encryption_keys == second.encryption_keys
    mode = (tmp_path / "home" / "secrets.json").stat().st_mode
    assert stat.S_IMODE(mode) == 0o600


def test_processes_that_start_at_once_agree_on_the_secrets(tmp_path: Path) -> None:
    with ThreadPoolExecutor(16) as pool:
        made = set(pool.map(lambda _: ensure_demo_secrets(tmp_path / "home"), range(64)))
    assert len(made) == 1
    assert [path.name for path in (tmp_path / "home").iterdir()] == ["secrets.json"]


@pytest.mark.parametrize("content", ["", "{", "[]", '{"secret_key": "x"}', json.dumps({"a": 1})])
def test_damaged_secrets_are_not_replaced_silently(tmp_path: Path, content: str) -> None:
    (tmp_path / "secrets.json").write_text(content)
    with pytest.raises(ConfigurationError, match="damaged"):
        ensure_demo_secrets(tmp_path)
    assert (tmp_path / "secrets.json").read_text() == content


def test_a_home_that_is_a_file_is_one_sentence(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.write_text("")
    with pytest.raises(ConfigurationError, match="LANDFORM_HOME"):
        ensure_demo_secrets(home)


def test_secrets_do_not_show_in_the_settings(production: pytest.MonkeyPatch) -> None:
    shown = repr(Settings.from_env()) + str(Settings.from_env())
    assert GOOD_SECRET not in shown
    assert GOOD_KEYS not in shown


def test_the_address_of_redis_fits_into_a_socket_address_however_deep_the_home(
    tmp_path: Path,
) -> None:
    deep = tmp_path / ("d" * 200)
    assert len(bytes(redis_socket(deep))) <= MAX_SOCKET_PATH_BYTES
    assert redis_socket(deep) != redis_socket(tmp_path / ("e" * 200))
    assert redis_socket(Path("/srv/landform")) == Path("/srv/landform/redis/redis.sock")
