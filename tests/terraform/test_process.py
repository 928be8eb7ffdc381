"""A Terraform process is followed, stopped in good order, and nothing of it is left."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from app.terraform.identity import ProcessIdentity
from app.terraform.process import ProcessHooks, ProcessSpec, StopReason, run_process
from app.terraform.tail import MAX_LINE_BYTES, LineTail
from app.terraform.terraform_errors import TerraformError

MakeSpec = Callable[..., ProcessSpec]


class HookError(Exception):
    """Raised by a hook of a test."""


@pytest.fixture
def make_spec(tmp_path: Path) -> MakeSpec:
    """Return a factory of a spec that runs Python code in the place of Terraform."""

    def make(code: str, **changes: float) -> ProcessSpec:
        spec = ProcessSpec(
            command=[sys.executable, "-I", "-S", "-c", code],
            directory=tmp_path,
            environment={},
            stdout_path=tmp_path / "out",
            stderr_path=tmp_path / "err",
            deadline_seconds=30,
            grace_seconds=5,
        )
        return replace(spec, **changes)

    return make


@pytest.fixture(autouse=True)
def no_child_is_left() -> Iterator[None]:
    before = set(psutil.Process().children())  # such as the Redis of the session
    yield
    assert set(psutil.Process().children()) <= before


def test_lines_exit_code_and_files_are_given(make_spec: MakeSpec, tmp_path: Path) -> None:
    lines: list[str] = []
    (tmp_path / "out").write_text("from an earlier step\n")
    result = run_process(
        make_spec("import sys; print('a'); print('b', end=''); sys.stderr.write('e'); sys.exit(2)"),
        ProcessHooks(on_line=lines.append),
    )
    assert lines == ["a", "b"]
    assert (result.exit_code, result.stop_reason, result.was_killed) == (2, None, False)
    assert (tmp_path / "out").read_text() == "from an earlier step\na\nb"
    assert (tmp_path / "err").read_text() == "e"
    assert (tmp_path / "err").stat().st_mode & 0o777 == 0o600


def test_lines_arrive_while_the_process_runs(make_spec: MakeSpec) -> None:
    code = "import time; print('first', flush=True); time.sleep(0.6); print('last')"
    arrived: dict[str, float] = {}
    run_process(
        make_spec(code), ProcessHooks(on_line=lambda line: arrived.update({line: time.monotonic()}))
    )
    assert arrived["last"] - arrived["first"] > 0.3


@pytest.fixture
def terminal_that_says_nothing() -> Iterator[None]:
    """Make standard input of this process a pipe that stays open and empty."""
    reader, writer = os.pipe()
    before = os.dup(0)
    os.dup2(reader, 0)
    yield
    os.dup2(before, 0)
    for descriptor in (reader, writer, before):
        os.close(descriptor)


@pytest.mark.usefixtures("terminal_that_says_nothing")
def test_there_is_nothing_to_read_on_standard_input(make_spec: MakeSpec) -> None:
    result = run_process(
        make_spec("import sys; sys.exit(len(sys.stdin.read()))", deadline_seconds=5), ProcessHooks()
    )
    assert (result.exit_code, result.stop_reason) == (0, None)


STOPS_POLITELY = """
import signal, sys, time
def stop(number, frame):
    print('stopping', flush=True)
    sys.exit(7)
signal.signal(signal.SIGINT, stop)
print('ready', flush=True)
time.sleep(30)
"""
STOPS_NEVER = """
import signal, time
signal.signal(signal.SIGINT, signal.SIG_IGN)
print('ready', flush=True)
time.sleep(30)
"""


def test_a_cancel_interrupts_and_waits_for_the_end(make_spec: MakeSpec) -> None:
    lines: list[str] = []
    result = run_process(
        make_spec(STOPS_POLITELY),
        ProcessHooks(on_line=lines.append, should_stop=lambda: "ready" in lines),
    )
    assert lines == ["ready", "stopping"]
    assert (result.exit_code, result.stop_reason) == (7, StopReason.CANCELED)
    assert not result.was_killed


def test_a_deadline_takes_the_same_path(make_spec: MakeSpec) -> None:
    result = run_process(make_spec(STOPS_POLITELY, deadline_seconds=1), ProcessHooks())
    assert (result.exit_code, result.stop_reason) == (7, StopReason.DEADLINE)


def test_what_does_not_stop_in_its_grace_is_killed_with_its_group(make_spec: MakeSpec) -> None:
    child = "import subprocess; subprocess.Popen(['/bin/sleep', '30'])\n"
    lines: list[str] = []
    groups: list[int] = []
    result = run_process(
        make_spec(child + STOPS_NEVER, grace_seconds=0.3),
        ProcessHooks(
            on_start=lambda identity: groups.append(identity.pgid),
            on_line=lines.append,
            should_stop=lambda: "ready" in lines,
        ),
    )
    assert (result.exit_code, result.was_killed) == (-9, True)
    assert_group_is_empty(groups[0])


def test_it_is_not_killed_before_that_is_confirmed(make_spec: MakeSpec) -> None:
    lines: list[str] = []
    asked_at: list[float] = []

    def should_kill() -> bool:
        asked_at.append(time.monotonic())
        return asked_at[-1] - asked_at[0] > 1.5

    result = run_process(
        make_spec(STOPS_NEVER, grace_seconds=0.1),
        ProcessHooks(
            on_line=lines.append, should_stop=lambda: "ready" in lines, should_kill=should_kill
        ),
    )
    assert result.was_killed
    assert asked_at[-1] - asked_at[0] > 1.5, "the grace period alone kills nothing"


def test_past_its_deadline_it_is_killed_without_asking(make_spec: MakeSpec) -> None:
    result = run_process(
        make_spec(STOPS_NEVER, deadline_seconds=1, grace_seconds=0.1),
        ProcessHooks(should_kill=lambda: False),
    )
    assert (result.stop_reason, result.was_killed) == (StopReason.DEADLINE, True)


def test_children_that_outlive_the_process_are_killed(make_spec: MakeSpec) -> None:
    groups: list[int] = []
    started = time.monotonic()
    run_process(
        make_spec("import subprocess; subprocess.Popen(['/bin/sleep', '30'])"),
        ProcessHooks(on_start=lambda identity: groups.append(identity.pgid)),
    )
    assert time.monotonic() - started < 30
    assert_group_is_empty(groups[0])


@pytest.mark.parametrize("hook", ["on_start", "on_line", "on_poll", "should_stop"])
def test_a_hook_that_raises_stops_the_process_in_good_order_first(
    make_spec: MakeSpec, tmp_path: Path, hook: str
) -> None:
    def fail(*_: object) -> bool:
        deadline = time.monotonic() + 10
        while "ready" not in (tmp_path / "out").read_text() and time.monotonic() < deadline:
            time.sleep(0.01)
        raise HookError(hook)

    with pytest.raises(HookError, match=hook):
        run_process(make_spec(STOPS_POLITELY), ProcessHooks(**{hook: fail}))
    assert (tmp_path / "out").read_text() == "ready\nstopping\n"


def test_a_hook_that_raises_kills_what_does_not_stop(make_spec: MakeSpec) -> None:
    def fail(line: str) -> None:
        raise HookError(line)

    started = time.monotonic()
    with pytest.raises(HookError):
        run_process(make_spec(STOPS_NEVER, grace_seconds=0.3), ProcessHooks(on_line=fail))
    assert time.monotonic() - started < 20


def test_a_signal_from_outside_is_the_exit_code(make_spec: MakeSpec) -> None:
    result = run_process(make_spec("import os; os.kill(os.getpid(), 9)"), ProcessHooks())
    assert (result.exit_code, result.stop_reason, result.was_killed) == (-9, None, False)


def test_a_command_that_does_not_exist_is_said(make_spec: MakeSpec) -> None:
    with pytest.raises(TerraformError, match="could not be started"):
        run_process(replace(make_spec(""), command=["/absent"]), ProcessHooks())


def test_output_that_cannot_be_written_is_said(make_spec: MakeSpec, tmp_path: Path) -> None:
    with pytest.raises(TerraformError, match="output cannot be written"):
        run_process(replace(make_spec(""), stdout_path=tmp_path / "no" / "out"), ProcessHooks())


def test_a_flood_with_huge_and_binary_lines_is_read_in_bounded_memory(make_spec: MakeSpec) -> None:
    code = (
        "import sys; w = sys.stdout.buffer.write\n"
        "for n in range(3): w(b'x' * (40 << 20) + b'\\n' + b'ok\\n')\n"
        "for n in range(50000): w(b'line\\n')\n"
        "w(b'\\xff\\x00\\n')"
    )
    seen: dict[str, int] = {}
    before = psutil.Process().memory_info().rss
    result = run_process(
        make_spec(code),
        ProcessHooks(on_line=lambda line: seen.update({line: seen.get(line, 0) + 1})),
    )
    assert seen == {"ok": 3, "line": 50000, "\ufffd\x00": 1}
    assert result.skipped_lines == 3
    assert psutil.Process().memory_info().rss - before < 60 * 1024 * 1024


def test_a_line_of_the_greatest_length_is_kept_and_one_byte_more_is_not(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"a" * MAX_LINE_BYTES + b"\n" + b"b" * (MAX_LINE_BYTES + 1) + b"\nend")
    tail = LineTail(path)
    assert [len(line) for line in tail.read_rest()] == [MAX_LINE_BYTES, 3]
    assert tail.skipped_lines == 1
    tail.close()


def test_a_zombie_is_dead_and_a_missing_pid_too() -> None:
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    identity = ProcessIdentity.of(pid)
    assert not identity.is_alive()
    os.waitpid(pid, 0)
    assert not identity.is_alive()
    assert not identity.interrupt()
    with pytest.raises(ProcessLookupError):
        ProcessIdentity.of(pid)


def assert_group_is_empty(group: int) -> None:
    deadline = time.monotonic() + 5
    while True:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return
        assert time.monotonic() < deadline, "a member of the group is left"
        time.sleep(0.02)
