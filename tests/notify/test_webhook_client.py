"""One request, to an address that was checked: whatever DNS, a URL or the receiver tries."""

from __future__ import annotations

import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from ipaddress import ip_network
from pathlib import Path

import pytest

from app.notify.webhook_client import MAX_EXCERPT_BYTES, WebhookClient
from app.outbound.client import resolve_name
from tests.receiver import Receiver, receiving

LOOPBACK = [ip_network("127.0.0.1")]
NOWHERE = "Nothing is sent to hooks.example.com: it has no address to which this Landform sends."
HEADERS = {"Content-Type": "application/json", "webhook-id": "msg_1"}


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


def answers(*addresses: str) -> Callable[[str, int], Sequence[str]]:
    """Return a resolver for which every name leads to ``addresses``."""
    return lambda _host, _port: addresses


class Raw:
    """A server that gets every connection as it is."""

    def __init__(self, behave: Callable[[socket.socket], None]) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.connections = 0
        self._behave = behave
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            with connection:
                try:
                    self._behave(connection)
                except OSError:
                    continue

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()


@pytest.fixture
def raw() -> Iterator[Callable[[Callable[[socket.socket], None]], Raw]]:
    made: list[Raw] = []

    def make(behave: Callable[[socket.socket], None]) -> Raw:
        made.append(Raw(behave))
        return made[-1]

    yield make
    for server in made:
        server.close()


def test_a_message_arrives_whole_with_the_right_host(receiver: Receiver) -> None:
    receiver.answer = b"thanks"
    url = f"http://hooks.example.com:{receiver.port}/a/b?c=d"
    answer = WebhookClient(LOOPBACK, answers("127.0.0.1")).post(url, HEADERS, b'{"a": 1}')
    assert (answer.status, answer.excerpt, answer.error) == (204, "", None)
    assert answer.is_accepted
    (got,) = receiver.requests
    assert (got.path, got.body) == ("/a/b?c=d", b'{"a": 1}')
    assert got.headers["host"] == f"hooks.example.com:{receiver.port}"
    assert got.headers["webhook-id"] == "msg_1"
    assert got.headers["user-agent"].startswith("Landform")
    assert not {"authorization", "cookie", "proxy-authorization"} & set(got.headers)


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "::1", "10.0.0.1", "169.254.169.254", "::ffff:127.0.0.1", "0.0.0.0", "fe80::1%1"],
)
def test_a_name_that_leads_to_a_forbidden_address_is_not_asked(
    receiver: Receiver, address: str
) -> None:
    url = f"http://hooks.example.com:{receiver.port}/"
    answer = WebhookClient((), answers(address)).post(url, HEADERS, b"{}")
    assert answer.status is None
    assert answer.error == NOWHERE
    assert receiver.requests == []


@pytest.mark.parametrize("addresses", [("8.8.8.8", "127.0.0.1"), ("127.0.0.1", "8.8.8.8")])
def test_one_forbidden_address_among_public_ones_is_enough_to_refuse(
    receiver: Receiver, addresses: tuple[str, str]
) -> None:
    url = f"http://hooks.example.com:{receiver.port}/"
    answer = WebhookClient((), answers(*addresses)).post(url, HEADERS, b"{}")
    assert answer.error == NOWHERE
    assert receiver.requests == []


def test_a_name_that_changes_its_address_after_the_check_changes_nothing(
    receiver: Receiver,
) -> None:
    asked: list[str] = []

    def rebinding(host: str, _port: int) -> Sequence[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["10.0.0.1"]

    client = WebhookClient(LOOPBACK, rebinding)
    url = f"http://hooks.example.com:{receiver.port}/"
    assert client.post(url, HEADERS, b"{}").status == 204
    assert asked == ["hooks.example.com"], "it is resolved once for each attempt"
    assert client.post(url, HEADERS, b"{}").error == NOWHERE
    assert len(receiver.requests) == 1


def test_the_check_of_a_url_is_made_again_when_it_is_sent() -> None:
    for url in ("http://127.0.0.1/", "http://[::ffff:7f00:1]/", "http://2130706433/", "file:///x"):
        answer = WebhookClient().post(url, HEADERS, b"{}")
        assert (answer.status, bool(answer.error)) == (None, True), url


def test_a_name_of_loopback_is_refused_with_the_systems_own_resolver(receiver: Receiver) -> None:
    answer = WebhookClient().post(f"http://localhost:{receiver.port}/", HEADERS, b"{}")
    assert answer.error == NOWHERE.replace("hooks.example.com", "localhost")
    assert "127.0.0.1" in resolve_name("localhost", 80)


@pytest.mark.parametrize("failure", [socket.gaierror("no such name"), UnicodeError("label")])
def test_a_name_without_an_address_is_told_like_one_that_leads_inside(failure: Exception) -> None:
    def fail(_host: str, _port: int) -> Sequence[str]:
        raise failure

    for resolve in (fail, answers()):
        answer = WebhookClient((), resolve).post("https://hooks.example.com/", HEADERS, b"{}")
        assert answer.error == NOWHERE


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_an_answer_and_is_not_followed(receiver: Receiver, status: int) -> None:
    receiver.statuses, receiver.headers = [status], {"Location": f"{receiver.url}/elsewhere"}
    answer = WebhookClient(LOOPBACK).post(receiver.url, HEADERS, b"{}")
    assert (answer.status, answer.is_accepted) == (status, False)
    assert [item.path for item in receiver.requests] == ["/hook"]


def test_only_the_beginning_of_an_answer_is_read_and_made_printable(receiver: Receiver) -> None:
    receiver.statuses, receiver.answer = [500], b"\x00\x1b[31mno\xff" + b"x" * 10_000_000
    started = time.monotonic()
    answer = WebhookClient(LOOPBACK).post(receiver.url, HEADERS, b"{}")
    assert time.monotonic() - started < 20
    assert answer.status == 500
    assert len(answer.excerpt) <= MAX_EXCERPT_BYTES
    assert answer.excerpt.startswith("\ufffd\ufffd[31mno\ufffdxxx")


def drip_headers(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    while True:
        connection.sendall(b"a")
        time.sleep(0.05)


def drip_body(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 400\r\n\r\n")
    while True:
        connection.sendall(b"a")
        time.sleep(0.05)


def continue_for_ever(connection: socket.socket) -> None:
    while True:
        connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        time.sleep(0.02)


def say_nothing(connection: socket.socket) -> None:
    while connection.recv(1000):
        pass


@pytest.mark.parametrize("behave", [drip_headers, drip_body, continue_for_ever, say_nothing])
def test_a_server_that_is_slow_on_purpose_is_left_in_time(
    raw: Callable[[Callable[[socket.socket], None]], Raw], behave: Callable[[socket.socket], None]
) -> None:
    server, started = raw(behave), time.monotonic()
    client = WebhookClient(LOOPBACK, answer_seconds=0.6)
    answer = client.post(f"http://127.0.0.1:{server.port}/", HEADERS, b"{}")
    assert time.monotonic() - started < 20
    assert not answer.is_accepted or behave is drip_body
    assert answer.error or behave is drip_body


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"nonsense\r\n\r\n",
        b"HTTP/1.1 abc OK\r\n\r\n",
        b"HTTP/1.1 99999 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 1000 + b"\r\n",
        b"HTTP/1.1 200 " + b"x" * 100_000,
        b"\x16\x03\x01\x02\x00",
    ],
)
def test_what_is_no_answer_is_told_and_raises_nothing(
    raw: Callable[[Callable[[socket.socket], None]], Raw], said: bytes
) -> None:
    def answer_badly(connection: socket.socket) -> None:
        connection.recv(10_000)
        connection.sendall(said)

    server = raw(answer_badly)
    answer = WebhookClient(LOOPBACK).post(f"http://127.0.0.1:{server.port}/", HEADERS, b"{}")
    assert (answer.status, bool(answer.error)) == (None, True)


def test_a_port_where_nobody_listens_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    answer = WebhookClient(LOOPBACK).post(f"http://127.0.0.1:{port}/", HEADERS, b"{}")
    assert answer.error == "The connection was refused."


def test_the_next_address_is_tried_when_one_does_not_answer(receiver: Receiver) -> None:
    allowed = [ip_network("127.0.0.0/8")]
    client = WebhookClient(allowed, answers("127.0.0.9", "127.0.0.1"))
    assert client.post(f"http://a.example:{receiver.port}/", HEADERS, b"{}").status == 204


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for hooks.example.com, with its key, that nobody else trusts."""
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
         "-subj", "/CN=hooks.example.com", "-addext", "subjectAltName=DNS:hooks.example.com",
         "-keyout", str(path), "-out", str(path.with_suffix(".crt"))],
        check=True, capture_output=True,
    )  # fmt: skip
    with path.open("ab") as file:
        file.write(path.with_suffix(".crt").read_bytes())
    return path


@pytest.fixture
def secure(
    raw: Callable[[Callable[[socket.socket], None]], Raw], certificate: Path
) -> tuple[Raw, list[str | None]]:
    """A TLS server, and the names that clients asked it for (SNI)."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    names: list[str | None] = []
    context.sni_callback = lambda _socket, name, _context: names.append(name)

    def answer(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as encrypted:
            received = b""
            while not received.endswith(b"{}"):  # closing on unread bytes would reset the answer
                received += encrypted.recv(10_000)
            encrypted.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    return raw(answer), names


def test_tls_is_checked_against_the_name_and_not_the_address(
    secure: tuple[Raw, list[str | None]], certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, names = secure
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.with_suffix(".crt")))
    client = WebhookClient(LOOPBACK, answers("127.0.0.1"))
    answer = client.post(f"https://hooks.example.com:{server.port}/", HEADERS, b"{}")
    assert (answer.status, answer.excerpt, answer.error) == (200, "ok", None)
    assert names == ["hooks.example.com"]
    other = client.post(f"https://other.example.com:{server.port}/", HEADERS, b"{}")
    assert (other.status, "certificate is not valid" in (other.error or "")) == (None, True)


def test_a_certificate_that_nobody_vouches_for_is_refused(
    secure: tuple[Raw, list[str | None]],
) -> None:
    server, _ = secure
    client = WebhookClient(LOOPBACK, answers("127.0.0.1"))
    answer = client.post(f"https://hooks.example.com:{server.port}/", HEADERS, b"{}")
    assert "certificate is not valid" in (answer.error or "")


def test_a_proxy_of_the_environment_is_not_used(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1999")
    assert WebhookClient(LOOPBACK).post(receiver.url, HEADERS, b"{}").status == 204


def test_a_header_with_a_line_break_is_never_sent(receiver: Receiver) -> None:
    answer = WebhookClient(LOOPBACK).post(receiver.url, {"webhook-id": "a\r\nEvil: x"}, b"{}")
    assert answer.error
    assert receiver.requests == []
