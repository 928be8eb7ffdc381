"""Several hosts under trial, with the services that they share in between.

PostgreSQL, Redis, the sandbox cloud and the place of state are on the machine of the campaign, as
on servers that outlive a host. All but the place of state, which is a folder, are reached over the
network, so that a host that is cut off has none of them.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import select

from app.clock import utc_now
from app.config.demo_secrets import ensure_demo_secrets
from app.config.settings import REPOSITORY_ROOT, Settings
from app.models import Instance, Operation
from app.services.context import Context, build_context
from tests import postgresql
from tests.campaign import lab
from tests.campaign.balancer import Balancer
from tests.campaign.clocks import build_library
from tests.campaign.databases import KilledPostgresql
from tests.campaign.hosts import Host
from tests.campaign.trial import ANSWER_SECONDS, ONE_DAY, SITE, Trial
from tests.own_redis import PORT as REDIS_PORT
from tests.own_redis import OwnRedis
from tests.sandbox_cloud import Cloud, Service

ROLES = ("web,worker,scheduler", "web,worker,scheduler", "web,worker")
LEASE_SECONDS = 20.0
"""Of an operation; a third of what it is by default, so that a campaign sees many takeovers."""

SLACK = timedelta(seconds=20)
"""How long after its end a fault may still show in what the host does."""

PASSWORD = "a long password for a campaign"


@dataclass
class Blow:
    """A fault of one host, from its beginning to its end.

    ``excuses`` says that what the host did may have failed for it; otherwise only the times that it
    wrote are wrong.
    """

    host: str
    excuses: bool = True
    began: datetime = field(default_factory=utc_now)
    ended: datetime | None = None

    def end(self) -> None:
        """Say that the host is as before from now on."""
        self.ended = utc_now()

    def hit(self, began: datetime, ended: datetime | None) -> bool:
        """Tell whether something that the host did from ``began`` to ``ended`` felt it."""
        is_before = ended is not None and ended < self.began
        is_after = self.ended is not None and began > self.ended + SLACK
        return not (is_before or is_after)


@dataclass(frozen=True)
class Shared:
    """What all hosts use."""

    server: postgresql.Server
    database: str
    redis: OwnRedis
    cloud: Service

    def variables(self, folder: Path) -> dict[str, str]:
        """Return the settings of a host that say where all of that is."""
        secrets = ensure_demo_secrets(folder / "keys")
        address = lab.SHARED_ADDRESS
        return {
            "LANDFORM_ENV": "demo",
            "LANDFORM_LOG_FORMAT": "json",
            "LANDFORM_DATABASE_URL": f"postgresql+psycopg://landform@{address}/{self.database}",
            "LANDFORM_REDIS_URL": f"redis://{address}:{REDIS_PORT}/0",
            "LANDFORM_STATE_ROOT": str(folder / "volume"),
            "LANDFORM_CATALOG_ROOT": str(folder / "catalogue"),
            "LANDFORM_SECRET_KEY": secrets.secret_key,
            "LANDFORM_ENCRYPTION_KEYS": secrets.encryption_keys,
            "LANDFORM_ADMIN_PASSWORD": PASSWORD,
            "LANDFORM_SANDBOX_PORT": str(self.cloud.port),
            "LANDFORM_CLOUD_ALLOWED_NETWORKS": f"{lab.NETWORK}.0/24",
            "LANDFORM_WORKERS": "2",
            "LANDFORM_LEASE_SECONDS": str(LEASE_SECONDS),
            "LANDFORM_CANCEL_GRACE_SECONDS": "10",
            "LANDFORM_DRIFT_INTERVAL_SECONDS": ONE_DAY,
            "LANDFORM_ACCESS_TOKEN_SECONDS": ONE_DAY,
            "LANDFORM_API_RATE": "100000/minute",
        }


class Fleet:
    """The hosts, and the door to them; in the place of the one Landform of other campaigns."""

    def __init__(self, hosts: Sequence[Host], cloud: Cloud) -> None:
        self.hosts = list(hosts)
        self.cloud = cloud
        self.http = Balancer([host.url for host in hosts])

    def log_lines(self) -> list[dict[str, Any]]:
        return [line for host in self.hosts for line in host.log_lines()]

    def output(self) -> bytes:
        """Return all that the hosts have written, one after another."""
        parts = [b"===== %s\n%s" % (h.name.encode(), h.output.read_bytes()) for h in self.hosts]
        return b"\n".join(parts)


class FleetTrial(Trial):
    """A Landform of several hosts; knows which operation a fault of its host has touched."""

    victims: Mapping[str, int] = {"terraform": 32, "provider": 24, "horse": 30, "run directory": 9}
    kill_shares: Sequence[int] = (70, 20, 8, 2)
    bound_seconds = 240.0

    def __init__(self, fleet: Fleet, ctx: Context, shared: Shared) -> None:
        super().__init__(fleet, ctx)
        self.fleet = fleet
        self.shared = shared
        self.redis = shared.redis.client
        self.blows: list[Blow] = []

    @property
    def run_folders(self) -> list[Path]:
        return [host.work / "runs" for host in self.fleet.hosts]

    def find_owner(self, operation: Any) -> int | None:
        """Return the pid of the process that owns an operation, whichever host it is on."""
        recorded = operation.owner_process
        for host in self.fleet.hosts if recorded is not None else []:
            if host.name == recorded["host"]:
                return host.find(int(recorded["pid"]))
        return None

    def was_hit(self, operation: Operation) -> bool:
        """Tell whether a host that held an operation had a fault while it did."""
        return self._felt(operation, excuses=True)

    def has_wrong_times(self, operation: Operation) -> bool:
        """Tell whether the clock of its host was set wrong meanwhile."""
        return self._felt(operation, excuses=False)

    def _felt(self, operation: Operation, *, excuses: bool) -> bool:
        began = operation.started_at or operation.created_at
        query = select(Instance.name).where(Instance.id == operation.instance_id)
        names = self.look(lambda session: set(session.scalars(query)))
        return any(
            blow.host in names and blow.hit(began, operation.ended_at)
            for blow in self.blows
            if blow.excuses is excuses
        )


@contextmanager
def serve_shared(folder: Path) -> Iterator[Shared]:
    """Serve PostgreSQL, Redis and a cloud to whoever is plugged in, until the block ends.

    Raises:
        RuntimeError: this machine has no PostgreSQL.
    """
    binaries = postgresql.find_binaries()
    if binaries is None:
        raise RuntimeError("There is no PostgreSQL on this machine: apt-get install postgresql")
    lab.lay_network()
    with ExitStack() as stack:
        serving = postgresql.serve(binaries, is_durable=True, address=lab.SHARED_ADDRESS)
        server = stack.enter_context(serving)
        redis = stack.enter_context(closing(OwnRedis(folder / "redis", lab.SHARED_ADDRESS)))
        cloud = Service(folder / "cloud", lab.SHARED_ADDRESS)
        stack.callback(cloud.stop)
        cloud.start()
        yield Shared(server, server.create_database(), redis, cloud)


@contextmanager
def running_fleet(folder: Path, size: int) -> Iterator[FleetTrial]:
    """Run that many hosts that know the kind ``site``, signed in, until the block ends."""
    shutil.copytree(REPOSITORY_ROOT / "terraform", folder / "catalogue")
    shutil.copytree(SITE, folder / "catalogue" / "blueprints" / "site")
    with serve_shared(folder) as shared, ExitStack() as stack:
        variables, library = shared.variables(folder), build_library(folder)
        hosts = [
            Host(number, ROLES[(number - 1) % len(ROLES)], folder, variables, library)
            for number in range(1, size + 1)
        ]
        for host in hosts:
            host.start()
        for host in hosts:
            host.wait_until_ready()
        token = shared.cloud.make_account("777700000001")
        cloud = stack.enter_context(closing(Cloud(shared.cloud.endpoint, token)))
        fleet = Fleet(hosts, cloud)
        stack.callback(fleet.http.close)
        ctx = build_context(_referee(folder, shared))
        stack.callback(ctx.db.close)
        _sign_in(fleet)
        yield FleetTrial(fleet, ctx, shared)


def outage_of(shared: Shared) -> KilledPostgresql:
    """Return how PostgreSQL is taken away: for less than half of a lease."""
    return KilledPostgresql(shared.server, away_seconds=(0.5, 0.45 * LEASE_SECONDS))


def _referee(folder: Path, shared: Shared) -> Settings:
    """Return settings that see the same SQL and states past the network."""
    return Settings(
        env="demo",
        home=folder / "referee",
        state_root=folder / "volume",
        database_url=shared.server.url(shared.database),
        redis_url=shared.redis.url,
        sandbox_port=shared.cloud.port,
        catalog_root=folder / "catalogue",
    ).with_secrets(ensure_demo_secrets(folder / "keys"))


def _sign_in(fleet: Fleet) -> None:
    """Be the administrator everywhere, and have an account of the cloud."""
    given = {"username": "admin", "password": PASSWORD}
    fleet.http.set_token(_call(fleet, "/auth/login", given)["access_token"])
    _call(fleet, "/auth/confirm", {"password": PASSWORD})
    credentials = {"endpoint": fleet.cloud.endpoint, "token": fleet.cloud.token}
    account = {"name": "sandbox", "cloud": "sandbox", "projects": "all"}
    _call(fleet, "/cloud-accounts", {**account, "credentials": credentials})


def _call(fleet: Fleet, path: str, body: dict[str, Any]) -> dict[str, Any]:
    deadline = time.monotonic() + ANSWER_SECONDS
    while True:
        try:
            answer = fleet.http.request("POST", f"/api/v1{path}", json=body)
        except httpx.TransportError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)
            continue
        if not answer.is_success:
            raise RuntimeError(f"POST {path}: {answer.status_code} {answer.text}")
        made: dict[str, Any] = answer.json()
        return made
