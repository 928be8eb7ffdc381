"""Cloud accounts that people make, check and delete.

Revision: 0012, after 0009, made on 2026-11-23.
"""

import sqlalchemy as sa
from alembic import op

import app.db

revision = "0012"
down_revision = "0009"
branch_labels = None
depends_on = None

TIME = app.db.UtcDateTime(timezone=True)


def upgrade() -> None:
    """Go forward."""
    with op.batch_alter_table("cloud_accounts") as batch:
        batch.add_column(sa.Column("checked_at", TIME, nullable=True))
        batch.add_column(sa.Column("check_passed", sa.Boolean(), nullable=True))
        batch.add_column(sa.Column("check_detail", sa.String(500), nullable=True))
        batch.add_column(sa.Column("deleted_at", TIME, nullable=True))


def downgrade() -> None:
    """Go back."""
    with op.batch_alter_table("cloud_accounts") as batch:
        for name in ("deleted_at", "check_detail", "check_passed", "checked_at"):
            batch.drop_column(name)
