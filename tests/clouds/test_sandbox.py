"""Asking the sandbox cloud: over TLS only where the certificate is good for the name."""

from __future__ import annotations

import json
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from app.clouds import sandbox
from app.clouds.found import FoundResource
from app.clouds.login import CloudLogin
from app.config.settings import REPOSITORY_ROOT
from app.errors import CloudSearchError
from tests.logins import login


class Handler(BaseHTTPRequestHandler):
    """Answers what it was given; else as the sandbox cloud does that has nothing."""

    def do_GET(self) -> None:
        server: Any = self.server
        server.heard.append(self.headers["Authorization"])
        server.asked.append(parse_qs(urlsplit(self.path).query))
        answers = server.answers or [(200, b'{"items": [], "next_cursor": null}')]
        status, body = answers.pop(0)
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[Any]:
    made: Any = HTTPServer(("127.0.0.1", 0), Handler)
    made.heard, made.asked, made.answers = [], [], []
    thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield made
    made.shutdown()
    thread.join()
    made.server_close()


def credentials(scheme: str, server: Any) -> CloudLogin:
    return login({"endpoint": f"{scheme}://localhost:{server.server_port}/v1", "token": "t"})


def test_plain_http_is_asked(server: Any) -> None:
    assert sandbox.find_fault(credentials("http", server), "eu-west") is None
    assert sandbox.search(credentials("HTTP", server), "eu-west", "stk_a") == []
    assert server.heard == ["Bearer t", "Bearer t"]


def test_a_certificate_that_nobody_vouches_for_gets_no_token(server: Any, tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
         "-keyout", str(key), "-out", str(certificate)],
        check=True, capture_output=True,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    for scheme in ("https", "HTTPS"):
        fault = sandbox.find_fault(credentials(scheme, server), "eu-west")
        assert fault == "The endpoint does not answer."
    assert server.heard == []


def test_a_rehearsal_loads_what_the_first_search_of_a_process_would() -> None:
    script = (
        "import sys\n"
        "from app.clouds import sandbox, search\n"
        "from app.clouds.login import CloudLogin\n"
        "search.rehearse()\n"
        "before = set(sys.modules)\n"
        "login = CloudLogin({'endpoint': 'http://localhost:1', 'token': ''})\n"
        "sandbox.find_fault(login, 'eu-west')\n"
        "print(*sorted(set(sys.modules) - before))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=REPOSITORY_ROOT, check=True, capture_output=True
    )
    assert done.stdout.split() == []


def page(cursor: str | None, *ids: str) -> tuple[int, bytes]:
    items = [{"id": name, "type": "bucket", "attributes": {"name": name}} for name in ids]
    return 200, json.dumps({"items": items, "next_cursor": cursor}).encode()


@pytest.mark.parametrize("version", ["HTTP/1.0", "HTTP/1.1"])
def test_a_search_follows_the_pages_whether_the_connection_stays_or_not(
    server: Any, version: str
) -> None:
    server.RequestHandlerClass = type("Of", (Handler,), {"protocol_version": version})
    server.answers += [page("a&b=c", "bkt_1"), page("d", "bkt_2"), page(None, "bkt_3")]
    found = sandbox.search(credentials("http", server), "eu-west", "stk_a")
    ids = ("bkt_1", "bkt_2", "bkt_3")
    assert found == [FoundResource(name, "sandbox_bucket", {"name": name}) for name in ids]
    tag = {"tag": ["landform:stack=stk_a"], "limit": ["200"]}
    assert server.asked == [tag, {**tag, "cursor": ["a&b=c"]}, {**tag, "cursor": ["d"]}]


@pytest.mark.parametrize(
    "answer",
    [
        (200, b""),
        (200, b"[]"),
        (200, b"null"),
        (200, b"\xff"),
        (200, b'{"items": [{}]}'),
        (200, b'{"items": 7}'),
        (302, b"{}"),
        (401, b'{"code": "invalid_token"}'),
        (500, b"<html>"),
    ],
)
def test_an_answer_that_is_no_list_is_no_search(server: Any, answer: tuple[int, bytes]) -> None:
    server.answers.append(answer)
    with pytest.raises(CloudSearchError):
        sandbox.search(credentials("http", server), "eu-west", "stk_a")
    assert len(server.heard) == 1, "no redirect is followed and nothing is asked again"


@pytest.mark.parametrize(
    ("endpoint", "token"),
    [
        ("http://127.0.0.1:1/secret", "secret"),
        ("http://127.0.0.1:1999/v1", "secret\nX: y"),
        ("http://127.0.0.1:1999/v1", "secret…"),
        ("http://127.0.0.1:1999/secret secret", "t"),
        ("http://127.0.0.1:secret/v1", "t"),
        ("http://127.0.0.1:99999/secret", "t"),
        ("http://[secret/v1", "t"),
        ("http:///secret", "t"),
        ("ftp://secret/v1", "t"),
        ("file:///secret", "t"),
        ("secret", "t"),
        ("", "secret"),
        ("http://" + "secret." * 60 + "invalid/v1", "t"),
    ],
)
def test_impossible_credentials_are_an_error_that_does_not_show_them(
    endpoint: str, token: str
) -> None:
    given = login({"endpoint": endpoint, "token": token})
    with pytest.raises(CloudSearchError) as caught:
        sandbox.search(given, "eu-west", "stk_a")
    fault = sandbox.find_fault(given, "eu-west")
    assert fault is not None
    assert "secret" not in f"{caught.value} {fault}"
