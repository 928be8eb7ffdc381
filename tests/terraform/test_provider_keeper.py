"""Lending provider processes: to one run at a time, of one account only, never for long."""

from __future__ import annotations

import asyncio
import json
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

from app.terraform.provider_keeper import ProviderKeeper
from app.terraform.provider_loan import Loan, borrow
from app.terraform.provider_order import (
    Answer,
    ProviderOrder,
    read_announcement,
)
from app.terraform.provider_reading import RecordedResource

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
def order(executable: Path) -> ProviderOrder:
    environment = {"PATH": "/usr/bin:/bin", "TOKEN": "of-account-one"}
    return ProviderOrder("acc_one", str(executable), ("--reattach",), "conf", environment)


class Counter:
    """A keeper for one test, and a way to borrow from it."""

    def __init__(self, folder: Path, **limits: Any) -> None:
        self.folder = folder
        self.listen = folder / "keeper.sock"
        chosen = {"limit": 3, "max_uses": 100, "idle_seconds": 300.0} | limits
        self._keeper = ProviderKeeper(folder, int(chosen.pop("limit")), **chosen)

    def run(self, scenario: Callable[[Counter], Awaitable[None]]) -> None:
        """Play ``scenario`` while the keeper serves."""

        async def play() -> None:
            serving = asyncio.create_task(self._keeper.serve(self.listen))
            await until(self.listen.exists)
            try:
                async with asyncio.timeout(60):
                    await scenario(self)
            finally:
                serving.cancel()
                await asyncio.gather(serving, return_exceptions=True)
            assert find_homes(self.folder) == [], "nothing is left behind"

        asyncio.run(play())

    async def use(self, order: ProviderOrder, *, is_good: bool = True) -> int | None:
        """Borrow and return at once; return the process id of what was lent."""
        with ExitStack() as stack:
            loan = await self.borrow(order, stack)
            if loan is None:
                return None
            loan.is_good = is_good
            return pid_of(loan)

    async def borrow(self, order: ProviderOrder, until: ExitStack) -> Loan | None:
        return await asyncio.to_thread(until.enter_context, borrow(self.listen, order))


@contextmanager
def borrow_from(
    server: socket.socket,
    listen: Path,
    order: ProviderOrder,
    talk: Callable[[socket.socket], None],
) -> Iterator[Loan | None]:
    """Borrow from a keeper of whom only ``talk`` is known."""
    connections = []

    def serve() -> None:
        connection, _ = server.accept()
        connections.append(connection)
        talk(connection)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        with borrow(listen, order) as loan:
            yield loan
    finally:
        thread.join()
        for connection in connections:
            connection.close()


def find_homes(folder: Path) -> list[Path]:
    return list(folder.glob("p-*"))


def pid_of(loan: Loan) -> int:
    (provider,) = json.loads(loan.reattach).values()
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


def test_a_returned_provider_serves_the_next_run(folder: Path, order: ProviderOrder) -> None:
    async def scenario(counter: Counter) -> None:
        assert await counter.use(order) == await counter.use(order)

    Counter(folder).run(scenario)


def test_two_runs_at_once_never_get_the_same_process(folder: Path, order: ProviderOrder) -> None:
    async def scenario(counter: Counter) -> None:
        with ExitStack() as stack:
            first = await counter.borrow(order, stack)
            second = await counter.borrow(order, stack)
            assert first is not None
            assert second is not None
            assert pid_of(first) != pid_of(second)

    Counter(folder).run(scenario)


def test_accounts_share_no_process_even_with_the_same_credentials(
    folder: Path, order: ProviderOrder
) -> None:
    async def scenario(counter: Counter) -> None:
        other = replace(order, account="acc_two")
        assert await counter.use(order) != await counter.use(other)

    Counter(folder).run(scenario)


def test_a_process_with_former_credentials_is_ended(folder: Path, order: ProviderOrder) -> None:
    async def scenario(counter: Counter) -> None:
        former = await counter.use(order)
        assert former is not None
        renewed = replace(order, environment={**order.environment, "TOKEN": "renewed"})
        assert await counter.use(renewed) != former
        await wait_for_end(former)

    Counter(folder).run(scenario)


def test_the_environment_is_the_order_and_a_folder_of_its_own(
    folder: Path, order: ProviderOrder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LANDFORM_SECRET_KEY", "of Landform")

    async def scenario(counter: Counter) -> None:
        await counter.use(order)
        (home,) = find_homes(folder)
        given = (home / "environment").read_text()
        assert "TOKEN=of-account-one" in given
        assert f"TMPDIR={home}" in given
        assert "LANDFORM" not in given
        assert stat.S_IMODE(home.stat().st_mode) == 0o700

    Counter(folder).run(scenario)


def test_a_process_is_recycled_after_its_uses(folder: Path, order: ProviderOrder) -> None:
    async def scenario(counter: Counter) -> None:
        pids = [await counter.use(order) for _ in range(4)]
        assert pids[0] == pids[1]
        assert pids[1] != pids[2] == pids[3]

    Counter(folder, max_uses=2).run(scenario)


def test_a_run_that_failed_costs_its_provider_the_place(folder: Path, order: ProviderOrder) -> None:
    async def scenario(counter: Counter) -> None:
        doubted = await counter.use(order, is_good=False)
        assert doubted is not None
        await wait_for_end(doubted)
        assert await counter.use(order) not in (None, doubted)

    Counter(folder).run(scenario)


def test_an_idle_process_is_ended(folder: Path, order: ProviderOrder) -> None:
    async def scenario(counter: Counter) -> None:
        pid = await counter.use(order)
        assert pid is not None
        await wait_for_end(pid)

    Counter(folder, idle_seconds=0.1).run(scenario)


def test_a_full_keeper_lends_nothing_and_gives_up_what_idles_first(
    folder: Path, order: ProviderOrder
) -> None:
    async def scenario(counter: Counter) -> None:
        other = replace(order, account="acc_two")
        with ExitStack() as stack:
            lent = await counter.borrow(order, stack)
            assert lent is not None
            assert await counter.use(other) is None, "what is lent is taken from nobody"
            lent.is_good = True
        for _ in range(100):
            if await counter.use(other) is not None:
                break
            await asyncio.sleep(0.05)  # until the keeper has read that it was returned
        await wait_for_end(pid_of(lent))

    Counter(folder, limit=1).run(scenario)


def test_a_provider_that_died_idle_is_not_lent_again(folder: Path, order: ProviderOrder) -> None:
    async def scenario(counter: Counter) -> None:
        pid = await counter.use(order)
        assert pid is not None
        psutil.Process(pid).kill()
        await wait_for_end(pid)
        assert await counter.use(order) not in (None, pid)

    Counter(folder).run(scenario)


@pytest.mark.parametrize("script", ["#!/bin/sh\nexit 1\n", "#!/bin/sh\nyes nonsense | head -99\n"])
def test_a_provider_that_does_not_say_how_to_reach_it_is_not_lent(
    folder: Path, order: ProviderOrder, executable: Path, script: str
) -> None:
    executable.write_text(script)

    async def scenario(counter: Counter) -> None:
        assert await counter.use(order) is None

    Counter(folder).run(scenario)


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
    folder: Path, order: ProviderOrder, line: bytes
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
        assert await counter.use(order) is not None

    Counter(folder).run(scenario)


def test_no_keeper_means_no_loan(tmp_path: Path, order: ProviderOrder) -> None:
    with borrow(tmp_path / "nobody.sock", order) as loan:
        assert loan is None


@pytest.mark.parametrize("answer", [b"", b"nonsense\n", b"[]\n", b'{"reattach": 7}\n', b"{}\n"])
def test_a_keeper_that_talks_nonsense_means_no_loan(
    tmp_path: Path, order: ProviderOrder, answer: bytes
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
            assert await asyncio.to_thread(stack.enter_context, borrow(listen, order)) is None
            await talking

    asyncio.run(scenario())


def test_an_order_shows_no_credentials(order: ProviderOrder) -> None:
    assert "of-account-one" not in repr(order)
    assert ProviderOrder.parse(order.line()) == order


@pytest.mark.parametrize("line", [b"", b"{}", b"{", b"}{", b'{"a": 1}', b'{"a": {"Pid": 1}}'])
def test_not_every_line_is_an_announcement(line: bytes) -> None:
    assert read_announcement(line) is None


def test_an_answer_says_how_to_reach_a_provider_or_that_there_is_none() -> None:
    assert Answer.parse(Answer("{}", is_configured=True).line()) == Answer("{}", is_configured=True)
    assert Answer.parse(Answer().line()) == Answer()


def test_a_keeper_asks_for_the_time_of_nobody(folder: Path, order: ProviderOrder) -> None:
    """A worker that connects and says nothing keeps no other from its provider."""

    async def scenario(counter: Counter) -> None:
        with socket.socket(socket.AF_UNIX) as silent:
            silent.connect(str(counter.listen))
            started = time.monotonic()
            assert await counter.use(order) is not None
            assert time.monotonic() - started < 20

    Counter(folder).run(scenario)


def test_a_fresh_provider_is_not_configured_and_one_that_terraform_has_used_is(
    folder: Path, order: ProviderOrder
) -> None:
    async def scenario(counter: Counter) -> None:
        uses = [(False, False), (False, True), (True, False), (True, False)]
        for is_configured, has_terraform in uses:
            with ExitStack() as stack:
                loan = await counter.borrow(order, stack)
                assert loan is not None
                assert loan.is_configured is is_configured
                loan.is_good, loan.is_configured = True, is_configured or has_terraform

    Counter(folder).run(scenario)


def test_another_configuration_gets_another_process_and_ends_none(
    folder: Path, order: ProviderOrder
) -> None:
    async def scenario(counter: Counter) -> None:
        elsewhere = replace(order, configuration="elsewhere")
        first, second = await counter.use(order), await counter.use(elsewhere)
        assert first != second
        assert [await counter.use(order), await counter.use(elsewhere)] == [first, second]

    Counter(folder).run(scenario)


def test_a_provider_that_cannot_read_gives_no_reading_and_is_lent_on(
    folder: Path, order: ProviderOrder
) -> None:
    async def scenario(counter: Counter) -> None:
        disk = RecordedResource("c_disk", 0, "{}", "")
        with ExitStack() as stack:
            loan = await counter.borrow(order, stack)
            assert loan is not None
            assert await asyncio.to_thread(loan.read, [disk], 20.0, lambda: None) is None
            loan.is_good = True
        assert await counter.use(order) == pid_of(loan)

    Counter(folder).run(scenario)


def test_nonsense_from_a_borrower_ends_the_loan(folder: Path, order: ProviderOrder) -> None:
    async def scenario(counter: Counter) -> None:
        reader, writer = await asyncio.open_unix_connection(counter.listen)
        writer.write(order.line())
        answer = Answer.parse(await reader.readline())
        assert answer.reattach is not None
        writer.write(b'{"read": "all"}\n')
        assert await reader.readline() == b"", "it hears nothing more"
        (facts,) = json.loads(answer.reattach).values()
        await wait_for_end(facts["Pid"])
        writer.close()

    Counter(folder).run(scenario)


def test_whoever_asks_for_a_reading_can_stop_waiting(folder: Path, order: ProviderOrder) -> None:
    """A cancel or a lost fence must not wait for a slow cloud."""

    def stop() -> None:
        raise KeyboardInterrupt

    with socket.socket(socket.AF_UNIX) as server:
        listen = folder / "slow.sock"
        server.bind(str(listen))
        server.listen()

        def lend_and_say_nothing(connection: socket.socket) -> None:
            connection.recv(65536)
            connection.sendall(Answer('{"a": 1}', is_configured=True).line())

        with borrow_from(server, listen, order, lend_and_say_nothing) as loan:
            assert loan is not None
            disk = RecordedResource("c_disk", 0, "{}", "")
            with pytest.raises(KeyboardInterrupt):
                loan.read([disk], 60.0, stop)


def test_nothing_is_kept_idle_while_memory_is_short(folder: Path, order: ProviderOrder) -> None:
    async def scenario(counter: Counter) -> None:
        pid = await counter.use(order)
        assert pid is not None
        await wait_for_end(pid)

    Counter(folder, spare_bytes=2**60, idle_seconds=300).run(scenario)


@pytest.mark.parametrize("is_deep", [False, True])
def test_a_provider_listens_where_it_is_told(
    folder: Path, tmp_path: Path, order: ProviderOrder, is_deep: bool
) -> None:
    near = tmp_path / "near"

    async def scenario(counter: Counter) -> None:
        assert await counter.use(order) is not None
        (home,) = find_homes(folder)
        said = (home / "environment").read_text().splitlines()
        assert f"PLUGIN_UNIX_SOCKET_DIR={near if is_deep else home}" in said

    Counter(folder, **({"sockets": near} if is_deep else {})).run(scenario)
