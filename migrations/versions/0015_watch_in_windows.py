"""In which hours of the week the stacks of a project are checked for drift.

Revision: 0015, after 0013, made on 2026-11-23.
"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward; without windows stacks are checked at any time, as before."""
    with op.batch_alter_table("projects") as batch:
        batch.add_column(sa.Column("drift_windows", sa.JSON(), nullable=False, server_default="[]"))


def downgrade() -> None:
    """Go back."""
    with op.batch_alter_table("projects") as batch:
        batch.drop_column("drift_windows")
