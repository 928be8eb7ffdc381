"""The process from which those of Landform are forked: ``python -m workers.warm_parent``.

Loads once what all of them need; what none of them writes to is in memory once. It has no secret in
its environment: each child reads its own from a descriptor, after the fork. It has no thread, no
connection and no open file but its socket to the supervisor, and forks only when that asks. Each
child is the supervisor's, not this one's, so that the end of this process is nobody else's.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import socket
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.config.settings import Settings
from app.errors import CatalogError
from app.process_secrecy import close_to_others
from app.services.context import PARSED_FILE
from app.storage.kept_catalog import share_catalog
from workers.parent_death import tie_to
from workers.process_title import PADDING, set_title
from workers.warm_start import MAX_MESSAGE, READY

MODULES = (
    "app.factory",
    "gunicorn.app.wsgiapp",
    "gunicorn.workers.gthread",
    "sqlalchemy.dialects.sqlite.pysqlite",
    "workers.agent",
    "workers.jobs",
    "workers.prepare",
    "workers.provider_pool",
    "workers.scheduler",
    "workers.web_worker",
    "workers.worker",
)
TASKS = Path("/proc/self/task")


@dataclass(frozen=True)
class ForkRequest:
    """What a child is to become; descriptors of its output and of its environment."""

    command: Sequence[str]
    output: int
    environment: int


def warm_up(more: Sequence[str] = ()) -> None:
    """Load everything, and leave it to no collection of garbage.

    Args:
        more: names of further modules, which not every installation needs.

    Raises:
        RuntimeError: a module began a thread; what is forked beside one may never get its locks.
    """
    gc.disable()  # what is freed would leave holes, which are filled after the fork
    for name in (*MODULES, *more):
        importlib.import_module(name)
    importlib.import_module("sqlalchemy.orm").configure_mappers()
    settings = Settings()
    with suppress(CatalogError):  # whoever needs it says what is wrong with it
        share_catalog(settings.catalog_root, settings.home_dir / PARSED_FILE)
    if len(list(TASKS.iterdir())) > 1:
        raise RuntimeError("a module has begun a thread while it was imported")
    gc.collect()
    gc.freeze()


def serve(control: socket.socket) -> ForkRequest | None:
    """Fork for each request until the supervisor ends; in a child, return what was asked."""
    control.send(READY)
    while True:
        message, descriptors, _, _ = socket.recv_fds(control, MAX_MESSAGE, 2)
        if not message:
            return None
        pid = _fork_orphan()
        if pid == 0:
            control.close()
            return ForkRequest(json.loads(message), *descriptors)
        for descriptor in descriptors:
            os.close(descriptor)
        control.send(str(pid).encode())


def _fork_orphan() -> int:
    """Fork a child whose parent ends at once; return its pid, 0 in the child, -1 for none."""
    reading, writing = os.pipe()
    try:
        between = os.fork()
        if between == 0 and _fork_and_tell(writing):
            return 0
        os.close(writing)
        told = os.read(reading, 32)  # empty when there was no second fork
        os.waitpid(between, 0)  # from now on the child is the supervisor's
        return int(told or b"-1")
    except OSError:  # no more processes are allowed, or no descriptors
        return -1
    finally:
        os.close(reading)


def _fork_and_tell(writing: int) -> bool:
    """Fork once more; the process between the two ends here, whatever happens."""
    is_child = False
    try:
        pid = os.fork()
        is_child = pid == 0
        if not is_child:
            os.write(writing, str(pid).encode())
    finally:
        if not is_child:
            os._exit(0)
    os.close(writing)
    return True


def become(request: ForkRequest, supervisor_pid: int) -> None:
    """Make this child what the command would have been, had it been executed.

    The supervisor writes the environment once this process is its child.

    Raises:
        SystemExit: the supervisor has ended.
    """
    os.setsid()
    with os.fdopen(request.environment, "rb") as source:
        environment = source.read()
    if not environment:
        sys.exit("The supervisor ended before this process could start.")
    tie_to(supervisor_pid)
    for standard in (1, 2):
        os.dup2(request.output, standard)
    os.close(request.output)
    os.environ.clear()
    os.environ.update(json.loads(environment))
    time.tzset()
    set_title(request.command)
    gc.enable()


def entry_of(command: Sequence[str]) -> Callable[[], Any]:
    """Return the function that ``PYTHON -m MODULE …`` would run, with its arguments in place."""
    module, arguments = command[2], command[3:]
    sys.argv = [module, *arguments]
    if module == "gunicorn":
        run: Callable[[], Any] = importlib.import_module("gunicorn.app.wsgiapp").run
        return run
    main: Callable[[], Any] = importlib.import_module(module).main
    return main


def main() -> int:
    """Serve, and be the program in a child; return the exit status."""
    close_to_others()
    supervisor_pid, more = os.getppid(), sys.argv[1:]
    if PADDING in more:
        more.remove(PADDING)
    set_title((sys.executable, "-m", "workers.warm_parent"))
    control = socket.socket(fileno=os.dup(0))
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    warm_up(more)
    request = serve(control)
    if request is None:
        return 0
    become(request, supervisor_pid)
    status = entry_of(request.command)()
    return status if isinstance(status, int) else 0


if __name__ == "__main__":
    sys.exit(main())
