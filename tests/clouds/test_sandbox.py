"""Asking the sandbox cloud: over TLS only where the certificate is good for the name."""

from __future__ import annotations

import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from app.clouds import sandbox
from app.settings import REPOSITORY_ROOT


class Handler(BaseHTTPRequestHandler):
    """Answers as the sandbox cloud does that has nothing."""

    def do_GET(self) -> None:
        body = b'{"items": [], "next_cursor": null}'
        self.server.heard.append(self.headers["Authorization"])  # type: ignore[attr-defined]
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[HTTPServer]:
    made = HTTPServer(("127.0.0.1", 0), Handler)
    made.heard = []  # type: ignore[attr-defined]
    thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield made
    made.shutdown()
    thread.join()
    made.server_close()


def credentials(scheme: str, server: HTTPServer) -> dict[str, str]:
    return {"endpoint": f"{scheme}://localhost:{server.server_port}/v1", "token": "t"}


def test_plain_http_is_asked(server: HTTPServer) -> None:
    assert sandbox.find_fault(credentials("http", server), "eu-west") is None
    assert sandbox.search(credentials("HTTP", server), "eu-west", "stk_a") == []
    assert server.heard == ["Bearer t", "Bearer t"]  # type: ignore[attr-defined]


def test_a_certificate_that_nobody_vouches_for_gets_no_token(
    server: HTTPServer, tmp_path: Path
) -> None:
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
        assert fault == "The endpoint does not answer: ConnectError."
    assert server.heard == []  # type: ignore[attr-defined]


def test_a_rehearsal_loads_what_the_first_search_of_a_process_would() -> None:
    script = (
        "import sys\n"
        "from app.clouds import sandbox, search\n"
        "search.rehearse()\n"
        "before = set(sys.modules)\n"
        "sandbox.find_fault({'endpoint': 'http://127.0.0.1:1', 'token': ''}, 'eu-west')\n"
        "print(*sorted(set(sys.modules) - before))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=REPOSITORY_ROOT, check=True, capture_output=True
    )
    assert [name for name in done.stdout.decode().split() if name.startswith("http")] == []
