"""What requests cost: the statements that each sends, and the CPU time of the web process.

Run as ``python -m tests.bench.request_costs``: in one process, without a network, on SQLite and, if
this machine has a server, on PostgreSQL. Statements are the same on any machine. CPU time grows
with what else runs on it, so that of two versions is compared by running both in turn.
"""

from __future__ import annotations

import itertools
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from flask.testing import FlaskClient
from pydantic import SecretStr
from sqlalchemy import event

from app.config.demo_secrets import ensure_demo_secrets
from app.config.settings import Settings
from app.factory import create_app
from app.services.context import build_context
from app.services.installation.setup import prepare
from tests import postgresql
from tests.bench.fleet import fill
from tests.bench.measures import percentile
from tests.own_redis import OwnRedis
from workers.web_worker import spare_collector

STACKS, WARM, ROUNDS = 200, 10, 100
PASSWORD = "a password of the bench"


def main() -> None:
    """Print a line for each kind of request on each database."""
    binaries = postgresql.find_binaries()
    with tempfile.TemporaryDirectory(prefix="landform-costs-") as folder:
        _measure("SQLite", Path(folder) / "sqlite", "")
        if binaries is not None:
            with postgresql.serve(binaries, is_durable=True) as server:
                url = server.url(server.create_database())
                _measure("PostgreSQL", Path(folder) / "postgresql", url)


def _measure(name: str, home: Path, database_url: str) -> None:
    home.mkdir()
    redis = OwnRedis(home)
    settings = Settings(
        env="test",
        home=home,
        redis_url=redis.url,
        database_url=database_url,
        admin_password=SecretStr(PASSWORD),
        api_rate="10000000/minute",
        log_level="ERROR",
        ballast_bytes=0,
    ).with_secrets(ensure_demo_secrets(home))
    prepare(settings, "a token of no cloud")
    ctx = build_context(settings)
    asked = _requests(create_app(settings, ctx).test_client(), fill(ctx, STACKS))
    spare_collector()
    statements: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        statements.append(statement)

    event.listen(ctx.db.engine, "before_cursor_execute", note)
    for what, ask in asked.items():
        for _ in range(WARM):
            ask()
        statements.clear()
        spent = [_cpu_seconds(ask) * 1000 for _ in range(ROUNDS)]
        sys.stdout.write(
            f"{name}, {what}: {len(statements) / ROUNDS:.0f} statements, CPU of the quickest "
            f"tenth {percentile(spent, 10):.1f} ms, of half {percentile(spent, 50):.1f} ms\n"
        )
    ctx.db.close()
    redis.close()


def _requests(client: FlaskClient, stack_id: str) -> dict[str, Callable[[], None]]:
    login = {"username": "admin", "password": PASSWORD}
    token = (client.post("/api/v1/auth/login", json=login).json or {})["access_token"]
    headers, numbers = {"Authorization": f"Bearer {token}"}, itertools.count()

    def post() -> None:
        new = {"name": f"new-{next(numbers)}", "cloud_account": "sandbox"}
        once = headers | {"Idempotency-Key": new["name"]}
        assert client.post("/api/v1/networks", json=new, headers=once).status_code == 202

    def read(path: str) -> Callable[[], None]:
        def ask() -> None:
            assert client.get(f"/api/v1/{path}", headers=headers).status_code == 200

        return ask

    return {
        "POST of a stack": post,
        "GET of a stack": read(f"networks/{stack_id}"),
        "GET of 50 stacks": read("stacks"),
        "GET of 50 operations": read("operations"),
    }


def _cpu_seconds(ask: Callable[[], None]) -> float:
    before = time.process_time()
    ask()
    return time.process_time() - before


if __name__ == "__main__":
    main()
