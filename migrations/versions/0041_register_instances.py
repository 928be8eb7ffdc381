"""Instances of Landform's processes, and which one an operation belongs to.

Revision: 0041, after 0040, made on 2026-11-30.
"""

import sqlalchemy as sa
from alembic import op

from app.db import UtcDateTime

revision = "0041"
down_revision = "0040"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward."""
    op.create_table(
        "instances",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("boot_id", sa.String(64), nullable=False),
        sa.Column("pid_namespace", sa.String(64), nullable=False),
        sa.Column("version", sa.String(40), nullable=False),
        sa.Column("roles", sa.JSON(), nullable=False),
        sa.Column("started_at", UtcDateTime(timezone=True), nullable=False),
        sa.Column("heartbeat_at", UtcDateTime(timezone=True), nullable=False),
        sa.Column("ended_at", UtcDateTime(timezone=True), nullable=True),
        sa.Column("gone_at", UtcDateTime(timezone=True), nullable=True),
        sa.Column("gone_by", sa.String(64), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_instances")),
    )
    op.add_column("operations", sa.Column("instance_id", sa.String(40), nullable=True))
    op.add_column(
        "operations", sa.Column("taken_over_at", UtcDateTime(timezone=True), nullable=True)
    )
    op.create_index("ix_operations_instance_id", "operations", ["instance_id"])


def downgrade() -> None:
    """Go back."""
    op.drop_index("ix_operations_instance_id", "operations")
    with op.batch_alter_table("operations") as batch:
        batch.drop_column("taken_over_at")
        batch.drop_column("instance_id")
    op.drop_table("instances")
