"""What the present states of all stacks hold, by keys.

The states are sealed and lie elsewhere: Landform reads those that are there when it runs.

Revision: 0022, after 0032, made on 2026-11-30.
"""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0032"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward; nothing is known of any state yet."""
    op.create_table(
        "resource_keys",
        sa.Column("stack_id", sa.String(length=40), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["stack_id"], ["stacks.id"]),
        sa.PrimaryKeyConstraint("stack_id", "key"),
    )
    op.create_index("ix_resource_keys_key", "resource_keys", ["key"])
    op.add_column(
        "state_versions",
        sa.Column("has_keys", sa.Boolean(), nullable=False, server_default=sa.false()),
    )


def downgrade() -> None:
    """Go back."""
    with op.batch_alter_table("state_versions") as batch:
        batch.drop_column("has_keys")
    op.drop_index("ix_resource_keys_key", "resource_keys")
    op.drop_table("resource_keys")
