"""Instances that take nothing new because their host is about to be stopped.

Revision: 0042, after 0041, made on 2026-11-30.
"""

import sqlalchemy as sa
from alembic import op

from app.db import UtcDateTime

revision = "0042"
down_revision = "0041"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward."""
    op.add_column("instances", sa.Column("draining_since", UtcDateTime(timezone=True)))


def downgrade() -> None:
    """Go back."""
    with op.batch_alter_table("instances") as batch:
        batch.drop_column("draining_since")
