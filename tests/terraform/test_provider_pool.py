"""Lending provider processes: to one run at a time, of one account only, never for long."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import socket
import stat
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest
from structlog.testing import capture_logs

from app.terraform.provider_lease import ProviderLease, acquire
from app.terraform.provider_pool import ProviderPool
from app.terraform.provider_reading import RecordedResource
from app.terraform.provider_spec import (
    LeaseReply,
    ProviderSpec,
    read_announcement,
)

PROVIDER = """#!/bin/sh
env > "$HOME/environment"
echo "provider says hello"
echo "  TF_REATTACH_PROVIDERS='{\\"a.test/b/c\\": {\\"Pid\\": $$, \\"Addr\\": {}}}'"
exec sleep 600
"""


@pytest.fixture
def executable(tmp_path: Path) -> Path:
    path = tmp_path / "terraform-provider-c"
    path.write_text(PROVIDER)
    path.chmod(0o755)
    return path


@pytest.fixture
def spec(executable: Path) -> ProviderSpec:
    environment = {"PATH": "/usr/bin:/bin", "TOKEN": "of-account-one"}
    return ProviderSpec("acc_one", str(executable), ("--reattach",), "conf", environment)


class Counter:
    """A pool for one test, and a way to acquire from it."""

    def __init__(self, folder: Path, **limits: Any) -> None:
        self.folder = folder
        self.listen = folder / "pool.sock"
        chosen = {"limit": 3, "max_uses": 100, "idle_seconds": 300.0} | limits
        self._pool = ProviderPool(folder, int(chosen.pop("limit")), **chosen)

    def run(self, scenario: Callable[[Counter], Awaitable[None]]) -> None:
        """Play ``scenario`` while the pool serves."""

        async def play() -> None:
            serving = asyncio.create_task(self._pool.serve(self.listen))
            await until(self.listen.exists)
            try:
                async with asyncio.timeout(60):
                    await scenario(self)
            finally:
                serving.cancel()
                await asyncio.gather(serving, return_exceptions=True)
            assert find_homes(self.folder) == [], "nothing is left behind"

        asyncio.run(play())

    async def use(self, spec: ProviderSpec, *, is_good: bool = True) -> int | None:
        """Acquire and return at once; return the process id of what was lent."""
        with ExitStack() as stack:
            lease = await self.acquire(spec, stack)
            if lease is None:
                return None
            lease.is_good = is_good
            return pid_of(lease)

    async def acquire(self, spec: ProviderSpec, until: ExitStack) -> ProviderLease | None:
        return await asyncio.to_thread(until.enter_context, acquire(self.listen, spec))


@contextmanager
def acquire_from(
    server: socket.socket,
    listen: Path,
    spec: ProviderSpec,
    talk: Callable[[socket.socket], None],
) -> Iterator[ProviderLease | None]:
    """Acquire from a pool of whom only ``talk`` is known."""
    connections = []

    def serve() -> None:
        connection, _ = server.accept()
        connections.append(connection)
        talk(connection)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        with acquire(listen, spec) as lease:
            yield lease
    finally:
        thread.join()
        for connection in connections:
            connection.close()


def find_homes(folder: Path) -> list[Path]:
    return list(folder.glob("p-*"))


def pid_of(lease: ProviderLease) -> int:
    (provider,) = json.loads(lease.reattach).values()
    pid: int = provider["Pid"]
    return pid


async def until(condition: Callable[[], bool]) -> None:
    def wait() -> None:
        deadline = time.monotonic() + 20
        while not condition():
            assert time.monotonic() < deadline, "waited in vain"
            time.sleep(0.02)

    await asyncio.to_thread(wait)


async def wait_for_end(pid: int) -> None:
    await until(lambda: not psutil.pid_exists(pid))


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "keep"
    path.mkdir(mode=0o700)
    return path


def test_a_returned_provider_serves_the_next_run(folder: Path, spec: ProviderSpec) -> None:
    async def scenario(counter: Counter) -> None:
        assert await counter.use(spec) == await counter.use(spec)

    Counter(folder).run(scenario)


def test_two_runs_at_once_never_get_the_same_process(folder: Path, spec: ProviderSpec) -> None:
    async def scenario(counter: Counter) -> None:
        with ExitStack() as stack:
            first = await counter.acquire(spec, stack)
            second = await counter.acquire(spec, stack)
            assert first is not None
            assert second is not None
            assert pid_of(first) != pid_of(second)

    Counter(folder).run(scenario)


def test_accounts_share_no_process_even_with_the_same_credentials(
    folder: Path, spec: ProviderSpec
) -> None:
    async def scenario(counter: Counter) -> None:
        other = replace(spec, account="acc_two")
        assert await counter.use(spec) != await counter.use(other)

    Counter(folder).run(scenario)


def test_a_process_with_former_credentials_is_ended(folder: Path, spec: ProviderSpec) -> None:
    async def scenario(counter: Counter) -> None:
        former = await counter.use(spec)
        assert former is not None
        renewed = replace(spec, environment={**spec.environment, "TOKEN": "renewed"})
        assert await counter.use(renewed) != former
        await wait_for_end(former)

    Counter(folder).run(scenario)


def test_the_environment_is_the_order_and_a_folder_of_its_own(
    folder: Path, spec: ProviderSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LANDFORM_SECRET_KEY", "of Landform")

    async def scenario(counter: Counter) -> None:
        await counter.use(spec)
        (home,) = find_homes(folder)
        given = (home / "environment").read_text()
        assert "TOKEN=of-account-one" in given
        assert f"TMPDIR={home}" in given
        assert "LANDFORM" not in given
        assert stat.S_IMODE(home.stat().st_mode) == 0o700

    Counter(folder).run(scenario)


def test_a_process_is_recycled_after_its_uses(folder: Path, spec: ProviderSpec) -> None:
    async def scenario(counter: Counter) -> None:
        pids = [await counter.use(spec) for _ in range(4)]
        assert pids[0] == pids[1]
        assert pids[1] != pids[2] == pids[3]

    Counter(folder, max_uses=2).run(scenario)


def test_a_run_that_failed_costs_its_provider_the_place(folder: Path, spec: ProviderSpec) -> None:
    async def scenario(counter: Counter) -> None:
        doubted = await counter.use(spec, is_good=False)
        assert doubted is not None
        await wait_for_end(doubted)
        assert await counter.use(spec) not in (None, doubted)

    Counter(folder).run(scenario)


def test_an_idle_process_is_ended(folder: Path, spec: ProviderSpec) -> None:
    async def scenario(counter: Counter) -> None:
        pid = await counter.use(spec)
        assert pid is not None
        await wait_for_end(pid)

    Counter(folder, idle_seconds=0.1).run(scenario)


def test_a_full_keeper_lends_nothing_and_gives_up_what_idles_first(
    folder: Path, spec: ProviderSpec
) -> None:
    async def scenario(counter: Counter) -> None:
        other = replace(spec, account="acc_two")
        with ExitStack() as stack:
            lent = await counter.acquire(spec, stack)
            assert lent is not None
            assert await counter.use(other) is None, "what is lent is taken from nobody"
            lent.is_good = True
        for _ in range(100):
            if await counter.use(other) is not None:
                break
            await asyncio.sleep(0.05)  # until the pool has read that it was returned
        await wait_for_end(pid_of(lent))

    Counter(folder, limit=1).run(scenario)


def test_a_provider_that_died_idle_is_not_lent_again(folder: Path, spec: ProviderSpec) -> None:
    async def scenario(counter: Counter) -> None:
        pid = await counter.use(spec)
        assert pid is not None
        psutil.Process(pid).kill()
        await wait_for_end(pid)
        assert await counter.use(spec) not in (None, pid)

    Counter(folder).run(scenario)


@pytest.mark.parametrize("script", ["#!/bin/sh\nexit 1\n", "#!/bin/sh\nyes nonsense | head -99\n"])
def test_a_provider_that_does_not_say_how_to_reach_it_is_not_lent(
    folder: Path, spec: ProviderSpec, executable: Path, script: str
) -> None:
    executable.write_text(script)

    async def scenario(counter: Counter) -> None:
        assert await counter.use(spec) is None

    Counter(folder).run(scenario)


FAILING = """#!/bin/sh
echo "%s" >&2
echo "signed in as $TOKEN" >&2
printf 'panic: no such region\\033[31m\\n' >&2
exit 3
"""


@pytest.mark.parametrize("lines", [1, 2000])
def test_why_a_provider_did_not_start_is_in_the_log_without_its_credentials(
    folder: Path, spec: ProviderSpec, executable: Path, lines: int
) -> None:
    executable.write_text(FAILING % ("a line of no interest\n" * lines))

    async def scenario(counter: Counter) -> None:
        assert await counter.use(spec) is None

    with capture_logs() as told:
        Counter(folder).run(scenario)
    (entry,) = [item for item in told if item["event"] == "provider_not_started"]
    assert "it ended with code 3, and said:" in entry["reason"]
    assert entry["reason"].endswith("panic: no such region")
    assert "of-account-one" not in entry["reason"]
    assert len(entry["reason"]) < 3000


# It listens to the signal before it says that it is there: whoever hears it may send one at once.
CRASHING = PROVIDER.replace(
    'echo "provider says hello"',
    "sleep 600 &\ntrap 'kill $!; echo panic: out of luck >&2; exit 2' USR1",
).replace("exec sleep 600", "wait")


def test_why_a_provider_died_between_two_runs_is_in_the_log(
    folder: Path, spec: ProviderSpec, executable: Path
) -> None:
    executable.write_text(CRASHING)

    async def scenario(counter: Counter) -> None:
        pid = await counter.use(spec)
        assert pid is not None
        psutil.Process(pid).send_signal(signal.SIGUSR1)
        await wait_for_end(pid)
        assert await counter.use(spec) not in (None, pid)

    with capture_logs() as told:
        Counter(folder).run(scenario)
    (entry,) = [item for item in told if item["event"] == "provider_died"]
    assert "ended with code 2, and said: panic: out of luck" in entry["reason"]


def test_only_this_user_can_open_the_socket(folder: Path) -> None:
    async def scenario(counter: Counter) -> None:
        assert stat.S_IMODE(counter.listen.stat().st_mode) == 0o600

    Counter(folder).run(scenario)


GOOD = '{"account": "a", "executable": "/x", "arguments": [], "environment": {}'


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"\n",
        b"\xff\n",
        b"[]\n",
        b"{}\n",
        b'{"account": "a"}\n',
        f'{GOOD}, "more": 1}}\n'.encode(),
        GOOD.replace("/x", "x").encode() + b"}\n",
        GOOD.replace("[]", '["\\u0000"]').encode() + b"}\n",
        GOOD.replace("[]", '"text"').encode() + b"}\n",
        GOOD.replace("{}", '{"A": 1}').encode() + b"}\n",
        b"[" * 100_000 + b"\n",
    ],
)
def test_a_malformed_order_gets_nothing_and_harms_nobody(
    folder: Path, spec: ProviderSpec, line: bytes
) -> None:
    def send(listen: Path) -> bytes:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(10)
            connection.connect(str(listen))
            connection.sendall(line)
            connection.shutdown(socket.SHUT_WR)
            return connection.recv(100)

    async def scenario(counter: Counter) -> None:
        assert await asyncio.to_thread(send, counter.listen) == b""
        assert await counter.use(spec) is not None

    Counter(folder).run(scenario)


def test_no_keeper_means_no_loan(tmp_path: Path, spec: ProviderSpec) -> None:
    with acquire(tmp_path / "nobody.sock", spec) as lease:
        assert lease is None


@pytest.mark.parametrize("answer", [b"", b"nonsense\n", b"[]\n", b'{"reattach": 7}\n', b"{}\n"])
def test_a_keeper_that_talks_nonsense_means_no_loan(
    tmp_path: Path, spec: ProviderSpec, answer: bytes
) -> None:
    listen = tmp_path / "odd.sock"

    def talk(server: socket.socket) -> None:
        connection, _ = server.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(answer)

    async def scenario() -> None:
        with socket.socket(socket.AF_UNIX) as server, ExitStack() as stack:
            server.bind(str(listen))
            server.listen()
            talking = asyncio.create_task(asyncio.to_thread(talk, server))
            assert await asyncio.to_thread(stack.enter_context, acquire(listen, spec)) is None
            await talking

    asyncio.run(scenario())


def test_an_order_shows_no_credentials(spec: ProviderSpec) -> None:
    assert "of-account-one" not in repr(spec)
    assert ProviderSpec.parse(spec.line()) == spec


@pytest.mark.parametrize("line", [b"", b"{}", b"{", b"}{", b'{"a": 1}', b'{"a": {"Pid": 1}}'])
def test_not_every_line_is_an_announcement(line: bytes) -> None:
    assert read_announcement(line) is None


def test_an_answer_says_how_to_reach_a_provider_or_that_there_is_none() -> None:
    assert LeaseReply.parse(LeaseReply("{}", is_configured=True).line()) == LeaseReply(
        "{}", is_configured=True
    )
    assert LeaseReply.parse(LeaseReply().line()) == LeaseReply()


def test_a_keeper_asks_for_the_time_of_nobody(folder: Path, spec: ProviderSpec) -> None:
    """A worker that connects and says nothing keeps no other from its provider."""

    async def scenario(counter: Counter) -> None:
        with socket.socket(socket.AF_UNIX) as silent:
            silent.connect(str(counter.listen))
            started = time.monotonic()
            assert await counter.use(spec) is not None
            assert time.monotonic() - started < 20

    Counter(folder).run(scenario)


def test_a_fresh_provider_is_not_configured_and_one_that_terraform_has_used_is(
    folder: Path, spec: ProviderSpec
) -> None:
    async def scenario(counter: Counter) -> None:
        uses = [(False, False), (False, True), (True, False), (True, False)]
        for is_configured, has_terraform in uses:
            with ExitStack() as stack:
                lease = await counter.acquire(spec, stack)
                assert lease is not None
                assert lease.is_configured is is_configured
                lease.is_good, lease.is_configured = True, is_configured or has_terraform

    Counter(folder).run(scenario)


def test_another_configuration_gets_another_process_and_ends_none(
    folder: Path, spec: ProviderSpec
) -> None:
    async def scenario(counter: Counter) -> None:
        elsewhere = replace(spec, configuration="elsewhere")
        first, second = await counter.use(spec), await counter.use(elsewhere)
        assert first != second
        assert [await counter.use(spec), await counter.use(elsewhere)] == [first, second]

    Counter(folder).run(scenario)


def test_a_provider_that_cannot_read_gives_no_reading_and_is_lent_on(
    folder: Path, spec: ProviderSpec
) -> None:
    async def scenario(counter: Counter) -> None:
        disk = RecordedResource("c_disk", 0, "{}", "")
        with ExitStack() as stack:
            lease = await counter.acquire(spec, stack)
            assert lease is not None
            assert await asyncio.to_thread(lease.read, [disk], 20.0, lambda: None) is None
            lease.is_good = True
        assert await counter.use(spec) == pid_of(lease)

    Counter(folder).run(scenario)


def test_nonsense_from_a_borrower_ends_the_loan(folder: Path, spec: ProviderSpec) -> None:
    async def scenario(counter: Counter) -> None:
        reader, writer = await asyncio.open_unix_connection(counter.listen)
        writer.write(spec.line())
        answer = LeaseReply.parse(await reader.readline())
        assert answer.reattach is not None
        writer.write(b'{"read": "all"}\n')
        assert await reader.readline() == b"", "it hears nothing more"
        (facts,) = json.loads(answer.reattach).values()
        await wait_for_end(facts["Pid"])
        writer.close()

    Counter(folder).run(scenario)


def test_whoever_asks_for_a_reading_can_stop_waiting(folder: Path, spec: ProviderSpec) -> None:
    """A cancel or a lost fence must not wait for a slow cloud."""

    def stop() -> None:
        raise KeyboardInterrupt

    with socket.socket(socket.AF_UNIX) as server:
        listen = folder / "slow.sock"
        server.bind(str(listen))
        server.listen()

        def lend_and_say_nothing(connection: socket.socket) -> None:
            connection.recv(65536)
            connection.sendall(LeaseReply('{"a": 1}', is_configured=True).line())

        with acquire_from(server, listen, spec, lend_and_say_nothing) as lease:
            assert lease is not None
            disk = RecordedResource("c_disk", 0, "{}", "")
            with pytest.raises(KeyboardInterrupt):
                lease.read([disk], 60.0, stop)


def test_nothing_is_kept_idle_while_memory_is_short(folder: Path, spec: ProviderSpec) -> None:
    async def scenario(counter: Counter) -> None:
        pid = await counter.use(spec)
        assert pid is not None
        await wait_for_end(pid)

    Counter(folder, spare_bytes=2**60, idle_seconds=300).run(scenario)


@pytest.mark.parametrize("is_deep", [False, True])
def test_a_provider_listens_where_it_is_told(
    folder: Path, tmp_path: Path, spec: ProviderSpec, is_deep: bool
) -> None:
    near = tmp_path / "near"
    near.mkdir()

    async def scenario(counter: Counter) -> None:
        assert await counter.use(spec) is not None
        (home,) = find_homes(folder)
        said = (home / "environment").read_text().splitlines()
        (told,) = (line for line in said if line.startswith("PLUGIN_UNIX_SOCKET_DIR="))
        place = Path(told.partition("=")[2])
        assert place.parent == near if is_deep else place == home
        modes.append(stat.S_IMODE(os.lstat(place).st_mode))

    modes: list[int] = []
    Counter(folder, **({"sockets": near} if is_deep else {})).run(scenario)
    assert modes == [0o700]


def test_a_pool_that_ends_while_a_provider_is_lent_logs_no_fault(
    folder: Path, spec: ProviderSpec, caplog: pytest.LogCaptureFixture
) -> None:
    with ExitStack() as held:

        async def scenario(counter: Counter) -> None:
            assert await counter.acquire(spec, held) is not None

        Counter(folder).run(scenario)
    assert [item for item in caplog.records if item.levelno >= logging.ERROR] == []
