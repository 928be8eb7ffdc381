"""Which projects may use a cloud account.

Accounts go on working for exactly the projects whose stacks are on them. One that no stack uses is
granted to nobody, until somebody who manages accounts does so; the practice cloud is for all.

Revision: 0026, after 0030, made on 2026-11-30.
"""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0030"
branch_labels = None
depends_on = None

GRANT_WHAT_IS_USED = """
    INSERT INTO cloud_account_projects (account_id, project_id)
    SELECT DISTINCT stacks.cloud_account_id, stacks.project_id
    FROM stacks
    JOIN cloud_accounts ON cloud_accounts.id = stacks.cloud_account_id
    WHERE stacks.deleted_at IS NULL AND cloud_accounts.deleted_at IS NULL
"""


def upgrade() -> None:
    """Go forward."""
    op.add_column(
        "cloud_accounts",
        sa.Column("for_all_projects", sa.Boolean(), nullable=False, server_default=sa.false()),
    )
    op.create_table(
        "cloud_account_projects",
        sa.Column("account_id", sa.String(40), nullable=False),
        sa.Column("project_id", sa.String(40), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["cloud_accounts.id"]),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"]),
        sa.PrimaryKeyConstraint("account_id", "project_id"),
    )
    op.create_index(
        "ix_cloud_account_projects_project_id", "cloud_account_projects", ["project_id"]
    )
    accounts = sa.table(
        "cloud_accounts",
        sa.column("name", sa.String),
        sa.column("cloud", sa.String),
        sa.column("for_all_projects", sa.Boolean),
    )
    is_practice = sa.and_(accounts.c.name == "sandbox", accounts.c.cloud == "sandbox")
    op.execute(accounts.update().where(is_practice).values(for_all_projects=True))
    op.execute(GRANT_WHAT_IS_USED)


def downgrade() -> None:
    """Go back."""
    op.drop_table("cloud_account_projects")
    # Not in a batch, which would make the table anew under the stacks that refer to it.
    op.drop_column("cloud_accounts", "for_all_projects")
