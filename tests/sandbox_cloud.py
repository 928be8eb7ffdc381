"""The sandbox cloud as tests use it: a service behind gunicorn, and one account of it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import select

from app.models import CloudAccount
from app.services.context import Context
from app.services.secrets import seal_credentials
from sandbox.service.accounts import Accounts
from sandbox.service.database import Database
from sandbox.service.settings import Settings
from tests.ports import free_port

ROOT = Path(__file__).parents[1]
START_SECONDS = 30


class Service:
    """The sandbox cloud behind gunicorn, which can be stopped, killed and started again."""

    def __init__(
        self, home: Path, address: str = "127.0.0.1", app: str = "sandbox.service.wsgi:app"
    ) -> None:
        """Prepare one that listens at ``address``; ``app`` is what gunicorn serves."""
        self.home = home
        self.app = app
        self.address = address
        self.port = free_port()
        self.settings = Settings.from_env({"LANDFORM_HOME": str(home)})
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def endpoint(self) -> str:
        return f"http://{self.address}:{self.port}/v1"

    def start(self) -> None:
        command = [sys.executable, "-m", "gunicorn", "--bind", f"{self.address}:{self.port}"]
        command += ["--worker-class", "gthread", "--threads", "16", "--no-control-socket"]
        command += ["--log-level", "warning", "--graceful-timeout", "1"]
        self._process = subprocess.Popen(
            [*command, self.app],
            cwd=ROOT,
            env={**os.environ, "LANDFORM_HOME": str(self.home)},
        )
        deadline = time.monotonic() + START_SECONDS
        while not self._is_up():
            assert self._process.poll() is None, "the sandbox service ended while starting"
            assert time.monotonic() < deadline, "the sandbox service did not start"
            time.sleep(0.05)

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(START_SECONDS)
            self._process = None

    def make_account(self, name: str) -> str:
        return Accounts(Database(self.settings.database_path)).create(name)

    def _is_up(self) -> bool:
        try:
            return httpx.get(f"{self.endpoint}/healthz").status_code == 200
        except httpx.TransportError:
            return False


def connect(ctx: Context, cloud: Cloud) -> None:
    """Have the cloud account of the demo be one of a running sandbox cloud."""
    with ctx.write() as session:
        account = session.scalars(select(CloudAccount).where(CloudAccount.name == "sandbox")).one()
        seal_credentials(ctx.keys, account, {"endpoint": cloud.endpoint, "token": cloud.token})


class Cloud:
    """One account of a running sandbox cloud, as a person at a shell would use it."""

    def __init__(self, endpoint: str, token: str) -> None:
        self.endpoint = endpoint
        self.token = token
        self._http = httpx.Client(
            base_url=endpoint, headers={"Authorization": f"Bearer {token}"}, timeout=30
        )

    def call(self, method: str, path: str, **options: Any) -> Any:
        answer = self._http.request(method, path, **options)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    def attempt(self, method: str, path: str, **options: Any) -> bool:
        """Call it, and tell whether it did as asked: somebody else may have been faster."""
        return self._http.request(method, path, **options).is_success

    def add(self, type_name: str, tags: dict[str, str], **attributes: Any) -> str:
        """Make a resource outside Landform; return its id."""
        body = {"type": type_name, "attributes": attributes, "tags": tags}
        made: str = self.call("POST", "/resources", json=body)["id"]
        return made

    def list(self, **query: Any) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = self.call("GET", "/resources", params=query)["items"]
        return items

    def get_only(self, type_name: str) -> dict[str, Any]:
        (item,) = self.list(type=type_name)
        return item

    def set_faults(self, **faults: Any) -> None:
        self.call("PUT", "/faults", json=faults)

    def close(self) -> None:
        self._http.close()
