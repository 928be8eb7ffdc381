"""Requests made up by a machine from the OpenAPI document find no broken promise."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
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
ENDS_THE_SESSION = "logout|refreshTokens|endSession|endAllSessions|changeOwnPassword"
# Compiled by the same code as the collections that stay: only the long run has time for them.
OTHER_KINDS = "[a-z]+(Cluster|Database)s?"


@dataclass(frozen=True)
class Effort:
    """How many requests are made up: for each operation, and walks of so many steps."""

    examples: int
    walks: int
    steps: int
    seconds: int


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


def explore(served: tuple[str, str], folder: Path, left_out: str, effort: Effort) -> None:
    """Send made-up requests to every operation, alone and one after another along the links."""
    address, authorization = served
    (folder / "schemathesis.toml").write_text(
        "[phases.stateful]\n"
        f"max-steps = {effort.steps}\n"
        "inference = { algorithms = [] }\n"  # the links of the document, no guessed ones
        f"[phases.stateful.generation]\nmax-examples = {effort.walks}\n"
    )
    command = [sys.executable, "-m", "schemathesis.cli", "run", f"{address}/api/v1/openapi.json"]
    command += ["--phases", "examples,coverage,fuzzing,stateful", "--checks", ",".join(CHECKS)]
    command += ["--max-examples", str(effort.examples), "--seed", "20261123", "--workers", "2"]
    command += ["--header", f"Authorization: {authorization}", "--no-color"]
    command += ["--request-timeout", "40", "--generation-database", "none"]
    command += ["--exclude-operation-id-regex", f"^({left_out})$"]
    ended = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=effort.seconds, check=False
    )
    assert ended.returncode == 0, ended.stdout[-20_000:] + ended.stderr[-5_000:]
    for phase in ("Examples", "Coverage", "Fuzzing", "Stateful"):
        assert re.search(rf"✅ +{phase}", ended.stdout), f"{phase} did not run: {ended.stdout}"


@pytest.mark.timeout(600)
def test_made_up_requests_keep_every_promise(served: tuple[str, str], tmp_path: Path) -> None:
    left_out = f"{ENDS_THE_SESSION}|{OTHER_KINDS}"
    explore(served, tmp_path, left_out, Effort(examples=2, walks=2, steps=3, seconds=580))


@pytest.mark.thorough
@pytest.mark.timeout(2500)
def test_many_made_up_requests_keep_every_promise(served: tuple[str, str], tmp_path: Path) -> None:
    effort = Effort(examples=50, walks=100, steps=8, seconds=2400)
    explore(served, tmp_path, ENDS_THE_SESSION, effort)
