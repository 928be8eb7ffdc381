"""Which processes a Landform has, what they inherit, and what a person is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import MakeSettings
from workers.programs import foundation, landform, warm_parent
from workers.readiness import local_url
from workers.supervisor import describe

INHERITED = {
    "PATH": "/usr/bin:/bin",
    "LANDFORM_SECRET_KEY": "hush-hush",
    "LANDFORM_ENCRYPTION_KEYS": "k1:hush-hush",
    "LANDFORM_ADMIN_PASSWORD": "hush-hush",
    "LANDFORM_SECRET_KEY_FALLBACKS": "hush-hush",
    "LANDFORM_OIDC_CLIENT_SECRET": "hush-hush",
    "LANDFORM_METRICS_TOKEN": "hush-hush",
    "LANDFORM_DATABASE_URL": "postgresql://landform:hush-hush@host/landform",
    "LANDFORM_REDIS_URL": "redis://:hush-hush@host/0",
    "LANDFORM_STATE_S3_SECRET_ACCESS_KEY": "hush-hush",
    "GUNICORN_CMD_ARGS": "--reload",
}


def test_redis_is_left_out_when_there_is_one(make_settings: MakeSettings) -> None:
    own = foundation(make_settings(), INHERITED)
    foreign = foundation(make_settings(redis_url="redis://example.test"), INHERITED)
    assert [program.name for program in own] == ["redis", "sandbox"]
    assert [program.name for program in foreign] == ["sandbox"]


def test_as_many_workers_are_started_as_the_settings_say(make_settings: MakeSettings) -> None:
    names = [program.name for program in landform(make_settings(workers=3), INHERITED)]
    assert names == ["providers", "web", "worker-1", "worker-2", "worker-3", "scheduler"]


def test_no_provider_is_kept_when_the_settings_say_so(make_settings: MakeSettings) -> None:
    names = [program.name for program in landform(make_settings(kept_providers=0), INHERITED)]
    assert "providers" not in names


def test_workers_stop_first_and_redis_last(make_settings: MakeSettings) -> None:
    settings = make_settings(workers=1)
    programs = [*foundation(settings, INHERITED), *landform(settings, INHERITED)]
    in_order = sorted(programs, key=lambda program: program.stop_rank)
    assert [program.name for program in in_order] == [
        "worker-1",
        "web",
        "providers",
        "scheduler",
        "sandbox",
        "redis",
    ]


def test_secrets_reach_only_who_needs_them(make_settings: MakeSettings) -> None:
    settings = make_settings()
    for program in foundation(settings, INHERITED):
        assert "hush-hush" not in str(program.environment)
    pool, *others = landform(settings, INHERITED)
    assert pool.name == "providers"
    assert "hush-hush" not in str(pool.environment)
    for program in others:
        assert program.environment["LANDFORM_SECRET_KEY"] == "hush-hush"
        assert "LANDFORM_ADMIN_PASSWORD" not in program.environment


def test_the_warm_parent_gets_no_secret(make_settings: MakeSettings) -> None:
    assert "hush-hush" not in str(warm_parent(make_settings(), INHERITED))


def test_the_driver_of_a_database_is_loaded_where_it_is_used(make_settings: MakeSettings) -> None:
    own = warm_parent(make_settings(database_url=""), INHERITED)
    shared = warm_parent(make_settings(database_url="postgresql://host/landform"), INHERITED)
    assert "psycopg" not in own.command
    assert "psycopg" in shared.command


def test_what_runs_code_of_landform_is_forked(make_settings: MakeSettings) -> None:
    settings = make_settings()
    assert all(program.is_warm for program in landform(settings, INHERITED))
    assert not any(program.is_warm for program in foundation(settings, INHERITED))


def test_no_secret_is_on_a_command_line(make_settings: MakeSettings) -> None:
    settings = make_settings(secret_key="key-of-many-characters-1234567890")
    for program in [*foundation(settings, INHERITED), *landform(settings, INHERITED)]:
        assert "key-of-many" not in " ".join(program.command)


def test_the_environment_cannot_change_how_the_web_is_served(make_settings: MakeSettings) -> None:
    for program in landform(make_settings(), INHERITED):
        assert "GUNICORN_CMD_ARGS" not in program.environment


def test_every_process_gets_absolute_folders_and_utc(
    make_settings: MakeSettings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    settings = make_settings(home=Path("here"), state_root=Path("volume"))
    for program in landform(settings, INHERITED):
        assert program.environment["LANDFORM_HOME"] == str(tmp_path / "here")
        assert program.environment["LANDFORM_STATE_ROOT"] == str(tmp_path / "volume")
        assert program.environment["TZ"] == "UTC"


def test_a_demo_reads_well_and_works_without_https(make_settings: MakeSettings) -> None:
    _, demo, *_ = landform(make_settings(env="demo"), INHERITED)
    _, production, *_ = landform(make_settings(env="production"), INHERITED)
    assert demo.environment["LANDFORM_LOG_FORMAT"] == "console"
    assert demo.environment["LANDFORM_COOKIE_SECURE"] == "false"
    assert "LANDFORM_COOKIE_SECURE" not in production.environment


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:8080"),
        ("0.0.0.0", "http://127.0.0.1:8080"),
        ("::1", "http://[::1]:8080"),
        ("10.1.2.3", "http://10.1.2.3:8080"),
    ],
)
def test_the_url_is_one_that_this_machine_can_open(
    make_settings: MakeSettings, host: str, url: str
) -> None:
    assert local_url(make_settings(host=host)) == url


def test_an_ipv6_address_is_bound_in_brackets(make_settings: MakeSettings) -> None:
    _, web, *_ = landform(make_settings(host="::1"), INHERITED)
    assert "[::1]:8080" in web.command


def test_the_password_is_shown_only_when_it_is_new(
    make_settings: MakeSettings, tmp_path: Path
) -> None:
    kept = {"password_file": str(tmp_path / "file")}
    first = "\n".join(describe(make_settings(), {**kept, "password": "n3w-passw0rd"}))
    later = "\n".join(describe(make_settings(), {**kept, "password": None}))
    assert "n3w-passw0rd" in first
    assert "n3w-passw0rd" not in later
    assert f"is in {tmp_path / 'file'}" in later
