"""What operations take is learned, for admission.

Revision: 0046, after 0045, made on 2026-12-01.
"""

import sqlalchemy as sa
from alembic import op

from app.db import UtcDateTime

revision = "0046"
down_revision = "0045"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward."""
    op.create_table(
        "operation_footprints",
        sa.Column("cloud", sa.String(40), nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("samples", sa.JSON(), nullable=False),
        sa.Column("learned_mib", sa.Integer(), nullable=True),
        sa.Column("updated_at", UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("cloud", "kind", name=op.f("pk_operation_footprints")),
    )


def downgrade() -> None:
    """Go back."""
    op.drop_table("operation_footprints")
