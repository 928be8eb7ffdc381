"""Options of operations, resolutions of interrupted ones, a project's rule for applies.

Revision: 0002, after 0001, made on 2026-11-23.
"""

import sqlalchemy as sa
from alembic import op

import app.db

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward."""
    with op.batch_alter_table("operations") as batch:
        batch.add_column(
            sa.Column("force_requested_at", app.db.UtcDateTime(timezone=True), nullable=True)
        )
        batch.add_column(sa.Column("options", sa.JSON(), nullable=False, server_default="{}"))
        batch.add_column(
            sa.Column("requires_approval", sa.Boolean(), nullable=False, server_default=sa.false())
        )
        batch.add_column(sa.Column("resolution", sa.JSON(), nullable=True))
        batch.add_column(
            sa.Column("orphans_searched_at", app.db.UtcDateTime(timezone=True), nullable=True)
        )
    with op.batch_alter_table("projects") as batch:
        batch.add_column(
            sa.Column("auto_apply", sa.String(20), nullable=False, server_default="always")
        )


def downgrade() -> None:
    """Go back."""
    with op.batch_alter_table("projects") as batch:
        batch.drop_column("auto_apply")
    with op.batch_alter_table("operations") as batch:
        for name in (
            "orphans_searched_at",
            "resolution",
            "requires_approval",
            "options",
            "force_requested_at",
        ):
            batch.drop_column(name)
