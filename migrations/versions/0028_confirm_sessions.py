"""When a session was confirmed, and what a kept answer asked of its caller.

Answers kept by an earlier release may hold secrets that were shown once, and nobody knows which
rights they needed: they are emptied. Their keys stay, so nothing is carried out twice.

Revision: 0028, after 0034, made on 2026-11-30.
"""

import sqlalchemy as sa
from alembic import op

from app.db import UtcDateTime

revision = "0028"
down_revision = "0034"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward."""
    with op.batch_alter_table("user_sessions") as batch:
        batch.add_column(sa.Column("confirmed_at", UtcDateTime(timezone=True), nullable=True))
    with op.batch_alter_table("idempotency_records") as batch:
        batch.add_column(sa.Column("demands", sa.JSON(), nullable=True))
    records = sa.table("idempotency_records", sa.column("body", sa.JSON()))
    op.execute(records.update().values(body={}))


def downgrade() -> None:
    """Go back."""
    with op.batch_alter_table("idempotency_records") as batch:
        batch.drop_column("demands")
    with op.batch_alter_table("user_sessions") as batch:
        batch.drop_column("confirmed_at")
