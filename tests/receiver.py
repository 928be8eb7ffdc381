"""A receiver of webhooks on loopback that checks signatures as its owner would.

Written from the text of Standard Webhooks alone, so it shares no code with what it checks.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TOLERANCE_SECONDS = 300


@dataclass
class Received:
    """One request."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    def is_signed_by(self, secret: str) -> bool:
        """Tell whether one of the signatures was made with ``secret``, and not long ago."""
        stamp = self.headers["webhook-timestamp"]
        if abs(time.time() - int(stamp)) > TOLERANCE_SECONDS:
            return False
        key = base64.b64decode(secret.split("_", 1)[1])
        content = b".".join([self.headers["webhook-id"].encode(), stamp.encode(), self.body])
        expected = base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
        given = [part.split(",", 1) for part in self.headers["webhook-signature"].split(" ")]
        return any(version == "v1" and value == expected for version, value in given)


@dataclass
class Receiver:
    """Answers with ``statuses`` one after another, then 204 for ever."""

    port: int = 0
    statuses: list[int] = field(default_factory=list)
    answer: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    requests: list[Received] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    @property
    def types(self) -> list[str]:
        """What was accepted, in order."""
        return [item.json["type"] for item in self.requests]


@contextmanager
def receiving() -> Iterator[Receiver]:
    """Run a receiver on a free port."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"] or 0))
            names = {name.lower(): value for name, value in self.headers.items()}
            receiver.requests.append(Received(self.path, names, body))
            time.sleep(receiver.seconds)
            status = receiver.statuses.pop(0) if receiver.statuses else 204
            self.send_response(status)
            for name, value in receiver.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(receiver.answer)

        do_GET = do_POST  # noqa: N815  # as http.server calls it

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    receiver.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
