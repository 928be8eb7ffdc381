"""Whether whoever asked for a plan may approve it, by project.

Revision: 0030, after 0035, made on 2026-11-30.
"""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0035"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward; projects go on as they are."""
    with op.batch_alter_table("projects") as batch:
        batch.add_column(
            sa.Column(
                "approval_not_by_requester",
                sa.Boolean(),
                nullable=False,
                server_default=sa.false(),
            )
        )


def downgrade() -> None:
    """Go back."""
    with op.batch_alter_table("projects") as batch:
        batch.drop_column("approval_not_by_requester")
