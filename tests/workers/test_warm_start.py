"""Programs that are forked from the warm parent: whose they are, what they share, when they end."""

from __future__ import annotations

import io
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from app.config.settings import Settings
from app.errors import ConfigurationError
from tests.conftest import MakeSettings
from tests.running import wait_until
from workers.process import Program, run_to_end
from workers.processes import Processes, StopRequests
from workers.programs import landform, warm_parent
from workers.terminal import Terminal

pytestmark = pytest.mark.timeout(900)

SECRET = "hush-hush-1234567890"
PATIENCE_SECONDS = 300.0


class Warm:
    """A warm parent and the provider pool, which needs nothing else to run."""

    def __init__(self, settings: Settings) -> None:
        self.output = io.StringIO()
        self.processes = Processes(Terminal(self.output), StopRequests())
        inherited = {**os.environ, "LANDFORM_SECRET_KEY": SECRET}
        self.processes.start_warm_parent(warm_parent(settings, inherited))
        self.pool = landform(settings, inherited)[0]
        assert self.pool.name == "providers"
        self.wait_until_warm()

    def wait_until_warm(self) -> None:
        parent = self.processes.warm_parent
        assert parent is not None
        self.processes.watch_until(lambda: "" if parent.is_ready else "no", PATIENCE_SECONDS)
        assert parent.is_ready, self.output.getvalue()

    def start(self, program: Program) -> psutil.Process:
        self.processes.start([program])
        return self.now(program.name)

    def now(self, name: str, instead_of: int | None = None) -> psutil.Process:
        """Return the process of a program once it is another than ``instead_of``."""

        def find_problem() -> str:
            return "" if self.processes.pids()[name] not in (None, instead_of) else "not yet"

        self.processes.watch_until(find_problem, PATIENCE_SECONDS)
        pid = self.processes.pids()[name]
        assert pid is not None, self.output.getvalue()
        return psutil.Process(pid)

    def wait_for(self, text: str, times: int = 1) -> None:
        def find_problem() -> str:
            return "" if self.output.getvalue().count(text) >= times else "not yet"

        assert not self.processes.watch_until(find_problem, PATIENCE_SECONDS)


@pytest.fixture
def warm(make_settings: MakeSettings) -> Iterator[Warm]:
    """Return a warm parent with which a test may do what it likes."""
    warm = Warm(make_settings())
    yield warm
    warm.processes.stop(patience_seconds=0, notice_seconds=0)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warm]:
    """Return a warm parent and a provider pool forked from it, for tests that leave them alone."""
    warm = Warm(Settings(env="test", home=tmp_path_factory.mktemp("warm")))
    warm.start(warm.pool)
    warm.wait_for("provider_pool_starts")
    yield warm
    warm.processes.stop(patience_seconds=0, notice_seconds=0)


def test_a_program_is_forked_and_is_the_child_of_who_asked(running: Warm) -> None:
    pool = running.now("providers")
    assert pool.ppid() == os.getpid()
    assert os.getsid(pool.pid) == pool.pid
    assert os.getpgid(pool.pid) == pool.pid
    assert "providers | " in running.output.getvalue()


def test_ps_shows_the_command_of_a_forked_program(running: Warm) -> None:
    pool = running.now("providers")
    assert [word for word in pool.cmdline() if word] == list(running.pool.command)
    parent = running.now("warm")
    assert [word for word in parent.cmdline() if word][1:] == ["-m", "workers.warm_parent"]


def test_a_forked_program_has_most_of_its_memory_in_common(running: Warm) -> None:
    pool = running.now("providers")
    rollup = Path(f"/proc/{pool.pid}/smaps_rollup").read_text()
    kib = {name: int(size) for name, size in re.findall(r"(\w+): +(\d+) kB", rollup)}
    private = kib["Private_Dirty"] + kib["Private_Clean"]
    assert private < 0.3 * kib["Rss"], rollup


def test_nothing_is_open_in_the_warm_parent_but_its_socket(running: Warm) -> None:
    parent = running.now("warm")
    assert parent.num_threads() == 1
    assert parent.open_files() == []
    opened = [link.readlink().name for link in Path(f"/proc/{parent.pid}/fd").iterdir()]
    kinds = sorted(name.partition(":")[0] for name in opened)
    assert kinds == ["null", "pipe", "pipe", "socket"], opened
    assert parent.children() == []


def test_a_forked_program_inherits_nothing_of_the_warm_parent(running: Warm) -> None:
    pool = running.now("providers")
    control = Path(f"/proc/{running.now('warm').pid}/fd")
    sockets = {link.readlink() for link in control.iterdir() if "socket:" in str(link.readlink())}
    assert sockets
    held = {link.readlink() for link in Path(f"/proc/{pool.pid}/fd").iterdir()}
    assert not sockets & held


def test_a_program_that_dies_is_forked_again(warm: Warm) -> None:
    first = warm.start(warm.pool)
    warm.wait_for("provider_pool_starts")
    first.kill()
    second = warm.now("providers", instead_of=first.pid)
    warm.wait_for("provider_pool_starts", times=2)
    assert warm.output.getvalue().count("providers ended by itself (signal 9)") == 1
    assert not _is_loaded_alone(second)


def test_what_was_forked_outlives_the_warm_parent(warm: Warm) -> None:
    pool, parent = warm.start(warm.pool), warm.now("warm")
    warm.wait_for("provider_pool_starts")
    parent.kill()
    assert warm.now("warm", instead_of=parent.pid).pid != parent.pid
    assert pool.is_running()
    assert pool.ppid() == os.getpid()


def test_without_a_warm_parent_a_program_is_executed_and_later_forked_again(warm: Warm) -> None:
    pool, parent = warm.start(warm.pool), warm.now("warm")
    warm.wait_for("provider_pool_starts")
    parent.kill()
    pool.kill()
    alone = warm.now("providers", instead_of=pool.pid)
    warm.wait_for("provider_pool_starts", times=2)
    assert _is_loaded_alone(alone)
    warm.wait_until_warm()
    alone.kill()
    forked = warm.now("providers", instead_of=alone.pid)
    warm.wait_for("provider_pool_starts", times=3)
    assert not _is_loaded_alone(forked)


def _is_loaded_alone(process: psutil.Process) -> bool:
    """Tell whether a provider pool was executed: it then has no code of the web in memory."""
    return not any("sqlalchemy" in region.path for region in process.memory_maps())


def test_a_secret_is_neither_in_the_warm_parent_nor_in_an_environment_that_is_shown(
    warm: Warm,
) -> None:
    given = Program(
        "worker-1",
        (sys.executable, "-m", "workers.provider_pool"),
        {**warm.pool.environment, "LANDFORM_SECRET_KEY": SECRET},
        stop_rank=0,
        is_warm=True,
    )
    forked = warm.start(given)
    warm.wait_for("provider_pool_starts")
    parent = warm.now("warm")
    for pid in (parent.pid, forked.pid):
        assert SECRET.encode() not in Path(f"/proc/{pid}/environ").read_bytes()
    assert _is_in_memory(forked.pid, SECRET.encode()), "else the search would find nothing"
    assert not _is_in_memory(parent.pid, SECRET.encode())


def _is_in_memory(pid: int, wanted: bytes) -> bool:
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            start, end = (int(part, 16) for part in line.split()[0].split("-"))
            if "rw" not in line.split()[1]:
                continue
            memory.seek(start)
            if wanted in memory.read(end - start):
                return True
    return False


def test_a_short_command_is_forked_and_its_refusal_is_told(warm: Warm) -> None:
    command = (sys.executable, "-m", "workers.prepare")
    with pytest.raises(ConfigurationError, match="LANDFORM_SECRET_KEY is missing"):
        run_to_end(command, warm.pool.environment, PATIENCE_SECONDS, warm.processes.start_once)


def test_an_orphan_is_not_left_a_zombie(warm: Warm) -> None:
    code = "import os, time\nif os.fork(): time.sleep(600)\nprint(f'orphan {os.getpid()} .')"
    warm.start(Program("web", (sys.executable, "-uc", code), dict(os.environ), stop_rank=1))
    warm.wait_for(" .")
    told = re.search(r"orphan (\d+)", warm.output.getvalue())
    assert told is not None
    warm.now("web").kill()
    warm.wait_for("web ended by itself")
    wait_until(lambda: not _exists(warm, int(told[1])), "the end of an orphan", PATIENCE_SECONDS)


def _exists(warm: Warm, pid: int) -> bool:
    warm.processes.watch()
    return psutil.pid_exists(pid)
