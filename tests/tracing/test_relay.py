"""Spans cross from a worker to the agent; an agent that is gone or stuck is never waited for."""

from __future__ import annotations

import queue
import socket
import stat
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from app.tracing.context import new_trace
from app.tracing.relay import MAX_DATAGRAM, MAX_KEPT, RelayReceiver, RelaySender
from app.tracing.span import Span

PATIENCE_SECONDS = 60


def some_span(name: str = "apply", **attributes: str) -> Span:
    return Span(name, new_trace(1.0), None, 1, 2, attributes=attributes)


class Received:
    """What the agent got."""

    def __init__(self, path: Path) -> None:
        self._all: queue.Queue[Any] = queue.Queue()
        receiver = RelayReceiver(
            path, self._all.put, lambda parent, body: self._all.put((parent, body))
        )
        receiver.start()

    def next(self) -> Any:
        return self._all.get(timeout=PATIENCE_SECONDS)


@pytest.fixture
def sender(path: Path) -> Iterator[RelaySender]:
    with closing(RelaySender(path)) as made:
        yield made


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "traces" / "relay.sock"


def send_until_heard(sender: RelaySender, received: Received, span: Span) -> Any:
    """Send again until the thread listens."""
    while True:
        sender.send(span)
        try:
            return received._all.get(timeout=0.05)
        except queue.Empty:
            continue


def test_spans_and_exports_of_terraform_arrive(path: Path, sender: RelaySender) -> None:
    received, span, parent = Received(path), some_span(), new_trace(1.0)
    assert send_until_heard(sender, received, span) == span
    sender.send_terraform(parent, b"\x0a\n\x00")
    while (got := received.next()) == span:
        pass
    assert got == (parent, b"\x0a\n\x00")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_what_is_no_span_ends_nothing(path: Path, sender: RelaySender) -> None:
    received, span = Received(path), some_span()
    send_until_heard(sender, received, span)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as foreign:
        for datagram in (b"", b"S", b"S{}", b"S[1]", b"T", b"Tno trace\nbody", b"X", b"\xff"):
            foreign.sendto(datagram, str(path))
    last = some_span("last")
    sender.send(last)
    while (got := received.next()) == span:
        pass
    assert got == last


def test_with_nobody_there_spans_are_dropped(sender: RelaySender) -> None:
    for _ in range(10):
        sender.send(some_span())
    assert len(sender._kept) == 0


def test_an_agent_that_takes_nothing_is_not_waited_for_and_gets_the_newest_later(
    path: Path, sender: RelaySender
) -> None:
    path.parent.mkdir()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as stuck:
        stuck.bind(str(path))
        for number in range(3 * MAX_KEPT):
            sender.send(some_span(f"span {number}"))
        assert len(sender._kept) == MAX_KEPT, "full, and it went on"
        names = []
        stuck.setblocking(False)
        for _ in range(4 * MAX_KEPT):
            try:
                names.append(stuck.recv(MAX_DATAGRAM))
            except BlockingIOError:
                sender.send(some_span("last"))
                if not sender._kept:
                    break
    assert any(f'"span {3 * MAX_KEPT - 1}"'.encode() in name for name in names)


def test_what_is_too_large_is_left_out(path: Path, sender: RelaySender) -> None:
    path.parent.mkdir()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as agent:
        agent.bind(str(path))
        sender.send_terraform(new_trace(1.0), b"x" * (MAX_DATAGRAM + 1))
        sender.send(some_span("small"))
        assert b'"small"' in agent.recv(MAX_DATAGRAM)
