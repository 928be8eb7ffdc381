"""What a stack let go of, and whether its configuration was seen to want more than is recorded.

Revision: 0035, after 0038, made on 2026-11-30.
"""

import sqlalchemy as sa
from alembic import op

revision = "0035"
down_revision = "0038"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward; what earlier reports say of pending changes holds until the next check."""
    op.add_column("stacks", sa.Column("let_go", sa.JSON(), nullable=False, server_default="[]"))
    op.add_column(
        "stacks",
        sa.Column("configuration_differs", sa.Boolean(), nullable=False, server_default=sa.false()),
    )


def downgrade() -> None:
    """Go back."""
    with op.batch_alter_table("stacks") as batch:
        batch.drop_column("configuration_differs")
        batch.drop_column("let_go")
