"""Locks that people put on stacks.

Revision: 0003, after 0002, made on 2026-11-23.
"""

import sqlalchemy as sa
from alembic import op

import app.db

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward."""
    op.create_table(
        "stack_locks",
        sa.Column("stack_id", sa.String(40), nullable=False),
        sa.Column("holder_id", sa.String(40), nullable=False),
        sa.Column("holder", sa.String(64), nullable=False),
        sa.Column("reason", sa.String(500), nullable=False),
        sa.Column("since", app.db.UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["stack_id"], ["stacks.id"], name=op.f("fk_stack_locks_stack_id_stacks")
        ),
        sa.PrimaryKeyConstraint("stack_id", name=op.f("pk_stack_locks")),
    )


def downgrade() -> None:
    """Go back."""
    op.drop_table("stack_locks")
