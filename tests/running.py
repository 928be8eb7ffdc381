"""A Landform as a person runs it: the supervisor with all its processes, spoken to over HTTP."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import httpx
import psutil
from redis import Redis
from redis.exceptions import RedisError

from app.config.demo_secrets import ensure_demo_secrets
from app.config.settings import REPOSITORY_ROOT, Settings, redis_socket
from tests.ports import free_port
from tests.sandbox_cloud import Cloud
from workers.embedded_redis import redis_command

READY_SECONDS = 60.0
PATIENCE_SECONDS = 40.0
ENDED = {"applied", "planned_and_finished", "discarded", "canceled", "errored", "interrupted"}


def wait_until(is_so: Callable[[], Any], what: str, seconds: float = PATIENCE_SECONDS) -> Any:
    """Ask until the answer is true, and return it."""
    deadline = time.monotonic() + seconds
    while not (answer := is_so()):
        assert time.monotonic() < deadline, f"waited too long for: {what}"
        time.sleep(0.1)
    return answer


def was_started(child: psutil.Process) -> bool:
    """Tell whether the supervisor started its ``child``, which leads a session, or adopted it.

    It adopts what a process of Landform leaves behind, such as the horse of a killed worker.
    """
    return os.getsid(child.pid) == child.pid


def _folder(process: psutil.Process) -> str:
    try:
        return process.cwd()
    except psutil.Error:
        return ""


class RunningLandform:
    """All processes of one Landform on a home of its own."""

    command: tuple[str, ...] = (sys.executable, "-m", "workers.supervisor")

    def __init__(self, home: Path, **variables: str) -> None:
        """Start it and return when it says that it is ready."""
        self.home = home
        self.port, self.sandbox_port = free_port(), free_port()
        self.variables = variables
        home.parent.mkdir(parents=True, exist_ok=True)
        self.output = home.with_name(f"{home.name}.log")
        self._start()

    def _start(self) -> None:
        environment = {
            **os.environ,
            "LANDFORM_ENV": "demo",
            "LANDFORM_HOME": str(self.home),
            "LANDFORM_PORT": str(self.port),
            "LANDFORM_SANDBOX_PORT": str(self.sandbox_port),
            "LANDFORM_LOG_FORMAT": "json",
            **self.variables,
        }
        with self.output.open("a") as output:
            self._starts_at = output.tell()
            self.process = subprocess.Popen(
                self.command,
                cwd=REPOSITORY_ROOT,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        self._supervisor = psutil.Process(self.process.pid)
        wait_until(self._has_started, "a Landform that is ready", READY_SECONDS)
        self.http = httpx.Client(
            base_url=f"http://127.0.0.1:{self.port}", timeout=PATIENCE_SECONDS, trust_env=False
        )
        token = (self.home / "sandbox" / "token").read_text().strip()
        self.cloud = Cloud(f"http://127.0.0.1:{self.sandbox_port}/v1", token)

    def _has_started(self) -> bool:
        status = self.process.poll()
        told = self.output.read_bytes()[self._starts_at :].decode()
        assert status is None, f"ended with {status}: {told}"
        return "Landform is ready." in told

    def sign_in(self) -> Self:
        """Use the password of the first start for every call from now on; confirm, too."""
        password = (self.home / "admin-password").read_text().strip()
        body = {"username": "admin", "password": password}
        answer = self.call("POST", "/auth/login", json=body)
        self.http.headers["Authorization"] = f"Bearer {answer['access_token']}"
        self.call("POST", "/auth/confirm", json={"password": password})
        return self

    def call(self, method: str, path: str, **options: Any) -> Any:
        """Call the API and return the JSON of an answer that is no error."""
        answer = self.http.request(method, f"/api/v1{path}", **options)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    def create(self, name: str, kind: str = "networks", **more: Any) -> dict[str, Any]:
        """Ask for a stack; return stack and operation."""
        more.setdefault("parameters", {"zones": 1})
        body = {"name": name, "project": "default", "cloud_account": "sandbox", **more}
        made: dict[str, Any] = self.call("POST", f"/{kind}", json=body)
        return made

    def made(self, name: str, kind: str = "networks", **more: Any) -> dict[str, Any]:
        """Ask for a stack and wait until it is applied; return the stack."""
        asked = self.create(name, kind, **more)
        done = self.end_of(asked["operation"]["id"])
        assert done["status"] == "applied", done
        stack: dict[str, Any] = self.call("GET", f"/stacks/{asked['stack']['id']}")
        return stack

    def request(self, stack_id: str, kind: str) -> dict[str, Any]:
        """Ask for an operation on a stack."""
        answer = self.call("POST", f"/stacks/{stack_id}/operations", json={"type": kind})
        operation: dict[str, Any] = answer["operation"]
        return operation

    def operation(self, operation_id: str) -> dict[str, Any]:
        operation: dict[str, Any] = self.call("GET", f"/operations/{operation_id}")
        return operation

    def end_of(self, operation_id: str, seconds: float = PATIENCE_SECONDS) -> dict[str, Any]:
        """Wait until the operation has ended and return it."""

        def ended() -> dict[str, Any] | None:
            operation = self.operation(operation_id)
            return operation if operation["status"] in ENDED else None

        found: dict[str, Any] = wait_until(ended, f"the end of {operation_id}", seconds)
        return found

    def state_of(self, stack_id: str) -> dict[str, Any]:
        """Download the newest state of a stack."""
        versions = self.call("GET", f"/stacks/{stack_id}/state-versions")["items"]
        path = f"/stacks/{stack_id}/state-versions/{versions[0]['serial']}/download"
        state: dict[str, Any] = self.call("GET", path)
        return state

    def recorded_ids(self, stack_id: str) -> set[str]:
        """Return the ids of all cloud resources in the newest state of a stack."""
        if not self.call("GET", f"/stacks/{stack_id}/state-versions")["items"]:
            return set()
        return {
            instance["attributes"]["id"]
            for resource in self.state_of(stack_id)["resources"]
            for instance in resource["instances"]
        }

    def cloud_ids(self, stack_id: str) -> set[str]:
        """Return the ids of all cloud resources that carry the tag of a stack."""
        return {item["id"] for item in self.cloud.list(tag=f"landform:stack={stack_id}")}

    def readiness(self) -> tuple[int, dict[str, Any]]:
        answer = self.http.get("/readyz")
        checks: dict[str, Any] = answer.json()["checks"]
        return answer.status_code, checks

    def processes(self, module: str) -> list[psutil.Process]:
        """Return the processes that the supervisor started for a module (``workers.worker``)."""
        return [
            child
            for child in self._supervisor.children()
            if child.status() != psutil.STATUS_ZOMBIE
            and was_started(child)
            and module in child.cmdline()
        ]

    def horse_of(self, operation_id: str) -> psutil.Process:
        """Return the process that was forked for an operation whose Terraform runs now."""
        for worker in self.processes("workers.worker"):
            for horse in worker.children():
                if any(operation_id in _folder(child) for child in horse.children()):
                    return horse
        raise AssertionError(f"no Terraform runs for {operation_id}")

    def log_lines(self) -> list[dict[str, Any]]:
        """Return the structured log lines of all processes so far."""
        parts = [line.partition(" | ")[2] for line in self.output.read_text().splitlines()]
        return [json.loads(part) for part in parts if part.startswith("{")]

    def press_ctrl_c(self) -> None:
        os.killpg(self.process.pid, signal.SIGINT)

    def stop(self, seconds: float = PATIENCE_SECONDS) -> int:
        """Press Ctrl-C, wait for the end of all processes and return the exit status."""
        processes = (
            self._supervisor.children(recursive=True) if self._supervisor.is_running() else []
        )
        if self.process.poll() is None:
            self.press_ctrl_c()
        status = self.process.wait(seconds)
        self.http.close()
        self.cloud.close()
        _, alive = psutil.wait_procs(processes, 5)
        assert alive == []
        return status

    def start_again(self) -> Self:
        self._start()
        return self.sign_in()

    def end(self) -> None:
        """Stop it whatever state a failed test left it in."""
        if self.process.poll() is not None:
            return
        try:
            self.stop()
        except subprocess.TimeoutExpired:
            self.process.kill()  # its processes follow


def redis_url_of(home: Path) -> str:
    """Return the URL of the Redis that a Landform with this home has started."""
    return Settings(env="demo", home=home).with_secrets(ensure_demo_secrets(home)).redis


@contextmanager
def running_landform(home: Path, **variables: str) -> Iterator[RunningLandform]:
    """Run a Landform, signed in, until the block ends."""
    landform = RunningLandform(home, **variables)
    try:
        yield landform.sign_in()
    finally:
        landform.end()


class OwnRedis:
    """A Redis that a test stops and starts, at a URL that stays."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"unix://{redis_socket(home)}"
        self.client = Redis.from_url(self.url)

    def start(self) -> None:
        self._process = subprocess.Popen(redis_command(self._home))
        wait_until(self._is_up, "Redis")

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(PATIENCE_SECONDS)
            self._process = None
        self.client.connection_pool.disconnect()

    def _is_up(self) -> bool:
        try:
            return bool(self.client.ping())
        except RedisError:
            return False
