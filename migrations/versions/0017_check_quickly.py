"""What Terraform found when it last compared all of a stack, and who checked.

Revision: 0017, after 0014, made on 2026-11-23.
"""

import sqlalchemy as sa
from alembic import op

from app.db import UtcDateTime

revision = "0017"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward; all earlier checks were made by Terraform."""
    op.create_table(
        "drift_baselines",
        sa.Column("stack_id", sa.String(40), nullable=False),
        sa.Column("proof", sa.String(64), nullable=False),
        sa.Column("found", sa.JSON(), nullable=False),
        sa.Column("found_at", UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["stack_id"], ["stacks.id"], name=op.f("fk_drift_baselines_stack_id_stacks")
        ),
        sa.PrimaryKeyConstraint("stack_id", name=op.f("pk_drift_baselines")),
    )
    with op.batch_alter_table("drift_reports") as batch:
        batch.add_column(
            sa.Column("checked_by", sa.String(20), nullable=False, server_default="terraform")
        )


def downgrade() -> None:
    """Go back."""
    with op.batch_alter_table("drift_reports") as batch:
        batch.drop_column("checked_by")
    op.drop_table("drift_baselines")
