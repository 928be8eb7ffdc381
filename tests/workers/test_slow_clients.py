"""What a slow client gets: its request gathered, its answer kept for it, and only so much time."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.slow_clients import (
    MAX_GATHERED,
    MAX_HEAD,
    MAX_LEFT,
    Gathered,
    PacedSocket,
    ReadPace,
    SlowClientError,
)

HEAD = b"POST /api/v1/networks HTTP/1.1\r\nHost: x\r\n"
REQUESTS = {
    b"GET / HTTP/1.1\r\nHost: x\r\n\r\n": "no body",
    HEAD + b"Content-Length: 5\r\n\r\nhello": "a body",
    HEAD + b"content-length:5\r\nX: y\r\n\r\nhello": "in small letters",
    b"\r\n\r\n" + HEAD + b"Content-Length: 5\r\n\r\nhello": "empty lines before it",
    HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n": "chunks",
    HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n": "no chunk",
    HEAD + b"Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0;a=b\r\nT: u\r\n\r\n": "a trailer",
}


@pytest.mark.parametrize("request_", REQUESTS, ids=REQUESTS.values())
def test_a_request_is_complete_with_its_last_byte(request_: bytes) -> None:
    gathered = Gathered()
    for place in range(len(request_)):
        assert not gathered.is_complete, request_[:place]
        gathered.add(request_[place : place + 1])
    assert gathered.is_complete
    assert gathered.take() == request_
    assert not gathered.is_complete


@given(st.sampled_from(sorted(REQUESTS)), st.lists(st.integers(1, 40), max_size=12))
def test_it_does_not_matter_how_a_request_is_cut(request_: bytes, cuts: list[int]) -> None:
    gathered, place = Gathered(), 0
    for size in cuts:
        gathered.add(request_[place : place + size])
        place += size
        assert gathered.is_complete is (place >= len(request_))
    gathered.add(request_[place:])
    assert gathered.is_complete


def test_what_is_too_long_is_not_waited_for() -> None:
    endless, huge, chunks = Gathered(), Gathered(), Gathered()
    endless.add(b"GET / HTTP/1.1\r\nX: " + b"x" * MAX_HEAD)
    assert endless.is_endless
    assert not endless.is_complete
    huge.add(HEAD + b"Content-Length: 99999999999\r\n\r\n")
    chunks.add(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
    for gathered in (huge, chunks):
        gathered.add(b"x" * (MAX_GATHERED - 1000))
        assert not gathered.is_complete
        gathered.add(b"x" * 1000)
        assert gathered.is_complete


@pytest.mark.parametrize("value", ["100-continue", "100-Continue"])
def test_a_client_that_waits_for_continue_is_noticed(value: str) -> None:
    gathered = Gathered()
    gathered.add(HEAD + b"Content-Length: 5\r\nExpect: ")
    assert not gathered.waits_for_continue
    gathered.add(value.encode() + b"\r\n\r\n")
    assert gathered.waits_for_continue


Pair = tuple[PacedSocket, socket.socket]


@pytest.fixture
def pair() -> Iterator[Pair]:
    """A connection with a very short patience, and its client."""
    server, client = socket.socketpair()
    paced = PacedSocket.of(server, ReadPace(0.2, 0.2, 0.2))
    yield paced, client
    paced.close()
    client.close()


def test_a_body_that_stops_is_waited_for_no_longer(pair: Pair) -> None:
    paced, client = pair
    paced.begin()
    client.sendall(b"x")
    assert paced.recv(10) == b"x"
    with pytest.raises(SlowClientError):
        paced.recv(10)


def test_a_body_that_trickles_is_not_waited_for_for_ever(pair: Pair) -> None:
    paced, client = pair
    stopped = threading.Event()

    def trickle() -> None:
        while not stopped.wait(0.02):
            client.send(b"x")

    thread = threading.Thread(target=trickle)
    thread.start()
    paced.begin()
    try:
        with pytest.raises(SlowClientError):
            any(not paced.recv(10) for _ in iter(int, 1))
    finally:
        stopped.set()
        thread.join()


def test_an_answer_that_is_not_taken_is_left_with_the_poller(pair: Pair) -> None:
    paced, client = pair
    body = bytes(range(256)) * (MAX_LEFT // 256)
    paced.sendall(body)
    assert paced.left
    received = bytearray()
    while len(received) < len(body):
        received += client.recv(1 << 20)
        paced.flush()
    assert (bytes(received), bytes(paced.left)) == (body, b"")


def test_a_long_answer_that_nobody_takes_gives_its_thread_back(pair: Pair) -> None:
    paced, _ = pair
    with pytest.raises(SlowClientError):
        paced.sendall(b"x" * (4 * MAX_LEFT))


def test_a_stream_whose_reader_has_stopped_ends(pair: Pair) -> None:
    paced, _ = pair

    def tell() -> None:
        while True:
            paced.sendall(b"data: x\n\n" * 1000)
            time.sleep(0.05 if paced.left else 0)

    with pytest.raises(SlowClientError):
        tell()


def test_a_reader_that_keeps_up_is_never_dropped(pair: Pair) -> None:
    paced, client = pair
    for _event in range(50):
        paced.sendall(b"data: x\n\n")
        time.sleep(0.01)
        assert client.recv(100) == b"data: x\n\n"
    assert paced.seconds_left() == paced.pace.answer
