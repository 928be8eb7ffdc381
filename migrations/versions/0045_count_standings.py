"""An index that has all that the overview counts of stacks.

Revision: 0045, after 0044, made on 2026-12-01.
"""

import sqlalchemy as sa
from alembic import op

revision = "0045"
down_revision = "0044"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward."""
    op.create_index(
        "ix_stacks_standing",
        "stacks",
        ["status", "drift_status", "project_id", "deleted_at"],
        sqlite_where=sa.text("deleted_at IS NULL"),
        postgresql_where=sa.text("deleted_at IS NULL"),
    )


def downgrade() -> None:
    """Go back."""
    op.drop_index("ix_stacks_standing", table_name="stacks")
