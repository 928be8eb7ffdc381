"""Operations know the trace of the request that asked for them.

Revision: 0044, after 0043, made on 2026-12-01.
"""

import sqlalchemy as sa
from alembic import op

revision = "0044"
down_revision = "0043"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward."""
    op.add_column("operations", sa.Column("traceparent", sa.String(55)))


def downgrade() -> None:
    """Go back."""
    with op.batch_alter_table("operations") as batch:
        batch.drop_column("traceparent")
