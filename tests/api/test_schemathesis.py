"""Requests made up by a machine from the OpenAPI document find no broken promise."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from werkzeug.serving import WSGIRequestHandler, make_server

from tests.api.conftest import MakeApp
from tests.api.rest import Rest

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "unsupported_method",
)
# One request of these ends the session that all others need.
ENDS_THE_SESSION = "^(logout|refreshTokens|endAllSessions|changeOwnPassword)$"


class _Quiet(WSGIRequestHandler):
    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing: there are thousands."""


@pytest.fixture
def served(make_app: MakeApp) -> Iterator[tuple[str, str]]:
    """The address of a Landform with some stacks, and what to send as Authorization."""
    rest = Rest(make_app(api_rate="100000/minute", login_rate="100000/minute", log_level="ERROR"))
    rest.made("networks", "web", labels={"team": "web"})
    rest.made("machine-groups", "workers", parameters={"network": "web"})
    rest.create("buckets", "files")
    server = make_server("127.0.0.1", 0, rest.app, threaded=True, request_handler=_Quiet)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", rest.headers["Authorization"]
    server.shutdown()
    thread.join()
    server.server_close()


def test_made_up_requests_keep_every_promise(served: tuple[str, str], tmp_path: Path) -> None:
    address, authorization = served
    command = [sys.executable, "-m", "schemathesis.cli", "run", f"{address}/api/v1/openapi.json"]
    command += ["--phases", "examples,coverage,fuzzing", "--checks", ",".join(CHECKS)]
    command += ["--max-examples", "4", "--seed", "20261123", "--workers", "2", "--no-color"]
    command += ["--header", f"Authorization: {authorization}"]
    command += ["--exclude-operation-id-regex", ENDS_THE_SESSION, "--generation-database", "none"]
    ended = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, timeout=150, check=False
    )
    assert ended.returncode == 0, ended.stdout[-20_000:] + ended.stderr[-5_000:]
