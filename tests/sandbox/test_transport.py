"""The provider's connections to the cloud: kept for reads, and no change is ever sent twice."""

from __future__ import annotations

import select
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from io import BufferedReader
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from tf.utils import Diagnostics

from sandbox.provider.client import CloudClient
from sandbox.provider.connection import Connection
from sandbox.provider.transport import MAX_IDLE_CONNECTIONS, CloudUnreachableError, Transport
from tests.ports import free_port
from tests.sandbox.examples import NETWORK
from tests.sandbox_cloud import Service

WHOLE = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
LAST = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}"
HALF = b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"
UNASKED = b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n"
NOTHING = b""
PATIENCE_SECONDS = 30


class ScriptedCloud:
    """Answers what the script says: for each connection the answers, after which it is closed.

    Connections beyond the script are answered for ever. ``heard`` has the number of the connection
    and the method of each request.
    """

    def __init__(self, *script: list[bytes]) -> None:
        self.heard: list[tuple[int, str]] = []
        self.ended = [threading.Event() for _ in script]
        self.connected: list[socket.socket] = []
        self._script = script
        self._server = socket.create_server(("127.0.0.1", 0))
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()
        self.url = f"http://127.0.0.1:{self._server.getsockname()[1]}/v1"

    def _accept(self) -> None:
        for number in range(1000):
            try:
                connected, _ = self._server.accept()
            except OSError:
                return
            self.connected.append(connected)
            self._threads.append(threading.Thread(target=self._serve, args=(number, connected)))
            self._threads[-1].start()

    def _serve(self, number: int, connected: socket.socket) -> None:
        connected.settimeout(PATIENCE_SECONDS)
        is_scripted = number < len(self._script)
        with connected, connected.makefile("rb") as stream, suppress(ConnectionError):
            for answer in self._script[number] if is_scripted else [WHOLE] * 1000:
                method = _read_request(stream)
                if not method:
                    break
                self.heard.append((number, method))
                if answer == NOTHING:
                    break
                connected.sendall(answer)
        if is_scripted:
            self.ended[number].set()

    def stop(self) -> None:
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        for thread in self._threads:
            thread.join(PATIENCE_SECONDS)


def _read_request(stream: BufferedReader) -> str:
    """Return the method of a whole request; nothing when there is no more."""
    method, length = stream.readline().split(b" ", 1)[0].decode(), 0
    while (line := stream.readline()) not in (b"", b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    stream.read(length)
    return method


@pytest.fixture
def scripted() -> Iterator[list[ScriptedCloud]]:
    """Holds the clouds of a test, to be stopped after it."""
    clouds: list[ScriptedCloud] = []
    yield clouds
    for cloud in clouds:
        cloud.stop()


@pytest.fixture
def transports() -> Iterator[list[Transport]]:
    made: list[Transport] = []
    yield made
    for transport in made:
        transport.close()


class Talk:
    """A transport and the cloud it talks to."""

    def __init__(self, cloud: ScriptedCloud) -> None:
        self.cloud = cloud
        self.transport = Transport(urlsplit(cloud.url))

    def send(self, method: str = "GET") -> tuple[int, bytes]:
        return self.transport.send(method, "/v1/x", b"{}" if method != "GET" else None, {})


@pytest.fixture
def talk(
    request: pytest.FixtureRequest, scripted: list[ScriptedCloud], transports: list[Transport]
) -> Talk:
    scripted.append(ScriptedCloud(*request.param))
    talk = Talk(scripted[-1])
    transports.append(talk.transport)
    return talk


def script(*connections: list[bytes]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("talk", [connections], indirect=True)


@script()
def test_reads_one_after_another_share_a_connection(talk: Talk) -> None:
    assert [talk.send() for _ in range(3)] == [(200, b"{}")] * 3
    assert talk.cloud.heard == [(0, "GET")] * 3


@script([WHOLE])
def test_a_connection_that_was_closed_while_idle_is_replaced(talk: Talk) -> None:
    talk.send()
    talk.cloud.ended[0].wait(PATIENCE_SECONDS)
    assert talk.send() == (200, b"{}")
    assert talk.cloud.heard == [(0, "GET"), (1, "GET")]


@script([WHOLE, NOTHING])
def test_a_read_on_a_connection_that_dies_under_it_is_sent_again(talk: Talk) -> None:
    talk.send()
    assert talk.send() == (200, b"{}")
    assert talk.cloud.heard == [(0, "GET"), (0, "GET"), (1, "GET")]


@script([NOTHING])
def test_a_read_on_a_new_connection_that_dies_is_left_to_the_client(talk: Talk) -> None:
    with pytest.raises(CloudUnreachableError):
        talk.send()
    assert talk.cloud.heard == [(0, "GET")]


@script([WHOLE, NOTHING], [NOTHING])
def test_a_read_is_sent_again_only_once(talk: Talk) -> None:
    talk.send()
    with pytest.raises(CloudUnreachableError):
        talk.send()
    assert talk.cloud.heard == [(0, "GET"), (0, "GET"), (1, "GET")]


@pytest.mark.parametrize("method", ["POST", "PATCH", "DELETE"])
@script([WHOLE, WHOLE], [NOTHING])
def test_a_change_goes_over_a_new_connection_and_only_once(talk: Talk, method: str) -> None:
    talk.send()
    with pytest.raises(CloudUnreachableError) as caught:
        talk.send(method)
    assert caught.value.was_sent
    assert talk.cloud.heard == [(0, "GET"), (1, method)]


@script()
def test_a_read_may_follow_on_the_connection_of_a_change(talk: Talk) -> None:
    talk.send("POST")
    talk.send()
    assert talk.cloud.heard == [(0, "POST"), (0, "GET")]


@script([WHOLE])
def test_a_change_that_finds_no_cloud_was_not_sent(talk: Talk) -> None:
    talk.send()
    nowhere = Transport(urlsplit(f"http://127.0.0.1:{free_port()}/v1"))
    with pytest.raises(CloudUnreachableError) as caught:
        nowhere.send("POST", "/v1/x", b"{}", {})
    assert not caught.value.was_sent


@script([LAST, WHOLE])
def test_an_answer_that_says_it_was_the_last_ends_the_connection(talk: Talk) -> None:
    talk.send()
    talk.send()
    assert talk.cloud.heard == [(0, "GET"), (1, "GET")]


@script([WHOLE, WHOLE])
def test_an_answer_that_nobody_asked_for_is_taken_for_no_other(talk: Talk) -> None:
    assert talk.send() == (200, b"{}")
    talk.cloud.connected[0].sendall(UNASKED)
    select.select([talk.transport._idle[0].sock], [], [], PATIENCE_SECONDS)
    assert talk.send() == (200, b"{}")
    assert talk.cloud.heard == [(0, "GET"), (1, "GET")]


@script([HALF], [WHOLE])
def test_half_an_answer_is_an_error_and_its_connection_is_not_used_again(talk: Talk) -> None:
    with pytest.raises(CloudUnreachableError) as caught:
        talk.send()
    assert caught.value.was_sent
    assert talk.send() == (200, b"{}")
    assert talk.cloud.heard == [(0, "GET"), (1, "GET")]


@script([WHOLE] * 2)
def test_a_closed_transport_keeps_nothing(talk: Talk) -> None:
    talk.send()
    talk.transport.close()
    assert talk.cloud.ended[0].wait(PATIENCE_SECONDS)
    talk.send()
    talk.send()
    assert talk.cloud.heard == [(0, "GET"), (1, "GET"), (2, "GET")]


@script()
def test_many_at_once_leave_no_more_than_some_connections(talk: Talk) -> None:
    together = threading.Barrier(3 * MAX_IDLE_CONNECTIONS)
    answers: list[tuple[int, bytes]] = []

    def send() -> None:
        together.wait(PATIENCE_SECONDS)
        answers.append(talk.send())

    threads = [threading.Thread(target=send) for _ in range(together.parties)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_SECONDS)
    assert answers == [(200, b"{}")] * together.parties
    assert len(talk.transport._idle) <= MAX_IDLE_CONNECTIONS


@script([WHOLE] * 2)
def test_another_configuration_closes_what_the_last_one_opened(talk: Talk) -> None:
    connection, diagnostics = Connection(environ={}), Diagnostics()
    connection.configure(diagnostics, {"endpoint": talk.cloud.url, "token": "t"})
    client = connection.get_client(diagnostics)
    assert client is not None
    client.delete("x")
    connection.configure(diagnostics, {"endpoint": talk.cloud.url, "token": "other"})
    assert talk.cloud.ended[0].wait(PATIENCE_SECONDS)
    assert connection.get_client(diagnostics) is not client
    assert not diagnostics.has_errors()


def test_a_restarted_service_is_read_over_a_new_connection(tmp_path: Path) -> None:
    service = Service(tmp_path)
    service.start()
    try:
        client = CloudClient(service.endpoint, service.make_account("restarted"))
        created = client.create("network", NETWORK, {})
        assert client.get(created.id) == client.get(created.id)
        service.stop()
        service.start()
        assert client.get(created.id).attributes["name"] == "net"
        assert client.update(created.id, {"name": "other"}, {}).attributes["name"] == "other"
        client.close()
    finally:
        service.stop()


def test_kept_connections_leave_the_threads_of_the_service_to_others(service: Service) -> None:
    url, token = urlsplit(service.endpoint), service.make_account("idle")
    transports = [Transport(url) for _ in range(40)]
    headers = {"Authorization": f"Bearer {token}"}
    for _ in range(2):
        for transport in transports:
            assert transport.send("GET", "/v1/faults", None, headers)[0] == 200
    for transport in transports:
        transport.close()


@script([WHOLE], [WHOLE])
def test_an_answer_without_measure_is_an_error(talk: Talk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sandbox.provider.transport.MAX_ANSWER_BYTES", 1)
    with pytest.raises(CloudUnreachableError, match="too long"):
        talk.send()
    monkeypatch.setattr("sandbox.provider.transport.MAX_ANSWER_BYTES", 2)
    assert talk.send() == (200, b"{}")
