"""A proxy before moto: lost answers, faults, throttling, and answers that moto has not."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from fnmatch import fnmatch
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

from tests.aws_actions import Call, service_of

EC2_FAULT = (
    "<Response><Errors><Error><Code>{code}</Code><Message>As the test wants</Message></Error>"
    "</Errors><RequestID>test</RequestID></Response>"
)
FAULT = (
    "<ErrorResponse><Error><Code>{code}</Code><Message>As the test wants</Message></Error>"
    "<RequestId>test</RequestId></ErrorResponse>"
)


@dataclass
class Rule:
    """What happens to a call: held back after it was done, or answered with a fault instead."""

    action: str
    times: int = 1
    status: int = 0
    code: str = ""
    reached: threading.Event = field(default_factory=threading.Event)


class Proxy:
    """Forwards everything to ``port`` on loopback but what a rule names."""

    def __init__(self, port: int) -> None:
        self.calls: list[Call] = []
        self.rules: list[Rule] = []
        self.replies: dict[str, bytes] = {}
        self.amendments: list[tuple[str, re.Pattern[bytes], bytes]] = []
        self._ended = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler(port))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def hold_answer_of(self, action: str) -> Rule:
        """Let the next such call happen, and never answer it."""
        return self._add(Rule(action))

    def fail(self, action: str, status: int, code: str, times: int = 1) -> Rule:
        """Answer the next calls whose action fits the pattern with a fault."""
        return self._add(Rule(action, times, status, code))

    def reply(self, pattern: str, body: Any) -> None:
        """Answer every call whose action fits the pattern with this JSON, without asking moto."""
        self.replies[pattern] = json.dumps(body).encode()

    def amend(self, pattern: str, old: bytes, new: bytes) -> None:
        """Put ``new`` for what fits the regular expression ``old`` in answers to such calls."""
        self.amendments.append((pattern, re.compile(old, re.DOTALL), new))

    def close(self) -> None:
        self._ended.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)

    def _add(self, rule: Rule) -> Rule:
        self.rules.append(rule)
        return rule

    def _take(self, action: str) -> Rule | None:
        for rule in self.rules:
            if fnmatch(action, rule.action) and rule.times > 0:
                rule.times -= 1
                return rule
        return None

    def _amend(self, action: str, data: bytes) -> bytes:
        for pattern, old, new in self.amendments:
            data = old.sub(new, data) if fnmatch(action, pattern) else data
        return data

    def _find_reply(self, action: str) -> bytes | None:
        return next((body for key, body in self.replies.items() if fnmatch(action, key)), None)

    def _handler(self, port: int) -> type[BaseHTTPRequestHandler]:
        take: Callable[[str], Rule | None] = self._take
        find_reply: Callable[[str], bytes | None] = self._find_reply
        calls, amend = self.calls, self._amend
        ended = self._ended

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def forward(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                action = action_of(self, body)
                calls.append(Call(service_of(self.headers.get("Authorization", "")), action))
                rule = take(action)
                if rule is not None and rule.status:
                    self.answer(rule.status, fault_of(self, rule.code))
                    rule.reached.set()
                    return
                if (reply := find_reply(action)) is not None:
                    self.answer(200, reply, [("Content-Type", "application/json")])
                    return
                headers = dict(self.headers.items())
                with closing(HTTPConnection("127.0.0.1", port, timeout=60)) as upstream:
                    upstream.request(self.command, self.path, body, headers)
                    got = upstream.getresponse()
                    data = amend(action, got.read())
                if rule is not None:
                    rule.reached.set()
                    ended.wait(120)
                    return
                self.answer(got.status, data, got.getheaders())

            def answer(
                self, status: int, data: bytes, headers: list[tuple[str, str]] | None = None
            ) -> None:
                self.send_response_only(status)
                skipped = {"content-length", "transfer-encoding", "connection"}
                for name, value in headers or [("Content-Type", "text/xml")]:
                    if name.lower() not in skipped:
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(data)

            def log_message(self, *_: object) -> None:
                pass

            do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = forward  # noqa: N815 (http.server's names)

        return Handler


def fault_of(request: BaseHTTPRequestHandler, code: str) -> bytes:
    """Return a fault in the words of the protocol that the caller speaks."""
    if request.headers.get("X-Amz-Target"):
        return json.dumps({"__type": code, "message": "As the test wants"}).encode()
    is_ec2 = service_of(request.headers.get("Authorization", "")) == "ec2"
    return (EC2_FAULT if is_ec2 else FAULT).format(code=code).encode()


def action_of(request: BaseHTTPRequestHandler, body: bytes) -> str:
    """Return the operation that a call names, or its method and path where REST names none."""
    target = request.headers.get("X-Amz-Target")
    if target:
        return target.rpartition(".")[2]
    if body.startswith(b"Action="):
        return parse_qs(body.decode())["Action"][0]
    return f"{request.command} {request.path}"
