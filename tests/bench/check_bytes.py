"""What scheduled checks that find nothing new write to SQLite.

Run as ``python -m tests.bench.check_bytes``. No cloud and no Terraform: the checks are queued by
the tick, claimed in rounds of eight as workers claim them, and ended as rounds end them. The
write-ahead log is not folded in while it is measured, so its length is all that was written.
"""

from __future__ import annotations

import os
import secrets
import sys
import tempfile
from datetime import timedelta
from pathlib import Path

from pydantic import SecretStr
from sqlalchemy import event, select, update

from app.clock import utc_now
from app.config.settings import Settings
from app.domain.drift import CheckedBy
from app.models import Operation, Schedule
from app.services.context import Context, build_context
from app.services.drift.queue_due import claim_due
from app.services.engine.check_ending import QuickResult, finish_quickly
from app.services.engine.claims import claim_checks
from app.services.engine.drift_check import DriftResult
from app.services.installation.setup import prepare
from app.terraform.identity import ProcessIdentity
from tests.conftest import ENCRYPTION_KEYS, SECRET_KEY
from tests.landform import NOWHERE
from tests.services.some_stacks import create, make_ready

STACKS = 50
SWEEPS = 10
ROUND = 8
STORY = (
    "12 resources read as at 2026-11-23 12:00:00 UTC, when Terraform compared all; nothing else "
    "that it plans from has changed."
)


def main() -> None:
    """Print the bytes of one check."""
    with tempfile.TemporaryDirectory() as folder:
        ctx = _prepared(Path(folder))
        for number in range(STACKS):
            make_ready(ctx, create(ctx, f"stack-{number}"))
        sweep(ctx)  # the first check of a stack is news
        file = Path(str(ctx.db.engine.url.database))
        _fold_in(ctx)
        before = file.stat().st_size
        checks = sum(sweep(ctx) for _ in range(SWEEPS))
        logged = file.with_name(file.name + "-wal").stat().st_size
        _fold_in(ctx)
        grown = file.stat().st_size - before
        ctx.db.close()
    sys.stdout.write(
        f"{checks} checks: the database grew by {grown / checks:.0f} bytes a check, "
        f"{logged / checks:.0f} were written to its log\n"
    )


def sweep(ctx: Context) -> int:
    """Have every stack checked once; return how many checks were made."""
    with ctx.write() as session:
        session.execute(update(Schedule).values(next_check_at=utc_now() - timedelta(seconds=1)))
    while claim_due(ctx):
        pass
    with ctx.read() as session:
        query = select(Operation.id).where(Operation.status == "pending").order_by(Operation.id)
        waiting = list(session.scalars(query))
    own = ProcessIdentity.of(os.getpid()).to_dict()
    for start in range(0, len(waiting), ROUND):
        claims = claim_checks(ctx, lambda _: waiting[start : start + ROUND], "bench", own)  # noqa: B023
        seen, now = DriftResult(checked_by=CheckedBy.PROVIDER), utc_now()
        finish_quickly(ctx, [QuickResult(claim, seen, now, STORY) for claim in claims], [])
    return len(waiting)


def _prepared(folder: Path) -> Context:
    settings = Settings(
        env="test",
        home=folder,
        secret_key=SecretStr(SECRET_KEY),
        encryption_keys=SecretStr(ENCRYPTION_KEYS),
        redis_url=NOWHERE,
    )
    prepare(settings, secrets.token_hex())
    ctx = build_context(settings)

    @event.listens_for(ctx.db.engine, "connect")
    def keep_log(connection: object, _entry: object) -> None:
        cursor = connection.cursor()  # type: ignore[attr-defined]
        cursor.execute("PRAGMA wal_autocheckpoint=0")
        cursor.close()

    return ctx


def _fold_in(ctx: Context) -> None:
    connection = ctx.db.engine.raw_connection()
    connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


if __name__ == "__main__":
    main()
