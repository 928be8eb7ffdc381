"""What `make run` refuses, each in one sentence that names what to change."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.errors import ConfigurationError
from tests.conftest import MakeSettings
from workers.preflight import check_folders, check_machine, check_port, check_redis, hold_home


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def test_a_port_in_use_names_the_variable_to_change(taken_port: int) -> None:
    with pytest.raises(ConfigurationError) as caught:
        check_port("LANDFORM_HOST", "127.0.0.1", "LANDFORM_PORT", taken_port)
    assert caught.value.detail == (
        f"Port {taken_port} is in use: stop what listens there, or set LANDFORM_PORT to a free "
        "port."
    )


def test_a_port_in_use_on_one_address_is_noticed_when_listening_on_all(taken_port: int) -> None:
    with pytest.raises(ConfigurationError, match="is in use"):
        check_port("LANDFORM_HOST", "0.0.0.0", "LANDFORM_PORT", taken_port)


def test_a_free_port_is_left_free(free_port: int) -> None:
    check_port("LANDFORM_HOST", "127.0.0.1", "LANDFORM_PORT", free_port)
    socket.create_server(("127.0.0.1", free_port)).close()


@pytest.mark.parametrize("host", ["192.0.2.1", "no such host", "256.1.1.1"])
def test_an_address_that_is_not_of_this_machine_is_refused(host: str, free_port: int) -> None:
    with pytest.raises(ConfigurationError, match="LANDFORM_HOST: this machine cannot listen on"):
        check_port("LANDFORM_HOST", host, "LANDFORM_PORT", free_port)


def test_one_port_for_both_services_is_refused(make_settings: MakeSettings) -> None:
    with pytest.raises(
        ConfigurationError, match="LANDFORM_PORT and LANDFORM_SANDBOX_PORT are both"
    ):
        check_machine(make_settings(port=20001, sandbox_port=20001))


@pytest.mark.parametrize("variable", ["home", "state_root", "work_root"])
def test_a_folder_that_cannot_be_written_names_its_variable(
    make_settings: MakeSettings, tmp_path: Path, variable: str
) -> None:
    blocked = tmp_path / "blocked"
    blocked.touch()  # a file in the way stops root too
    with pytest.raises(ConfigurationError, match=f"LANDFORM_{variable.upper()}: cannot use"):
        check_folders(make_settings(**{variable: blocked / "folder"}))


def test_in_production_a_missing_state_volume_is_not_made(
    make_settings: MakeSettings, tmp_path: Path
) -> None:
    missing = tmp_path / "mount"
    with pytest.raises(ConfigurationError, match="LANDFORM_STATE_ROOT: .* mount the state volume"):
        check_folders(make_settings(env="production", state_root=missing))
    assert not missing.exists()


def test_with_state_on_s3_no_folder_is_made_for_a_volume(
    make_settings: MakeSettings, tmp_path: Path
) -> None:
    place = {"state_s3_bucket": "states", "state_s3_region": "eu-west-1", "state_backend": "s3"}
    for more in ({}, {"state_root": tmp_path / "mount"}):
        settings = make_settings(env="production", **place, **more)
        check_folders(settings)
        assert not settings.state_dir.exists()
        assert settings.work_dir.is_dir()


@pytest.mark.parametrize("url", ["unix:///nowhere/redis.sock", "redis://127.0.0.1:1/0", "nonsense"])
def test_a_redis_that_does_not_answer_is_refused(make_settings: MakeSettings, url: str) -> None:
    with pytest.raises(ConfigurationError, match="LANDFORM_REDIS_URL: that Redis does not answer"):
        check_redis(make_settings(redis_url=url))


def test_the_password_of_a_redis_is_not_shown(make_settings: MakeSettings) -> None:
    with pytest.raises(ConfigurationError) as caught:
        check_redis(make_settings(redis_url="redis://:hunter2@127.0.0.1:1/0"))
    assert "hunter2" not in caught.value.detail


def test_a_redis_that_answers_is_accepted(make_settings: MakeSettings, redis_url: str) -> None:
    check_redis(make_settings(redis_url=redis_url))


def test_a_second_start_with_the_same_home_names_the_first(tmp_path: Path) -> None:
    with hold_home(tmp_path):
        code = (
            "import sys; from pathlib import Path; from app.errors import ConfigurationError\n"
            "from workers.preflight import hold_home\n"
            "try:\n  with hold_home(Path(sys.argv[1])): pass\n"
            "except ConfigurationError as error: print(error.detail)"
        )
        second = subprocess.run(
            [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True
        )
    assert second.stdout == (
        f"Landform already runs with LANDFORM_HOME={tmp_path} (process {os.getpid()}): stop it "
        "first, or give this one another LANDFORM_HOME.\n"
    )


def test_the_lock_is_free_again_after_a_stop(tmp_path: Path) -> None:
    for _ in range(2):
        with hold_home(tmp_path):
            assert (tmp_path / "landform.lock").read_text() == f"{os.getpid()}\n"


def test_an_error_inside_the_lock_is_not_taken_for_an_unwritable_home(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), hold_home(tmp_path):
        (tmp_path / "missing").read_text()
