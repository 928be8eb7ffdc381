"""Price sheets, and what the resources of an operation cost.

Revision: 0048, after 0047, made on 2026-12-01.
"""

import sqlalchemy as sa
from alembic import op

from app.db import UtcDateTime

revision = "0048"
down_revision = "0047"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward."""
    op.create_table(
        "price_sheets",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("csv", sa.Text(), nullable=False),
        sa.Column("prices", sa.Integer(), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("oldest", sa.Date(), nullable=False),
        sa.Column("imported_by", sa.String(64), nullable=False),
        sa.Column("imported_at", UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_price_sheets")),
    )
    with op.batch_alter_table("operations") as batch:
        batch.add_column(sa.Column("cost", sa.JSON(), nullable=True))


def downgrade() -> None:
    """Go back."""
    with op.batch_alter_table("operations") as batch:
        batch.drop_column("cost")
    op.drop_table("price_sheets")
