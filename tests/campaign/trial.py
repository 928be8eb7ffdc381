"""The Landform under trial: all its processes, a second door to its SQL and its volume.

Requests go over HTTP like those of any client, which repeats what got no answer. What is true is
read from SQL, the volume and the cloud directly, so that it can be seen while the web is dead.
"""

from __future__ import annotations

import base64
import secrets
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import httpx
from pydantic import SecretStr
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.config.demo_secrets import ensure_demo_secrets
from app.config.settings import REPOSITORY_ROOT, Settings
from app.db_outages import outlast
from app.domain.operations import FINAL
from app.models import Operation, Stack
from app.services.context import Context, build_context
from app.terraform.identity import ProcessIdentity
from sandbox.provider.install import install
from tests.landform import NOWHERE, Landform
from tests.running import RunningLandform, running_landform
from tests.sandbox_cloud import Cloud

SITE = Path(__file__).with_name("site")
LEASE_SECONDS = 4.0
ANSWER_SECONDS = 90.0
ONE_DAY = "86400"
DATABASE_SECONDS = 60.0
"""How long to wait for a database that the campaign itself has taken away."""

VICTIMS = {"terraform": 32, "provider": 24, "horse": 30, "pause": 5, "run directory": 9}

T = TypeVar("T")


class NoAnswerError(Exception):
    """The API gave no answer in time, although it was asked again and again."""


class Ground:
    """What is true of a Landform: its SQL, its volume and its cloud."""

    def __init__(self, ctx: Context, cloud: Cloud) -> None:
        self.ctx = ctx
        self.cloud = cloud

    @property
    def run_folders(self) -> list[Path]:
        """Where run directories are: one folder for each host."""
        return [self.ctx.settings.work_dir / "runs"]

    def look(self, question: Callable[[Session], T]) -> T:
        """Return the answer of SQL, also when its database is away for a while."""

        def ask() -> T:
            with self.ctx.read() as session:
                return question(session)

        return outlast(ask, DATABASE_SECONDS)

    def operation(self, operation_id: str) -> Operation:
        return self.look(lambda session: session.get_one(Operation, operation_id))

    def stack(self, stack_id: str) -> Stack:
        return self.look(lambda session: session.get_one(Stack, stack_id))

    def has_wrong_times(self, operation: Operation) -> bool:
        """Tell whether the times of an operation cannot be compared with those of others."""
        return False

    def operations(self, stack_id: str) -> list[Operation]:
        """Return all operations of a stack, oldest first."""
        query = select(Operation).where(Operation.stack_id == stack_id).order_by(Operation.id)
        return self.look(lambda session: list(session.scalars(query)))

    def blocker(self, stack_id: str) -> Operation | None:
        """Return the interrupted operation that holds a stack, if there is one."""
        query = select(Operation).where(Operation.stack_id == stack_id, Operation.holds_back)
        return self.look(lambda session: session.scalars(query).first())

    def unfinished(self, stack_id: str) -> list[Operation]:
        """Return the operations of a stack that have not ended, oldest first."""
        query = select(Operation).where(
            Operation.stack_id == stack_id, Operation.status.not_in(FINAL)
        )
        return self.look(lambda session: list(session.scalars(query.order_by(Operation.id))))


class Trial(Ground):
    """One running Landform on a home of its own.

    ``victims`` are what slots kill under an operation, with their shares, ``kill_shares`` those of
    none to three kills of one operation; ``bound_seconds`` is how long an operation may take.
    """

    victims: Mapping[str, int] = VICTIMS
    kill_shares: Sequence[int] = (4, 40, 40, 16)
    bound_seconds = 150.0

    def __init__(self, running: RunningLandform, ctx: Context) -> None:
        super().__init__(ctx, running.cloud)
        self.running = running
        self.redis = ctx.notifier.connection

    def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Call the API until it answers; the key makes it safe to send a request again.

        Raises:
            NoAnswerError: nobody answers.
        """
        key = {"Idempotency-Key": secrets.token_hex(16)}
        options["headers"] = key | options.get("headers", {})
        deadline, last = time.monotonic() + ANSWER_SECONDS, ""
        while time.monotonic() < deadline:
            try:
                answer = self.running.http.request(method, f"/api/v1{path}", **options)
            except httpx.TransportError as error:
                last = repr(error)
                time.sleep(0.1)
                continue
            last = f"{answer.status_code} {answer.text}"
            is_in_progress = answer.status_code == 409 and "idempotency" in answer.text
            if answer.status_code < 500 and not is_in_progress:
                return answer
            time.sleep(0.2)
        raise NoAnswerError(f"{method} {path}; the last answer was {last[:600]}")

    def find_owner(self, operation: Any) -> int | None:
        """Return the pid of the process that owns an operation, if it lives."""
        if operation.owner_process is None:
            return None
        owner = ProcessIdentity.from_dict(operation.owner_process)
        return owner.pid if owner.is_alive() else None

    def was_hit(self, operation: Operation) -> bool:
        """Tell whether more than a process that all operations share was killed under one."""
        return False

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


def _lease(database_url: str) -> dict[str, str]:
    """Return a lease that pauses outlast, where nobody else could take over: on SQLite."""
    is_shared = database_url.startswith("postgresql")
    return {} if is_shared else {"LANDFORM_LEASE_SECONDS": str(LEASE_SECONDS)}


@contextmanager
def running_trial(folder: Path, database_url: str, workers: int) -> Iterator[Trial]:
    """Run a Landform that knows the kind ``site``, until the block ends."""
    home, catalog = folder / "home", folder / "catalogue"
    shutil.copytree(REPOSITORY_ROOT / "terraform", catalog)
    shutil.copytree(SITE, catalog / "blueprints" / "site")
    variables = {
        "LANDFORM_CATALOG_ROOT": str(catalog),
        "LANDFORM_DATABASE_URL": database_url,
        "LANDFORM_WORKERS": str(workers),
        **_lease(database_url),
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
            catalog_root=catalog,
        ).with_secrets(ensure_demo_secrets(home))
        ctx = build_context(settings)
        try:
            yield Trial(running, ctx)
        finally:
            ctx.db.close()
            ctx.notifier.connection.close()
