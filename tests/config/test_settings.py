"""Settings: one sentence for each that is wrong, and no weak secret in production."""

from __future__ import annotations

import base64
import hashlib
import json
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from app.config.demo_secrets import ensure_demo_secrets
from app.config.production import is_weak_encryption_key, is_weak_key
from app.config.settings import MAX_SOCKET_PATH_BYTES, Settings, redis_socket
from app.errors import ConfigurationError

GOOD_SECRET = hashlib.sha256(b"a key of these tests").hexdigest()
GOOD_KEYS = "k1:" + base64.b64encode(hashlib.sha256(b"another key").digest()).decode()


@pytest.fixture
def production(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    monkeypatch.setenv("LANDFORM_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("LANDFORM_SECRET_KEY", GOOD_SECRET)
    monkeypatch.setenv("LANDFORM_ENCRYPTION_KEYS", GOOD_KEYS)
    monkeypatch.setenv("LANDFORM_REDIS_URL", "rediss://:word@redis.internal:6379/0")
    return monkeypatch


def test_production_is_the_default(production: pytest.MonkeyPatch) -> None:
    assert Settings.from_env().env == "production"


WEAK_SECRETS = (
    *("", "secret", "a" * 64, "abcabcabc" * 8, "0123456789abcdef" * 2, "x7Kp2mQ9" * 8),
    *("changeme-changeme-please-changeme", "this-is-my-secret-key-for-landform"),
    *("Qwertyuiopasdfghjklzxcvbnm1234567", "b7f3d1a9c4e2-password-8d6a0f5e1c3b"),
)


@pytest.mark.parametrize("secret", WEAK_SECRETS)
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


@pytest.mark.parametrize(
    "key", [bytes(32), b"a passphrase of thirty-two bytes", bytes(range(8)) * 4]
)
def test_production_refuses_an_encryption_key_that_is_not_random(
    production: pytest.MonkeyPatch, key: bytes
) -> None:
    weak = "k1:" + base64.b64encode(key).decode()
    for ring in (weak, f"{GOOD_KEYS.replace('k1', 'k2')},{weak}"):
        production.setenv("LANDFORM_ENCRYPTION_KEYS", ring)
        with pytest.raises(ConfigurationError, match="LANDFORM_ENCRYPTION_KEYS.*'k1'.*rotate"):
            Settings.from_env()


@pytest.mark.parametrize("password", ["changeme", "admin-admin-1", "short", "aaaaaaaaaaaa"])
def test_production_refuses_a_first_password_that_can_be_guessed(
    production: pytest.MonkeyPatch, password: str
) -> None:
    production.setenv("LANDFORM_ADMIN_PASSWORD", password)
    with pytest.raises(ConfigurationError, match="LANDFORM_ADMIN_PASSWORD.*unset it"):
        Settings.from_env()


def test_production_starts_no_redis_of_its_own(production: pytest.MonkeyPatch) -> None:
    production.delenv("LANDFORM_REDIS_URL")
    with pytest.raises(ConfigurationError, match="LANDFORM_REDIS_URL is missing: set it to"):
        Settings.from_env()


@pytest.mark.parametrize("proxies", ["0.0.0.0/0", "::/0", "10.0.0.1,0.0.0.0/1", "2000::/3"])
def test_production_believes_no_network_of_clients(
    production: pytest.MonkeyPatch, proxies: str
) -> None:
    production.setenv("LANDFORM_TRUSTED_PROXIES", proxies)
    with pytest.raises(ConfigurationError, match="LANDFORM_TRUSTED_PROXIES.*list the addresses"):
        Settings.from_env()
    production.setenv("LANDFORM_TRUSTED_PROXIES", "10.0.0.0/8,127.0.0.1,fd00::/16")
    assert len(Settings.from_env().proxy_networks) == 3


def test_what_a_demo_makes_would_be_good_for_production(tmp_path: Path) -> None:
    made = ensure_demo_secrets(tmp_path)
    assert not is_weak_key(made.secret_key)
    assert not is_weak_encryption_key(made.encryption_keys.partition(":")[2])


def test_the_password_of_redis_follows_from_the_key(production: pytest.MonkeyPatch) -> None:
    first = Settings.from_env().redis_password
    production.setenv("LANDFORM_SECRET_KEY", GOOD_SECRET[::-1])
    assert len({first, Settings.from_env().redis_password, GOOD_SECRET}) == 3
    assert Settings.from_env().redis == "rediss://:word@redis.internal:6379/0"


def test_secrets_may_come_as_files(production: pytest.MonkeyPatch, tmp_path: Path) -> None:
    given = {"secret_key": GOOD_SECRET[::-1], "redis_url": "redis://:word@elsewhere/1"}
    for name, value in given.items():
        production.delenv(f"LANDFORM_{name.upper()}")
        (tmp_path / f"landform_{name}").write_text(f"{value}\n")
    production.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    settings = Settings.from_env()
    assert settings.secret_key.get_secret_value() == given["secret_key"]
    assert settings.redis == given["redis_url"]
