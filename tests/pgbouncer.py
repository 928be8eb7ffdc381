"""PgBouncer in transaction mode before the tests' PostgreSQL: a server for each transaction."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from tests.postgresql import OWNER, Server, unprivileged_user

PORT = 6432  # of the name of a socket in a folder of its own
SERVERS = 3
START_SECONDS = 30.0


def find_pgbouncer() -> str | None:
    """Return the program, which Debian keeps where only the administrator looks."""
    return shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")


class Pooler:
    """A running PgBouncer: fewer servers than clients, so that they are handed round."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def url(self, database: str) -> str:
        return f"postgresql+psycopg://{OWNER}@/{database}?host={self._folder}&port={PORT}"

    def is_up(self, database: str) -> bool:
        try:
            with psycopg.connect(
                host=str(self._folder), port=PORT, user=OWNER, dbname=database
            ) as connection:
                connection.execute("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True


@contextmanager
def pooling(program: str, server: Server, database: str) -> Iterator[Pooler]:
    """Run a PgBouncer as ``docs/configuration.md`` says, until the block ends."""
    folder = Path(tempfile.mkdtemp(prefix="landform-pgb-"))
    user = unprivileged_user()
    (folder / "users").write_text(f'"{OWNER}" ""\n')
    (folder / "pgbouncer.ini").write_text(
        f"[databases]\n* = host={server.folder}\n[pgbouncer]\nlisten_addr =\n"
        f"listen_port = {PORT}\nunix_socket_dir = {folder}\nauth_type = trust\n"
        f"auth_file = {folder}/users\npool_mode = transaction\ndefault_pool_size = {SERVERS}\n"
        "max_client_conn = 200\nignore_startup_parameters = options,extra_float_digits\n"
    )
    if user is not None:
        for path in (folder, *folder.iterdir()):
            os.chown(path, user.pw_uid, user.pw_gid)
    process = subprocess.Popen(
        [program, str(folder / "pgbouncer.ini")],
        cwd=folder,
        user=user and user.pw_uid,
        group=user and user.pw_gid,
        extra_groups=[] if user else None,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        made = Pooler(folder)
        deadline = time.monotonic() + START_SECONDS
        while not made.is_up(database):
            assert process.poll() is None, "PgBouncer ended while it started"
            assert time.monotonic() < deadline, "PgBouncer did not start"
            time.sleep(0.05)
        yield made
    finally:
        process.terminate()
        process.wait(START_SECONDS)
        shutil.rmtree(folder, ignore_errors=True)
