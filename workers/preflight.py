"""What must hold before anything is started; each failure is one sentence that says what to do.

Two supervisors with one home would share a Redis and a database without knowing, so a start holds
the lock of ``$LANDFORM_HOME``.
"""

from __future__ import annotations

import errno
import socket
import tempfile
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from app.config.settings import Settings
from app.domain.host_roles import ALL_ROLES, HostRole
from app.errors import ConfigurationError
from app.storage.home_lock import hold_lock_of
from workers.embedded_redis import is_redis_listening

# What a killed supervisor leaves needs a moment to end.
LEFTOVER_SECONDS = 3.0
REDIS_TIMEOUT_SECONDS = 5.0


@contextmanager
def hold_home(home: Path) -> Iterator[None]:
    """Hold the lock of ``home``; the kernel releases it however this process ends.

    Raises:
        ConfigurationError: another Landform holds it, or the folder cannot be written.
    """
    with ExitStack() as held:
        with _written("LANDFORM_HOME", home):
            held.enter_context(hold_lock_of(home))
        yield


def check_machine(settings: Settings, roles: Collection[HostRole] = ALL_ROLES) -> None:
    """Check folders, ports and a foreign Redis, as far as ``roles`` need them.

    Raises:
        ConfigurationError: the first thing that does not allow a start.
    """
    if roles != ALL_ROLES:
        check_shared(settings)
    check_folders(settings)
    if roles == ALL_ROLES:
        if settings.port == settings.sandbox_port:
            raise ConfigurationError(
                f"LANDFORM_PORT and LANDFORM_SANDBOX_PORT are both {settings.port}: change one of "
                "them."
            )
        check_port("", "127.0.0.1", "LANDFORM_SANDBOX_PORT", settings.sandbox_port)
    if HostRole.WEB in roles:
        check_port("LANDFORM_HOST", settings.host, "LANDFORM_PORT", settings.port)
    check_redis(settings)


def check_shared(settings: Settings) -> None:
    """Make sure that a host of several has what all of them share.

    Raises:
        ConfigurationError: names the variable that is missing.
    """
    if not settings.redis_url:
        raise ConfigurationError(
            "LANDFORM_REDIS_URL: hosts that share the roles of one Landform need the same Redis; "
            "set it, or start without --roles."
        )
    if not settings.database.startswith("postgresql"):
        raise ConfigurationError(
            "LANDFORM_DATABASE_URL: hosts that share the roles of one Landform need the same "
            "PostgreSQL; set it, or start without --roles."
        )


def check_folders(settings: Settings) -> None:
    """Make sure that the home, the state volume and the run folder can be written.

    Raises:
        ConfigurationError: names the variable of the first one that cannot.
    """
    volume = settings.state_dir
    needs_volume = not settings.keeps_state_on_s3
    is_mounted = settings.state_root is None or volume.is_dir()
    if settings.env == "production" and needs_volume and not is_mounted:
        raise ConfigurationError(
            f"LANDFORM_STATE_ROOT: {volume} does not exist; mount the state volume there first."
        )
    for variable, folder in (
        ("LANDFORM_HOME", settings.home_dir),
        *([("LANDFORM_STATE_ROOT", volume)] if needs_volume else []),
        ("LANDFORM_WORK_ROOT", settings.work_dir),
    ):
        with _written(variable, folder):
            tempfile.TemporaryFile(dir=folder).close()


def check_port(host_variable: str, host: str, variable: str, port: int) -> None:
    """Make sure that ``host:port`` can be listened on, waiting for what a killed run left.

    Raises:
        ConfigurationError: names the variable to change.
    """
    error: OSError | None = None

    def is_free() -> bool:
        nonlocal error
        error = _try_to_listen(host, port)
        return error is None or error.errno != errno.EADDRINUSE

    if not _wait_until(is_free):
        raise ConfigurationError(
            f"Port {port} is in use: stop what listens there, or set {variable} to a free port."
        )
    if error is not None and error.errno == errno.EACCES:
        raise ConfigurationError(
            f"This user may not listen on port {port}: set {variable} to 1024 or above."
        )
    if error is not None:
        raise ConfigurationError(
            f"{host_variable}: this machine cannot listen on {host!r} ({error.strerror}); "
            "127.0.0.1 is this machine only, 0.0.0.0 every network."
        )


def check_redis(settings: Settings) -> None:
    """Make sure that the foreign Redis answers, or that no old one of ours still runs.

    Raises:
        ConfigurationError: it does not answer, or an old one is in the way.
    """
    if not settings.redis_url:
        if not _wait_until(lambda: not is_redis_listening(settings.home_dir)):
            raise ConfigurationError(
                f"A Redis of an earlier start still uses {settings.home_dir / 'redis'}: stop that "
                "process."
            )
        return
    # Not at the top: it is not needed where there is no foreign one, and would stay in memory.
    from redis import Redis
    from redis.exceptions import RedisError

    try:
        with Redis.from_url(
            settings.redis_url,
            socket_connect_timeout=REDIS_TIMEOUT_SECONDS,
            socket_timeout=REDIS_TIMEOUT_SECONDS,
        ) as client:
            client.ping()
    except (RedisError, ValueError, OSError) as error:
        # The URL may hold a password, so it is not repeated.
        raise ConfigurationError(
            f"LANDFORM_REDIS_URL: that Redis does not answer ({type(error).__name__}); correct it, "
            "or unset it so that one is started."
        ) from error


@contextmanager
def _written(variable: str, folder: Path) -> Iterator[None]:
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        yield
    except OSError as error:
        raise ConfigurationError(
            f"{variable}: cannot use {folder} ({error.strerror}); give a folder that this user may "
            "write."
        ) from error


def _try_to_listen(host: str, port: int) -> OSError | None:
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            probe.listen(1)
    except OSError as error:
        return error
    return None


def _wait_until(holds: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + LEFTOVER_SECONDS
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True
