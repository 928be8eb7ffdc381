"""The processes of a Landform on one host, as data: commands, environments, order of stopping."""

from __future__ import annotations

import sys
from collections.abc import Collection, Mapping

from app.config.settings import Settings
from app.domain.host_roles import ALL_ROLES, HostRole
from workers.embedded_redis import redis_command
from workers.process import Program
from workers.process_title import PADDING

# Workers stop first, so that a job can still reach everything it needs; Redis stops last.
STOP_WORKERS, STOP_WEB, STOP_SCHEDULER, STOP_SANDBOX, STOP_REDIS, STOP_WARM_PARENT = range(6)
SANDBOX_THREADS = 32
# Files go the way of all answers, which has a deadline.
FLAGS = ("--no-control-socket", "--no-sendfile")
WEB_WORKER = "workers.web_worker.WebWorker"
WEB_GRACE_SECONDS = "5"  # an event stream never ends by itself
# What the driver of the database needs; it is not loaded where nobody uses it.
DATABASE_MODULES = ("sqlalchemy.dialects.postgresql.psycopg", "psycopg")
# Longer than balancers keep idle connections (60 s nginx and AWS, 90 s Traefik, 120 s Caddy): who
# closes first must be the one that sends, or a request meets a connection that ends.
KEEP_ALIVE_SECONDS = "130"
# Every secret setting, and what may hold a password.
SECRETS = (
    *(f"LANDFORM_{name.upper()}" for name in Settings.secret_names()),
    "LANDFORM_REDIS_URL",
    "LANDFORM_DATABASE_URL",
)
MAX_REQUEST_LINE = "8190"  # all that gunicorn allows
# Read by the supervisor alone, or able to change what gunicorn does.
NOT_INHERITED = ("LANDFORM_ADMIN_PASSWORD", "GUNICORN_CMD_ARGS", "WEB_CONCURRENCY")


def foundation(settings: Settings, inherited: Mapping[str, str]) -> list[Program]:
    """Return what must run before Landform itself: Redis, unless there is one, and the sandbox.

    Args:
        settings: of this Landform.
        inherited: environment of the supervisor.
    """
    environment = _environment(settings, inherited)
    for name in SECRETS:
        environment.pop(name, None)
    sandbox = Program(
        name="sandbox",
        command=_gunicorn(
            "sandbox.service.wsgi:app", "127.0.0.1", settings.sandbox_port, SANDBOX_THREADS
        ),
        environment=environment,
        stop_rank=STOP_SANDBOX,
    )
    if settings.redis_url:
        return [sandbox]
    command = tuple(redis_command(settings.home_dir, settings.redis_password))
    return [Program("redis", command, environment, STOP_REDIS), sandbox]


def warm_parent(settings: Settings, inherited: Mapping[str, str]) -> Program:
    """Return what the programs of ``landform`` are forked from; it gets no secret of Landform."""
    environment = _environment(settings, inherited)
    public = {name: value for name, value in environment.items() if name not in SECRETS}
    more = DATABASE_MODULES if settings.database.startswith("postgresql") else ()
    command = (sys.executable, "-m", "workers.warm_parent", *more, PADDING)
    return Program("warm", command, public, STOP_WARM_PARENT)


def landform(
    settings: Settings, inherited: Mapping[str, str], roles: Collection[HostRole] = ALL_ROLES
) -> list[Program]:
    """Return Landform's own processes for ``roles``; other arguments as above.

    Each host has an agent, whatever else it does; a scheduler is the agent of its host.
    """
    environment = _environment(settings, inherited)
    programs: list[Program] = []
    if HostRole.WORKER in roles:
        programs += _pool(settings, environment)
    if HostRole.WEB in roles:
        programs.append(_web(settings, environment))
    if HostRole.WORKER in roles:
        command = (sys.executable, "-m", "workers.worker")
        programs += [
            Program(f"worker-{number}", command, environment, STOP_WORKERS, is_warm=True)
            for number in range(1, settings.workers + 1)
        ]
    guardian = HostRole.SCHEDULER if HostRole.SCHEDULER in roles else HostRole.AGENT
    command = (sys.executable, "-m", f"workers.{guardian.value}")
    name = guardian.value
    return [*programs, Program(name, command, environment, STOP_SCHEDULER, is_warm=True)]


def _web(settings: Settings, environment: Mapping[str, str]) -> Program:
    command = _gunicorn(
        "wsgi:app",
        settings.host,
        settings.port,
        settings.web_threads,
        worker_class=WEB_WORKER,
        processes=settings.web_processes,
    )
    return Program("web", command, environment, STOP_WEB, is_warm=True)


def _pool(settings: Settings, environment: Mapping[str, str]) -> list[Program]:
    """Return the provider pool, which gets no secret of Landform."""
    if not settings.kept_providers:
        return []
    public = {name: value for name, value in environment.items() if name not in SECRETS}
    command = (sys.executable, "-m", "workers.provider_pool")
    return [Program("providers", command, public, STOP_SCHEDULER, is_warm=True)]


def _gunicorn(
    application: str,
    host: str,
    port: int,
    threads: int,
    *,
    worker_class: str = "gthread",
    processes: int = 1,
) -> tuple[str, ...]:
    address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    options = {
        "--bind": address,
        "--worker-class": worker_class,
        "--workers": str(processes),
        "--threads": str(threads),
        "--log-level": "warning",
        "--graceful-timeout": WEB_GRACE_SECONDS,
        "--keep-alive": KEEP_ALIVE_SECONDS,
        "--limit-request-line": MAX_REQUEST_LINE,
        "--umask": "0o77",  # its own default is 0
    }
    arguments = [word for option in options.items() for word in option]
    return (sys.executable, "-m", "gunicorn", application, *FLAGS, *arguments)


def _environment(settings: Settings, inherited: Mapping[str, str]) -> dict[str, str]:
    environment = {name: value for name, value in inherited.items() if name not in NOT_INHERITED}
    environment |= {
        "LANDFORM_ENV": settings.env,
        "LANDFORM_HOME": str(settings.home_dir),
        "LANDFORM_PORT": str(settings.port),
        "LANDFORM_SANDBOX_PORT": str(settings.sandbox_port),
        "PYTHONUNBUFFERED": "1",
        "TZ": "UTC",  # rq-scheduler reads cron lines as local time
    }
    if settings.state_root is not None:
        environment["LANDFORM_STATE_ROOT"] = str(settings.state_dir)
    if settings.work_root is not None:
        environment["LANDFORM_WORK_ROOT"] = str(settings.work_dir)
    if settings.env == "demo":
        environment.setdefault("LANDFORM_LOG_FORMAT", "console")
        environment.setdefault("LANDFORM_COOKIE_SECURE", "false")
    return environment
