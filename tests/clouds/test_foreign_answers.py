"""A hostile endpoint may answer what it likes: an error in words, in time, never a crash."""

from __future__ import annotations

import gzip
import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from botocore.config import Config
from hypothesis import given, settings
from hypothesis import strategies as st

from app.clouds import (
    aws,
    aws_search,
    aws_session,
    aws_transport,
    azure,
    azure_search,
    gcp,
    gcp_search,
    json_api,
    sandbox,
)
from app.clouds.login import CloudLogin
from app.errors import CloudSearchError
from app.outbound.client import OutboundClient
from tests.logins import LOOPBACK
from tests.moto_cloud import KEYS
from tests.stand_ins.clouds import credentials

ROLE = "arn:aws:iam::123456789012:role/landform"
XML = b'<?xml version="1.0"?>'
STS = XML + b"<AssumeRoleResponse><AssumeRoleResult>%s</AssumeRoleResult></AssumeRoleResponse>"
ENTITIES = b"".join(
    b'<!ENTITY e%d "%s">' % (n, b"&e%d;" % (n - 1) * 10 if n else b"lol") for n in range(12)
)


class Hostile:
    """Answers each request with the same bytes, whatever is asked."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=50)
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.behave: Callable[[socket.socket], None] = lambda _: None
        self.asked = 0
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def answer(self, body: bytes, *headers: bytes, status: bytes = b"200 OK") -> None:
        head = b"HTTP/1.1 " + status + b"\r\n" + b"".join(line + b"\r\n" for line in headers)
        whole = head + b"Content-Length: %d\r\n\r\n" % len(body) + body
        self.behave = lambda connection: connection.sendall(whole)

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.asked += 1
            with connection:
                try:
                    connection.recv(65536)
                    self.behave(connection)
                except OSError:
                    continue

    def close(self) -> None:
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join(10)


@pytest.fixture(scope="module")
def hostile() -> Iterator[Hostile]:
    made = Hostile()
    yield made
    made.close()


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Try each request once: waiting before the next try is not what is looked at here."""
    once = Config(retries={"mode": "standard", "total_max_attempts": 1})
    monkeypatch.setattr(aws_session, "CLIENT", aws_session.CLIENT.merge(once))


def ask_all(url: str, seconds: float = 2.0) -> list[str]:
    """Sign in and search by every adapter; return what was said, which must be an error."""
    outbound = OutboundClient(LOOPBACK, answer_seconds=seconds, max_bytes=100_000)
    key = CloudLogin({**KEYS, "endpoint": url}, outbound)
    role = CloudLogin({**KEYS, "role_arn": ROLE, "endpoint": url}, outbound)
    box = CloudLogin({"token": "canary-token", "endpoint": url}, outbound)
    said = [str(aws.find_fault(role, "eu-west-1")), str(sandbox.find_fault(box, "eu-west"))]
    google = CloudLogin(credentials("gcp", "canary-token", url), outbound)
    entra = CloudLogin(credentials("azure", "canary-token", url), outbound)
    said += [str(gcp.find_fault(google, "a")), str(azure.find_fault(entra, "a"))]
    searches = ((aws_search, key), (sandbox, box), (gcp_search, google), (azure_search, entra))
    for search, login in ((module.search, login) for module, login in searches):
        try:
            search(login, "eu-west-1", "stk_1")
        except CloudSearchError as error:
            said.append(error.detail)
    assert "canary" not in " ".join(said)
    return said


def keys(**changed: bytes) -> bytes:
    found = {"AccessKeyId": b"a", "SecretAccessKey": b"b", "SessionToken": b"c", **changed}
    inside = b"".join(b"<%s>%s</%s>" % (n.encode(), v, n.encode()) for n, v in found.items())
    return STS % b"<Credentials>%s</Credentials>" % inside


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\0" * 100,
        b"<html>no</html>",
        XML + b"<a>",
        XML + b"<a>" * 50_000,
        XML + b"<!DOCTYPE a [" + ENTITIES + b"]><a>&e11;</a>",
        STS % b"",
        STS % b"<Credentials/>",
        STS % b"<Credentials><AccessKeyId><x/></AccessKeyId></Credentials>",
        keys(Expiration=b"never"),
        keys(AccessKeyId=b"a\r\nX-Evil: 1"),
        b"[]",
        b"null",
        b"7",
        b'"a"',
        b"{}",
        b"[" * 50_000,
        b'{"ResourceTagMappingList": 7}',
        b'{"ResourceTagMappingList": [null]}',
        b'{"ResourceTagMappingList": [{"ResourceARN": 7, "Tags": {}}]}',
        b'{"items": [7], "next_cursor": null}',
        b'{"items": [{"id": [], "type": {}, "attributes": []}]}',
        b'{"items": {"a": 1}}',
        b"\xff\xfe",
        b"x" * 2_000_000,
    ],
    ids=lambda body: f"{body[:40]!r}",
)
def test_an_answer_of_any_form_is_an_error_in_words(hostile: Hostile, body: bytes) -> None:
    hostile.answer(body, status=b"200 OK" if len(body) % 3 else b"400 Bad Request")
    assert len(ask_all(hostile.url)) == 8


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_is_followed(hostile: Hostile, status: int) -> None:
    elsewhere = Hostile()
    try:
        elsewhere.answer(b"{}")
        hostile.answer(b"", b"Location: " + elsewhere.url.encode(), status=b"%d Elsewhere" % status)
        ask_all(hostile.url)
        assert elsewhere.asked == 0
    finally:
        elsewhere.close()


def test_what_is_compressed_stays_so(hostile: Hostile) -> None:
    bomb = gzip.compress(b"x" * 50_000_000)
    hostile.answer(bomb, b"Content-Encoding: gzip")
    assert len(bomb) < 100_000, "so that it is not its length that is refused"
    assert len(ask_all(hostile.url)) == 8


def drip(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n")
    while True:
        connection.sendall(b" ")
        time.sleep(0.05)


def grow(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        connection.sendall(b"x" * 65536)


def many_headers(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 100_000)


def close_at_once(connection: socket.socket) -> None:
    connection.close()


@pytest.mark.parametrize("behave", [drip, grow, many_headers, close_at_once])
def test_a_server_that_never_ends_is_left(
    hostile: Hostile, behave: Callable[[socket.socket], None]
) -> None:
    hostile.behave = behave
    assert len(ask_all(hostile.url, seconds=0.3)) == 8


def test_a_search_that_never_ends_is_given_up(
    hostile: Hostile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sandbox, "MAX_PAGES", 5)
    monkeypatch.setattr(aws_transport, "MAX_REQUESTS", 5)
    monkeypatch.setattr(json_api, "MAX_REQUESTS", 5)
    counter = iter(range(10_000))

    def one_more(connection: socket.socket) -> None:
        mark = next(counter)
        body = (
            b'{"items": [], "next_cursor": "%d", '
            b'"ResourceTagMappingList": [], "PaginationToken": "%d", '
            b'"access_token": "t", "results": [], "nextPageToken": "%d"}' % (mark, mark, mark)
        )
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)

    hostile.behave = one_more
    before = hostile.asked
    ask_all(hostile.url)
    assert hostile.asked - before <= 26


def test_the_name_of_an_error_is_made_printable(hostile: Hostile) -> None:
    code = "\u202eevil\x9b" + "x" * 500
    body = XML + f"<ErrorResponse><Error><Code>{code}</Code></Error></ErrorResponse>".encode()
    hostile.answer(body, status=b"400 Bad Request")
    fault = ask_all(hostile.url)[0]
    assert fault.isascii()
    assert len(fault) < 120


@given(st.binary(max_size=300), st.sampled_from([b"200 OK", b"403 Forbidden", b"500 Oh"]))
@settings(max_examples=12)
def test_any_bytes_are_an_error_in_words(body: bytes, status: bytes) -> None:
    server = Hostile()
    try:
        server.answer(body, status=status)
        assert len(ask_all(server.url)) == 8
    finally:
        server.close()
