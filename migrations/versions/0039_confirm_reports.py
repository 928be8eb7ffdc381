"""One report for all checks that saw the same, and an index to remove old operations by.

Revision: 0039, after 0022, made on 2026-11-30.
"""

import sqlalchemy as sa
from alembic import op

from app.db import UtcDateTime

revision = "0039"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward; each report of before is of one check."""
    op.add_column(
        "drift_reports", sa.Column("checks", sa.Integer(), server_default="1", nullable=False)
    )
    op.add_column(
        "drift_reports", sa.Column("first_checked_at", UtcDateTime(timezone=True), nullable=True)
    )
    op.create_index("ix_drift_reports_operation_id", "drift_reports", ["operation_id"])


def downgrade() -> None:
    """Go back."""
    op.drop_index("ix_drift_reports_operation_id", "drift_reports")
    with op.batch_alter_table("drift_reports") as batch:
        batch.drop_column("first_checked_at")
        batch.drop_column("checks")
