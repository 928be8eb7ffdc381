"""Whether a message keeps those behind it waiting, and whether a webhook answers slowly.

Revision: 0038, after 0029, made on 2026-11-30.
"""

import sqlalchemy as sa
from alembic import op

revision = "0038"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward; every message still keeps its place."""
    op.add_column(
        "webhook_deliveries",
        sa.Column("holds_back", sa.Boolean(), server_default=sa.true(), nullable=False),
    )
    op.add_column(
        "webhooks", sa.Column("is_slow", sa.Boolean(), server_default=sa.false(), nullable=False)
    )


def downgrade() -> None:
    """Go back."""
    with op.batch_alter_table("webhooks") as batch:
        batch.drop_column("is_slow")
    with op.batch_alter_table("webhook_deliveries") as batch:
        batch.drop_column("holds_back")
