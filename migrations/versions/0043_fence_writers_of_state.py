"""The number of the newest writer of a state on S3, which the bucket compares as it is written.

Revision: 0043, after 0042, made on 2026-12-01.
"""

import sqlalchemy as sa
from alembic import op

revision = "0043"
down_revision = "0042"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward."""
    op.create_table(
        "state_fences",
        sa.Column("stack_id", sa.String(40), primary_key=True, nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["stack_id"], ["stacks.id"], name="fk_state_fences_stack_id_stacks"
        ),
    )


def downgrade() -> None:
    """Go back."""
    op.drop_table("state_fences")
