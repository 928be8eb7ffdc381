"""The last day of each project of which its digest of drift was told.

Revision: 0013, after 0011, made on 2026-11-23.
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward."""
    op.add_column("projects", sa.Column("drift_digest_day", sa.Date(), nullable=True))


def downgrade() -> None:
    """Go back."""
    with op.batch_alter_table("projects") as batch:
        batch.drop_column("drift_digest_day")
