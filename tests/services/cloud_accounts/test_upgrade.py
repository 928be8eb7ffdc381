"""Accounts of an installation from before grants: each goes on working for who uses it."""

from __future__ import annotations

from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import select

from app.clock import utc_now
from app.domain import ids
from app.models import CloudAccount, CloudAccountProject, Project, Stack
from app.services.context import Context
from app.services.installation.migrations import _config, upgrade
from app.services.secrets import seal_credentials
from app.services.stacks.create import NewStack, create_stack
from app.services.work import perform
from tests.landform import ADMIN

GRANTS = "0026"


def make_account(ctx: Context, name: str, *, is_deleted: bool = False) -> None:
    row = CloudAccount(
        id=ids.new_id(ids.CLOUD_ACCOUNT),
        name=name,
        cloud="sandbox",
        regions=[],
        created_at=utc_now(),
        for_all_projects=True,
        deleted_at=utc_now() if is_deleted else None,
    )
    seal_credentials(ctx.keys, row, {"endpoint": "http://127.0.0.1:1999/v1", "token": "t"})
    with ctx.write() as session:
        session.add(row)


def make_stack(ctx: Context, project: str, account_name: str, *, is_deleted: bool = False) -> None:
    with perform(ctx, ADMIN) as work:
        if work.session.scalar(select(Project).where(Project.name == project)) is None:
            work.session.add(
                Project(id=ids.new_id(ids.PROJECT), name=project, created_at=utc_now())
            )
            work.session.flush()
        wanted = NewStack("network", f"n-{project}-{account_name}", project, account_name)
        stack, _ = create_stack(work, wanted)
        stack.deleted_at = utc_now() if is_deleted else None


def test_accounts_go_on_for_exactly_the_projects_that_use_them(ctx: Context) -> None:
    for name in ("shared", "idle", "left"):
        make_account(ctx, name)
    make_account(ctx, "gone", is_deleted=True)
    make_stack(ctx, "a", "shared")
    make_stack(ctx, "b", "shared")
    make_stack(ctx, "b", "left", is_deleted=True)
    make_stack(ctx, "c", "sandbox")
    with ctx.db.engine.connect() as plain:
        connection = plain.execution_options(landform_write=True)
        with connection.begin():
            config = _config(connection)
            before = ScriptDirectory.from_config(config).get_revision(GRANTS).down_revision
            command.downgrade(config, str(before))
    upgrade(ctx.db)
    with ctx.read() as session:
        rows = session.execute(
            select(CloudAccount.name, Project.name)
            .join(CloudAccountProject, CloudAccountProject.account_id == CloudAccount.id)
            .join(Project, Project.id == CloudAccountProject.project_id)
        )
        assert {tuple(row) for row in rows} == {
            ("shared", "a"),
            ("shared", "b"),
            ("sandbox", "c"),
        }
        for_all = session.scalars(select(CloudAccount.name).where(CloudAccount.for_all_projects))
        assert for_all.all() == ["sandbox"]
        assert len(session.scalars(select(Stack)).unique().all()) == 4
