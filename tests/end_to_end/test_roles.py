"""Hosts that share the roles of one Landform, started as operators start them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.config.demo_secrets import DemoSecrets, ensure_demo_secrets
from app.config.settings import REPOSITORY_ROOT
from tests.ports import free_port
from tests.postgresql import Server
from tests.running import wait_until
from tests.sandbox_cloud import Service

# Three hosts start at once; on two busy cores each process takes its time.
START_SECONDS = 300.0
PASSWORD = "a long password for a test"

pytestmark = pytest.mark.timeout(600)


class Fleet:
    """What the hosts of a test share: PostgreSQL, Redis, the volume, the keys."""

    def __init__(self, folder: Path, database: str, redis: str) -> None:
        self.folder = folder
        secrets: DemoSecrets = ensure_demo_secrets(folder / "keys")
        self.variables = {
            "LANDFORM_ENV": "demo",
            "LANDFORM_LOG_FORMAT": "json",
            "LANDFORM_DATABASE_URL": database,
            "LANDFORM_REDIS_URL": redis,
            "LANDFORM_STATE_ROOT": str(folder / "volume"),
            "LANDFORM_SECRET_KEY": secrets.secret_key,
            "LANDFORM_ENCRYPTION_KEYS": secrets.encryption_keys,
            "LANDFORM_WORKERS": "1",
            "LANDFORM_ADMIN_PASSWORD": PASSWORD,
        }

    @contextmanager
    def hosts(self, **roles: str) -> Iterator[list[Host]]:
        """Start hosts with homes of their own, and give them when all say that they are ready."""
        hosts = [Host(self, name, some) for name, some in roles.items()]
        try:
            for host in hosts:
                wait_until(host.is_ready, f"host {host.output.stem}", START_SECONDS)
            yield hosts
        finally:
            for host in hosts:
                host.stop()


class Host:
    """One host: a supervisor and its processes."""

    def __init__(self, fleet: Fleet, name: str, roles: str) -> None:
        self.port = free_port()
        self.environment = {
            **os.environ,
            **fleet.variables,
            "LANDFORM_HOME": str(fleet.folder / name),
            "LANDFORM_PORT": str(self.port),
        }
        self.output = fleet.folder / f"{name}.log"
        command = [sys.executable, "-m", "app.cli", "admin", "start", "--roles", roles]
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                command,
                cwd=REPOSITORY_ROOT,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def is_ready(self) -> bool:
        assert self.process.poll() is None, self.output.read_text()
        return "Landform is ready." in self.output.read_text()

    def admin(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "app.cli", "admin", *words],
            cwd=REPOSITORY_ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)


@pytest.fixture
def fleet(
    tmp_path: Path, postgresql_server: Server, fresh_redis_url: str, sandbox_service: Service
) -> Iterator[Fleet]:
    name = postgresql_server.create_database()
    made = Fleet(tmp_path, postgresql_server.url(name), fresh_redis_url)
    made.variables["LANDFORM_SANDBOX_PORT"] = str(sandbox_service.port)  # may be sent to
    yield made
    postgresql_server.drop_database(name)


class Client:
    """An administrator of the fleet, on one web host."""

    def __init__(self, host: Host) -> None:
        self._http = httpx.Client(
            base_url=f"http://127.0.0.1:{host.port}", timeout=30, trust_env=False
        )
        body = {"username": "admin", "password": PASSWORD}
        token = self.call("POST", "/auth/login", json=body)["access_token"]
        self._http.headers["Authorization"] = f"Bearer {token}"

    def call(self, method: str, path: str, **options: Any) -> Any:
        answer = self._http.request(method, f"/api/v1{path}", **options)
        assert answer.is_success, answer.text
        return answer.json()

    def close(self) -> None:
        self._http.close()

    def ready(self, path: str = "/readyz") -> tuple[int, dict[str, Any]]:
        answer = self._http.get(path)
        return answer.status_code, answer.json()["checks"]


def test_hosts_share_the_roles_and_another_scheduler_follows(
    fleet: Fleet, sandbox_service: Service
) -> None:
    token = sandbox_service.make_account("777700000001")
    roles = {"front": "web", "back": "worker,scheduler", "other": "scheduler"}
    with fleet.hosts(**roles) as (front, back, other), closing(Client(front)) as client:
        assert client.ready("/readyz/web")[0] == 200
        assert front.admin("ready", "--roles", "web,agent").returncode == 0
        assert other.admin("ready", "--roles", "worker").returncode == 1
        wait_until(lambda: client.ready()[0] == 200, "an installation that is ready")
        client.call("POST", "/auth/confirm", json={"password": PASSWORD})
        credentials = {"endpoint": sandbox_service.endpoint, "token": token}
        account = {"name": "shared", "cloud": "sandbox", "projects": "all"}
        client.call("POST", "/cloud-accounts", json=account | {"credentials": credentials})
        body = {"name": "files", "project": "default", "cloud_account": "shared"}
        made = client.call("POST", "/buckets", json=body | {"parameters": {}})
        path = f"/operations/{made['operation']['id']}"
        wait_until(lambda: client.call("GET", path)["status"] == "applied", "the apply", 60)
        back.stop()
        wait_until(
            lambda: "leads" in client.ready()[1]["hosts"]["detail"],
            "the scheduler that stood by",
        )
        found = client.call("GET", "/instances")["items"]
    assert {(item["status"], *item["roles"]) for item in found} == {
        ("alive", "agent", "web"),
        ("stopped", "agent", "scheduler", "worker"),
        ("alive", "agent", "scheduler"),
    }


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--roles", "web,king"], "there is no role 'king'"),
        (["--roles", ","], "no role is named"),
        (["--roles", "web"], "LANDFORM_REDIS_URL: hosts that share the roles"),
    ],
)
def test_a_start_that_cannot_be_ends_with_a_sentence(
    tmp_path: Path, arguments: list[str], told: str
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "app.cli", "admin", "start", *arguments],
        cwd=REPOSITORY_ROOT,
        env={**os.environ, "LANDFORM_ENV": "demo", "LANDFORM_HOME": str(tmp_path / "home")},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert told in done.stderr
    assert "starting" not in done.stdout
