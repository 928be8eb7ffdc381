"""``python -m tests.page /stacks``: one page or API path, asked in this process by ``admin``.

Makes a home of its own with a few stacks in different states, asks once to warm up, and then
prints status, time and the number of SQL statements; ``--profile`` adds where the time went,
``--show`` the answer itself. Nothing is started, so it takes seconds.
"""

from __future__ import annotations

import argparse
import cProfile
import pstats
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from sqlalchemy import event
from werkzeug.test import TestResponse

from app.config.settings import Settings
from app.domain.drift import DriftStatus
from app.domain.stacks import StackStatus
from app.factory import create_app
from app.logs import configure_logging
from app.services.context import Context, build_context
from app.services.installation.setup import prepare
from tests.conftest import ENCRYPTION_KEYS, SECRET_KEY
from tests.console.conftest import PASSWORD, PRINCIPAL, Visitor
from tests.console.fleet_examples import Fleet


def main() -> int:
    """Ask for one page; return 0 when its status is below 400."""
    asked = _parse_arguments()
    configure_logging("ERROR", "console")
    with tempfile.TemporaryDirectory(prefix="landform-page-") as folder:
        settings = _settings(Path(folder) / "home")
        prepare(settings, sandbox_token="a token of no cloud")
        ctx = build_context(settings)
        _fill(ctx, asked.stacks)
        visitor = Visitor(create_app(settings, ctx).test_client())
        visitor.sign_in()
        headers = _headers(visitor) if asked.path.startswith("/api/") else {}
        visitor.get(asked.path, headers=headers)
        response = _measure(ctx, visitor, headers, asked)
        ctx.db.engine.dispose()
    return 0 if response.status_code < 400 else 1


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.page", description=__doc__)
    parser.add_argument("path", help="such as /stacks or /api/v1/stacks")
    parser.add_argument("--stacks", type=int, default=20, help="how many there are")
    parser.add_argument("--profile", action="store_true", help="print where the time went")
    parser.add_argument("--show", action="store_true", help="print the answer")
    return parser.parse_args()


def _settings(home: Path) -> Settings:
    return Settings(
        env="test",
        home=home,
        secret_key=SecretStr(SECRET_KEY),
        encryption_keys=SecretStr(ENCRYPTION_KEYS),
        admin_password=SecretStr(PASSWORD),
        cookie_secure=False,
        ballast_bytes=0,
        log_level="ERROR",
    )


def _fill(ctx: Context, count: int) -> None:
    fleet = Fleet(ctx, PRINCIPAL)
    statuses = (StackStatus.READY, StackStatus.FAILED, StackStatus.NEEDS_ATTENTION)
    verdicts = (DriftStatus.IN_SYNC, DriftStatus.DRIFTED, DriftStatus.UNKNOWN)
    for number in range(count):
        made = fleet.stack(f"stack-{number}")
        which = number % len(statuses)
        fleet.change_stack(
            made.stack_id, status=statuses[which].value, drift_status=verdicts[which].value
        )


def _measure(
    ctx: Context, visitor: Visitor, headers: dict[str, str], asked: argparse.Namespace
) -> TestResponse:
    statements: list[str] = []

    def count(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        statements.append(statement)

    event.listen(ctx.db.engine, "before_cursor_execute", count)
    profile = cProfile.Profile()
    began = time.perf_counter()
    if asked.profile:
        profile.enable()
    response = visitor.get(asked.path, headers=headers)
    profile.disable()
    took = 1000 * (time.perf_counter() - began)
    size = len(response.data)
    print(f"{asked.path}: {response.status_code}, {took:.1f} ms, ", end="")
    print(f"{len(statements)} SQL statements, {size} bytes")
    if asked.profile:
        pstats.Stats(profile).sort_stats("cumulative").print_stats(40)
    if asked.show:
        sys.stdout.write(response.text + "\n")
    return response


def _headers(visitor: Visitor) -> dict[str, str]:
    login = {"username": "admin", "password": PASSWORD}
    answer = visitor.client.post("/api/v1/auth/login", json=login).json
    assert answer is not None
    return {"Authorization": f"Bearer {answer['access_token']}"}


if __name__ == "__main__":
    sys.exit(main())
