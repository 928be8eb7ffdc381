"""The Landform under trial: all its processes, a second door to its SQL and its volume.

Requests go over HTTP like those of any client, which repeats what got no answer. What is true is
read from SQL, the volume and the cloud directly, so that it can be seen while the web is dead.
"""

from __future__ import annotations

import base64
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from pydantic import SecretStr
from sqlalchemy import select

from app.demo_secrets import ensure_demo_secrets
from app.domain.operations import FINAL
from app.models import Operation, Stack
from app.services.context import Context, build_context
from app.settings import REPOSITORY_ROOT, Settings
from sandbox.provider.install import install
from tests.landform import NOWHERE, Landform
from tests.running import RunningLandform, running_landform
from tests.sandbox_cloud import Cloud

SITE = Path(__file__).with_name("site")
LEASE_SECONDS = 4.0
ANSWER_SECONDS = 90.0
ONE_DAY = "86400"


class NoAnswerError(Exception):
    """The API gave no answer in time, although it was asked again and again."""


class Ground:
    """What is true of a Landform: its SQL, its volume and its cloud."""

    def __init__(self, ctx: Context, cloud: Cloud) -> None:
        self.ctx = ctx
        self.cloud = cloud

    @property
    def runs(self) -> Path:
        return self.ctx.settings.work_dir / "runs"

    def operation(self, operation_id: str) -> Operation:
        with self.ctx.read() as session:
            return session.get_one(Operation, operation_id)

    def stack(self, stack_id: str) -> Stack:
        with self.ctx.read() as session:
            return session.get_one(Stack, stack_id)

    def operations(self, stack_id: str) -> list[Operation]:
        """Return all operations of a stack, oldest first."""
        with self.ctx.read() as session:
            query = select(Operation).where(Operation.stack_id == stack_id)
            return list(session.scalars(query.order_by(Operation.id)))

    def unfinished(self, stack_id: str) -> list[Operation]:
        """Return the operations of a stack that have not ended, oldest first."""
        with self.ctx.read() as session:
            query = select(Operation).where(
                Operation.stack_id == stack_id, Operation.status.not_in(FINAL)
            )
            return list(session.scalars(query.order_by(Operation.id)))


class Trial(Ground):
    """One running Landform on a home of its own."""

    def __init__(self, running: RunningLandform, ctx: Context) -> None:
        super().__init__(ctx, running.cloud)
        self.running = running
        self.redis = ctx.doorbell.connection

    def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Call the API until it answers; a request with a key may be sent any number of times.

        Raises:
            NoAnswerError: nobody answers.
        """
        deadline = time.monotonic() + ANSWER_SECONDS
        while time.monotonic() < deadline:
            try:
                answer = self.running.http.request(method, f"/api/v1{path}", **options)
            except httpx.TransportError:
                time.sleep(0.1)
                continue
            is_in_progress = answer.status_code == 409 and "idempotency" in answer.text
            if answer.status_code < 500 and not is_in_progress:
                return answer
            time.sleep(0.2)
        raise NoAnswerError(f"{method} {path}")

    def log_events(self, name: str) -> list[dict[str, Any]]:
        """Return the structured log lines of one event so far."""
        return [line for line in self.running.log_lines() if line.get("event") == name]


@contextmanager
def quiet_landform(folder: Path, database_url: str, trial: Trial) -> Iterator[Landform]:
    """Prepare a second Landform without processes, on the cloud of the first."""
    settings = Settings(
        env="test",
        home=folder / "quiet",
        secret_key=SecretStr(secrets.token_hex(32)),
        encryption_keys=SecretStr(f"k1:{base64.b64encode(secrets.token_bytes(32)).decode()}"),
        database_url=database_url,
        redis_url=NOWHERE,
        sandbox_port=trial.running.sandbox_port,
    )
    install(settings.sandbox_mirror)
    landform = Landform(settings, Cloud(trial.cloud.endpoint, trial.cloud.token))
    try:
        yield landform
    finally:
        landform.close()


@contextmanager
def running_trial(folder: Path, database_url: str, workers: int) -> Iterator[Trial]:
    """Run a Landform that knows the kind ``site``, until the block ends."""
    home, catalogue = folder / "home", folder / "catalogue"
    shutil.copytree(REPOSITORY_ROOT / "terraform", catalogue)
    shutil.copytree(SITE, catalogue / "blueprints" / "site")
    variables = {
        "LANDFORM_CATALOG_ROOT": str(catalogue),
        "LANDFORM_DATABASE_URL": database_url,
        "LANDFORM_WORKERS": str(workers),
        "LANDFORM_LEASE_SECONDS": str(LEASE_SECONDS),
        "LANDFORM_CANCEL_GRACE_SECONDS": "10",
        "LANDFORM_DRIFT_INTERVAL_SECONDS": ONE_DAY,
        "LANDFORM_ACCESS_TOKEN_SECONDS": ONE_DAY,
        "LANDFORM_API_RATE": "100000/minute",
    }
    with running_landform(home, **variables) as running:
        settings = Settings(
            env="demo",
            home=home,
            database_url=database_url,
            sandbox_port=running.sandbox_port,
            catalog_root=catalogue,
        ).with_secrets(ensure_demo_secrets(home))
        ctx = build_context(settings)
        try:
            yield Trial(running, ctx)
        finally:
            ctx.db.close()
            ctx.doorbell.connection.close()
