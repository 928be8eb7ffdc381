"""Drift settings of projects, and schedules that follow them, fail and are tried again.

Revision: 0011, after 0010, made on 2026-11-23.
"""

import sqlalchemy as sa
from alembic import op

import app.db

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward; the stacks that are there keep the rhythm they have."""
    with op.batch_alter_table("projects") as batch:
        batch.add_column(
            sa.Column("drift_enabled", sa.Boolean(), nullable=False, server_default=sa.true())
        )
        batch.add_column(sa.Column("drift_interval_seconds", sa.Integer(), nullable=True))
        batch.add_column(sa.Column("drift_cron", sa.String(100), nullable=True))
    with op.batch_alter_table("schedules") as batch:
        batch.add_column(
            sa.Column("follows_project", sa.Boolean(), nullable=False, server_default=sa.false())
        )
        batch.add_column(sa.Column("failures", sa.Integer(), nullable=False, server_default="0"))
        batch.add_column(sa.Column("planned_at", app.db.UtcDateTime(timezone=True), nullable=True))


def downgrade() -> None:
    """Go back."""
    with op.batch_alter_table("schedules") as batch:
        for name in ("planned_at", "failures", "follows_project"):
            batch.drop_column(name)
    with op.batch_alter_table("projects") as batch:
        for name in ("drift_cron", "drift_interval_seconds", "drift_enabled"):
            batch.drop_column(name)
