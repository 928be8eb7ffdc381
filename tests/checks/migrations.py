"""Checks that code of the former version works with the schema of a newer one: expand and contract.

Each migration from ``FIRST_TO_STAY`` on is written out as SQL of PostgreSQL and judged by squawk
(https://squawkhq.com/docs/rules). One that takes away what former code needs comes a version later
than the code that does without, and names the revision of that code in its ``oldest_code``.
"""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from alembic.script import Script

from app.services.installation.migrations import scripts
from app.services.installation.revisions import newest_revision
from app.services.installation.schema_fit import FIRST_TO_STAY
from tests.checks.tree import ROOT, Finding, report

REVISION = re.compile(r"\d{4}")
# Of style; or of locks that a migration takes anyway, since all run in one short transaction.
NOT_ASKED = (
    *("prefer-bigint-over-int", "prefer-bigint-over-smallint", "prefer-identity"),
    *("prefer-robust-stmts", "prefer-text-field", "prefer-timestamptz"),
    *("require-lock-timeout", "require-statement-timeout"),
    *("require-concurrent-index-creation", "require-concurrent-index-deletion"),
)
CREATED = re.compile(r"^CREATE TABLE (\w+)", re.M)
UNIQUE = re.compile(r"^CREATE UNIQUE INDEX \w+ ON (\w+)", re.M)
ADVICE = "do it a version later and say since which code it may be: oldest_code"


def check_migrations() -> Iterator[Finding]:
    """Yield what former code would stumble over."""
    for script in scripts().walk_revisions():
        path = Path(script.path).relative_to(ROOT)
        if not REVISION.fullmatch(script.revision) or path.name[:4] != script.revision:
            yield Finding(path, 1, "a revision has four digits, with which its file's name begins")
        if script.is_head and script.revision != newest_revision():
            yield Finding(path, 1, "the newest migration has the highest number")
        if script.revision > FIRST_TO_STAY:
            yield from _check(script, path)


def _check(script: Script, path: Path) -> Iterator[Finding]:
    found = find_breaks(render(script.module.upgrade))
    told = getattr(script.module, "oldest_code", None)
    if told is None:
        yield from (Finding(path, 1, f"{message}; {ADVICE}") for message in found)
    elif not found:
        yield Finding(path, 1, "it only adds, so former code may go on; leave oldest_code out")
    elif not FIRST_TO_STAY <= told < script.revision:
        yield Finding(path, 1, "oldest_code is the revision of earlier code that does without")


def render(upgrade: Callable[[], None]) -> str:
    """Return what a migration does, as SQL of PostgreSQL."""
    text = io.StringIO()
    context = MigrationContext.configure(
        dialect_name="postgresql", opts={"as_sql": True, "output_buffer": text}
    )
    with Operations.context(context):
        upgrade()
    return text.getvalue()


def find_breaks(sql: str) -> list[str]:
    """Return what in a migration may break code that does not know it."""
    squawk = Path(sys.executable).with_name("squawk")
    done = subprocess.run(
        [squawk, "--assume-in-transaction", "--reporter=json", f"--exclude={','.join(NOT_ASKED)}"],
        input=sql,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    if done.returncode not in (0, 1):
        raise RuntimeError(done.stderr)
    told = [f"{item['rule_name']}: {item['message']}" for item in json.loads(done.stdout)]
    older = set(UNIQUE.findall(sql)) - set(CREATED.findall(sql))
    return told + [f"former code may write to {table} what is not unique" for table in older]


if __name__ == "__main__":
    sys.exit(report("migrations", check_migrations()))
