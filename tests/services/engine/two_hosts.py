"""A second host beside that of a test: own PID namespace, home and work folder; same database."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from app.config.settings import Settings
from app.models import Operation
from sandbox.provider.install import install
from tests.landform import Landform
from tests.namespaces import unshared
from tests.state_bucket import bucket_variables

ROOT = Path(__file__).parents[3]
CARRY_OUT = Path(__file__).with_name("carry_out_once.py")


def settings_of_other_host(landform: Landform) -> Settings:
    """Return settings that share the database and the place of state, and nothing of the machine.

    With state on S3 alone that is the bucket; its folder for a volume is another one.
    """
    home = landform.settings.home_dir.with_name("other-host")
    is_on_s3 = landform.settings.keeps_state_on_s3
    made = landform.settings.model_copy(
        update={
            "home": home,
            "work_root": home / "work",
            "state_root": home / "state" if is_on_s3 else landform.settings.state_dir,
            "database_url": landform.settings.database,
        }
    )
    install(made.sandbox_mirror)
    return made


class OtherHost:
    """Its agent and the worker that carries one operation out."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._root = psutil.Process(process.pid)

    def processes(self) -> list[psutil.Process]:
        return self._root.children(recursive=True)

    def workers(self) -> list[psutil.Process]:
        return [item for item in self.processes() if str(CARRY_OUT) in _arguments(item)]

    def kill(self) -> None:
        """End every process of it at once, as a power cut does."""
        (first,) = self._root.children()
        first.kill()  # the first process of a PID namespace takes all others with it
        self._root.wait(20)

    def pause(self) -> None:
        for item in self.processes():
            item.suspend()

    def go_on(self) -> None:
        for item in self.processes():
            with suppress(psutil.NoSuchProcess):
                item.resume()


@contextmanager
def other_host(
    landform: Landform, operation: Operation, lease_seconds: float
) -> Iterator[OtherHost]:
    """Start a host whose worker takes ``operation`` up."""
    settings = settings_of_other_host(landform)
    environment = {
        **os.environ,
        "LANDFORM_ENV": "test",
        "LANDFORM_HOME": str(settings.home_dir),
        "LANDFORM_STATE_ROOT": str(settings.state_dir),
        "LANDFORM_WORK_ROOT": str(settings.work_dir),
        "LANDFORM_BALLAST_BYTES": "0",
        "LANDFORM_DATABASE_URL": settings.database,
        "LANDFORM_SECRET_KEY": settings.secret_key.get_secret_value(),
        "LANDFORM_ENCRYPTION_KEYS": settings.encryption_keys.get_secret_value(),
        "LANDFORM_SANDBOX_PORT": str(settings.sandbox_port),
        "LANDFORM_REDIS_URL": settings.redis,
        "LANDFORM_LEASE_SECONDS": str(lease_seconds),
        "PYTHONPATH": str(ROOT),
        **bucket_variables(settings),
    }
    python = shlex.quote(sys.executable)
    carry_out = f"{python} {shlex.quote(str(CARRY_OUT))} {operation.id}"
    script = f"{python} -m workers.agent & {carry_out}; wait"
    with subprocess.Popen(unshared(["sh", "-c", script]), env=environment, cwd=ROOT) as process:
        try:
            yield OtherHost(process)
        finally:
            with suppress(psutil.NoSuchProcess):
                for item in psutil.Process(process.pid).children(recursive=True):
                    item.kill()
            process.kill()


def _arguments(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.NoSuchProcess:
        return []
