"""Is each part that Landform stands on there? Each is named, with what to do when it is not."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache

from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError

from app.clock import utc_now
from app.db_postgresql import takes_changes
from app.domain.host_roles import HostRole
from app.domain.plain_words import counted
from app.errors import LandformError, UnavailableError
from app.models import InstallationFact
from app.queue.inspection import count_beating
from app.services.context import Context
from app.services.drift.health import read_overdue, read_pulse
from app.services.installation.duties import read_duties
from app.services.installation.hosts import LIVING, Host, hosts_in_use
from app.services.installation.instances import is_draining
from app.services.installation.leadership import leading_instance
from app.services.queue.waits import BUCKET_TROUBLE, QUEUE_TROUBLE, VOLUME_TROUBLE, WORK_TROUBLE
from app.terraform.discovery import TerraformBinary, discover

SCHEDULER = "scheduler"
RING = "keys"
"""What the fact of the scheduler tells beside its beat: the fingerprints of its key ring."""

SILENT_AFTER = timedelta(seconds=60)


@dataclass(frozen=True)
class Check:
    """The state of one part; ``detail`` says what is wrong, or a fact worth knowing.

    ``code`` is that of the error when there is one: the name of its page in ``docs/runbook.md``.
    """

    name: str
    is_ok: bool
    detail: str
    code: str | None = None


def check_all(ctx: Context) -> list[Check]:
    """Check every part, in the order in which a person would look."""
    parts = _parts(ctx)
    return [_check(ctx, name, parts[name]) for name in parts if name not in OF_ONE_ROLE]


def check_role(ctx: Context, role: HostRole) -> list[Check]:
    """Check the parts without which nobody does the work of ``role``, seen from this process.

    That of the web is what this one process needs in order to answer, so that a load balancer
    does not take all of them away because the workers of another host are gone.
    """
    parts = _parts(ctx)
    return [_check(ctx, name, parts[name]) for name in PARTS_OF[role] if name in parts]


PARTS_OF = {
    HostRole.WEB: ("database", "drain"),
    HostRole.WORKER: (
        *("database", "redis", "volume", "work_folder", "state_bucket", "terraform"),
        "workers",
    ),
    HostRole.AGENT: ("database", "agents"),
    HostRole.SCHEDULER: ("database", "redis", "scheduler", "drift_detector", "maintenance"),
}

OF_ONE_ROLE = ("agents", "drain")
"""What one role stands on and the installation as a whole does not."""


def _parts(ctx: Context) -> dict[str, Callable[[Context], str]]:
    bucket = {"state_bucket": _state_bucket} if ctx.bucket is not None else {}
    return {
        "database": _database,
        "redis": _redis,
        "volume": _volume,
        "work_folder": _work_folder,
        **bucket,
        "terraform": _terraform,
        "workers": _workers,
        "scheduler": _scheduler,
        "drift_detector": _drift_detector,
        "maintenance": _maintenance,
        "hosts": _hosts,
        "agents": _agents,
        "drain": _drain,
    }


def record_scheduler_beat(ctx: Context) -> None:
    """Note that the scheduler is alive."""
    known = {RING: list(ctx.keys.fingerprints())}
    with ctx.write() as session:
        session.merge(InstallationFact(name=SCHEDULER, value=known, updated_at=utc_now()))


def record_trouble(ctx: Context) -> None:
    """Note what is wrong with what all work needs, so that waiting operations can say it."""
    _record_trouble(ctx, VOLUME_TROUBLE, lambda: _check_volume(ctx))
    _record_trouble(ctx, WORK_TROUBLE, ctx.runs.check)
    _record_trouble(ctx, QUEUE_TROUBLE, ctx.notifier.check)
    if ctx.bucket is not None:
        _record_trouble(ctx, BUCKET_TROUBLE, ctx.check_bucket)


def _record_trouble(ctx: Context, name: str, check: Callable[[], None]) -> None:
    try:
        check()
        trouble = {}
    except UnavailableError as error:
        trouble = {"code": error.code, "detail": error.detail}
    with ctx.read() as session:
        known = session.get(InstallationFact, name)
    if trouble != (known.value if known else {}):
        fact = InstallationFact(name=name, value=trouble, updated_at=utc_now())
        with ctx.write() as session:
            session.merge(fact)


def _check(ctx: Context, name: str, probe: Callable[[Context], str]) -> Check:
    try:
        return Check(name, True, probe(ctx))
    except LandformError as error:
        return Check(name, False, f"{error.detail} {error.advice}", error.code)
    except SQLAlchemyError as error:
        return Check(name, False, f"The database does not answer ({type(error).__name__}).")
    except RedisError as error:
        return Check(name, False, f"Redis does not answer ({type(error).__name__}).")
    except _PartMissingError as error:
        return Check(name, False, str(error))


class _PartMissingError(Exception):
    """A part of Landform itself does not run; the message is for people."""


def _database(ctx: Context) -> str:
    with ctx.read() as session:
        session.get(InstallationFact, SCHEDULER)  # a table of ours: SELECT 1 reads no page
        if not takes_changes(session):
            raise _PartMissingError(
                "PostgreSQL answers and takes no changes: it is a replica, or set to read only. "
                "Let LANDFORM_DATABASE_URL lead to the primary."
            )
    missing = ctx.db.missing_log_bytes()
    if missing:
        raise _PartMissingError(
            f"The write-ahead log of the database is {missing} bytes shorter than it was, so that "
            "what was written last is lost. Stop Landform and restore the database."
        )
    return ctx.db.engine.dialect.name


def _work_folder(ctx: Context) -> str:
    ctx.runs.check()
    return f"{shutil.disk_usage(ctx.settings.work_dir).free // 2**20} MiB free"


def _redis(ctx: Context) -> str:
    ctx.notifier.check()
    return f"version {ctx.notifier.connection.info('server')['redis_version']}"


def _volume(ctx: Context) -> str:
    if not ctx.uses_volume():
        return "not used: every state is in the bucket"
    volume = ctx.volume()
    volume.check()
    return f"{volume.free_bytes() // 2**20} MiB free"


def _check_volume(ctx: Context) -> None:
    if ctx.uses_volume():
        ctx.volume().check()


def _state_bucket(ctx: Context) -> str:
    ctx.check_bucket()
    return ctx.settings.state_s3_bucket


def _terraform(ctx: Context) -> str:
    binary = _discover(ctx.settings.terraform)
    if not binary.path.exists():
        _discover.cache_clear()
        binary = _discover(ctx.settings.terraform)
    return f"{binary.flavor} {binary.version}"


@cache
def _discover(setting: str) -> TerraformBinary:
    """Ask Terraform for its version once: that takes longer than all other checks together."""
    return discover(setting)


def _workers(ctx: Context) -> str:
    count = count_beating(ctx.notifier.connection, utc_now() - SILENT_AFTER)
    if not count:
        raise _PartMissingError("No worker is running, so operations wait; start one.")
    return f"{count} running"


def _scheduler(ctx: Context) -> str:
    with ctx.read() as session:
        fact = session.get(InstallationFact, SCHEDULER)
    if fact is None or utc_now() - fact.updated_at > SILENT_AFTER:
        raise _PartMissingError(
            "The scheduler has not ticked for a minute, so no drift is checked and no dead worker "
            f"is noticed; start it. Last tick: {_when(fact.updated_at if fact else None)}."
        )
    return f"last tick {_when(fact.updated_at)}"


def _maintenance(ctx: Context) -> str:
    reports = read_duties(ctx)
    failing = [report for report in reports if report.is_failing]
    if failing:
        told = "; ".join(f"{report.name}: {report.error}" for report in failing)
        raise _PartMissingError(f"Duties of the scheduler fail again and again. {told}")
    return f"{len(reports)} duties are done"


def _drift_detector(ctx: Context) -> str:
    pulse = read_pulse(ctx)
    if pulse.is_dead:
        raise _PartMissingError(
            "The detector of drift does not tick, so no drift is checked; look at rq-scheduler's "
            f"lines in the log of the scheduler and at the workers. Last tick: {_when(pulse.at)}."
        )
    with ctx.read() as session:
        overdue = read_overdue(session)
    late = f"; {overdue.count} checks overdue, the oldest since {_when(overdue.since)}"
    return f"last tick {_when(pulse.at)}{late if overdue.count else ''}"


def _hosts(ctx: Context) -> str:
    """Name who is silent; that is no failure of the installation, since others take over."""
    with ctx.read() as session:
        hosts, leader = hosts_in_use(session), leading_instance(session)
    alive = [host for host in hosts if host.status in LIVING]
    leads = next((f"; {host.row.name} leads" for host in alive if host.row.id == leader), "")
    silent = "".join(f"; {_silence(host)}" for host in hosts if host not in alive)
    return f"{counted(len(alive), 'host')} alive{leads}{silent}"


def _agents(ctx: Context) -> str:
    """Tell whether each host that holds operations gives a sign of life."""
    with ctx.read() as session:
        hosts = hosts_in_use(session)
    missed = [host for host in hosts if host.held and host.status not in LIVING]
    if missed:
        told = "; ".join(_silence(host) for host in missed)
        raise _PartMissingError(
            f"{told}. Others take over at the end of its leases; if it is gone for good, say so "
            "with `landform admin gone`."
        )
    return _hosts(ctx)


def _drain(ctx: Context) -> str:
    if is_draining(ctx):
        raise _PartMissingError("This host is drained: it is about to be stopped.")
    return "not drained"


def _silence(host: Host) -> str:
    holds = f", holds {counted(host.held, 'operation')}" if host.held else ""
    return f"{host.row.name} gave its last sign of life {_when(host.row.heartbeat_at)}{holds}"


def _when(moment: datetime | None) -> str:
    return moment.isoformat(timespec="seconds") if moment else "never"
