"""Code goes on with a schema that a newer version has migrated, unless that has taken something."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from app.config.settings import REPOSITORY_ROOT
from app.errors import ConfigurationError
from app.services.context import Context, build_context
from app.services.installation import migrations, revisions
from app.services.installation.schema_fit import refuse_unfit, require_fitting_schema
from app.services.installation.setup import prepare
from sandbox.provider.install import install
from tests.conftest import MakeSettings
from tests.landform import NOWHERE, Landform
from tests.sandbox_cloud import Cloud, Service

NEWER = '''"""A migration of a version to come."""

import sqlalchemy as sa
from alembic import op

revision = "9001"
down_revision = "{newest}"
branch_labels = None
depends_on = None
{more}

def upgrade() -> None:
    """Add what former code does not know."""
    op.add_column("stacks", sa.Column("note", sa.String(40)))
    op.add_column("operations", sa.Column("n", sa.Integer, nullable=False, server_default="0"))
    op.create_table("notes", sa.Column("id", sa.Integer, primary_key=True))
'''
Upgrade = Callable[..., None]


@pytest.fixture
def landform(
    make_prepared_settings: MakeSettings, sandbox_service: Service, cloud: Cloud
) -> Iterator[Landform]:
    settings = make_prepared_settings(redis_url=NOWHERE, sandbox_port=sandbox_service.port)
    prepare(settings)
    install(settings.sandbox_mirror)
    made = Landform(settings, cloud)
    yield made
    made.close()


@pytest.fixture
def upgrade_by_newer(
    landform: Landform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Upgrade:
    """Migrate the database as a version with one migration more does."""

    def upgrade(more: str = "") -> None:
        newest = revisions.newest_revision()
        folder = shutil.copytree(revisions.MIGRATIONS, tmp_path / "migrations")
        (folder / "versions" / "9001_newer.py").write_text(NEWER.format(newest=newest, more=more))
        with monkeypatch.context() as patch:
            patch.setattr(revisions, "MIGRATIONS", folder)
            patch.setattr(migrations, "MIGRATIONS", folder)
            migrations.upgrade(landform.ctx.db)
            require_fitting_schema(landform.ctx)

    return upgrade


def test_former_code_starts_and_works_on_a_schema_with_more(
    landform: Landform, upgrade_by_newer: Upgrade
) -> None:
    stack, operation = landform.create("bucket", "before")
    upgrade_by_newer()
    prepare(landform.settings)
    require_fitting_schema(landform.ctx)
    assert landform.carry_out(operation).status == "applied"
    assert landform.stack(stack.id).status == "ready"
    _, other = landform.create("bucket", "after")
    assert landform.carry_out(other).status == "applied"


def test_former_code_does_not_start_where_something_was_taken_from_it(
    landform: Landform, upgrade_by_newer: Upgrade
) -> None:
    upgrade_by_newer('oldest_code = "9000"\n')
    with pytest.raises(ConfigurationError, match="works with versions from 9000 on"):
        prepare(landform.settings)
    with pytest.raises(ConfigurationError, match="this one is of"):
        require_fitting_schema(landform.ctx)


def test_code_that_does_without_goes_on(landform: Landform, upgrade_by_newer: Upgrade) -> None:
    upgrade_by_newer(f'oldest_code = "{revisions.newest_revision()}"\n')
    prepare(landform.settings)
    require_fitting_schema(landform.ctx)


@pytest.mark.parametrize("found", [None, "0001"])
def test_a_schema_that_was_not_migrated_yet_is_refused(found: str | None) -> None:
    with pytest.raises(ConfigurationError, match="this version needs") as caught:
        refuse_unfit(found, "0042")
    assert "workers.prepare" in caught.value.detail


def test_a_process_says_in_a_sentence_why_it_does_not_start(
    make_prepared_settings: MakeSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = make_prepared_settings(redis_url=NOWHERE)
    prepare(settings)
    ctx = build_context(settings)
    _set_back(ctx)
    keys = {
        "LANDFORM_ENV": "test",
        "LANDFORM_HOME": str(settings.home_dir),
        "LANDFORM_DATABASE_URL": settings.database_url,
        "LANDFORM_REDIS_URL": NOWHERE,
        "LANDFORM_SECRET_KEY": settings.secret_key.get_secret_value(),
        "LANDFORM_ENCRYPTION_KEYS": settings.encryption_keys.get_secret_value(),
    }
    for name, value in keys.items():
        monkeypatch.setenv(name, value)
    for module in ("workers.agent", "workers.scheduler", "workers.worker"):
        done = subprocess.run(
            [sys.executable, "-m", module],
            cwd=REPOSITORY_ROOT,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 2, done.stderr
        assert "The schema of the database is 0001" in done.stderr
        assert "run `python -m workers.prepare`" in done.stderr, "and what to do"


def _set_back(ctx: Context) -> None:
    with ctx.write() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '0001'"))
    ctx.db.close()
