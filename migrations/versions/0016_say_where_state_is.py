"""Where the state of a stack is kept.

Revision: 0016, after 0017, made on 2026-11-23.
"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward."""
    op.add_column(
        "stacks",
        sa.Column("state_backend", sa.String(10), server_default="volume", nullable=False),
    )


def downgrade() -> None:
    """Go back."""
    op.drop_column("stacks", "state_backend")
