"""What was agreed where the state differs, and how findings ended.

Revision: 0036, after 0026, made on 2026-11-30.

Every stack begins as agreed to be what its state says: what an apply has taken over from outside
before cannot be told from what was applied.
"""

import sqlalchemy as sa
from alembic import op

from app.db import UtcDateTime

revision = "0036"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward; findings that were over before ended for no known reason."""
    op.create_table(
        "stack_agreements",
        sa.Column("stack_id", sa.String(40), nullable=False),
        sa.Column("serial", sa.BigInteger(), nullable=False),
        sa.Column("sealed_agreement", sa.LargeBinary(), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("updated_at", UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["stack_id"], ["stacks.id"], name=op.f("fk_stack_agreements_stack_id_stacks")
        ),
        sa.PrimaryKeyConstraint("stack_id", name=op.f("pk_stack_agreements")),
    )
    with op.batch_alter_table("operation_plans") as batch:
        batch.add_column(sa.Column("sealed_transition", sa.LargeBinary(), nullable=True))
    with op.batch_alter_table("drift_findings") as batch:
        batch.add_column(sa.Column("gone_reason", sa.String(10), nullable=True))
        batch.add_column(sa.Column("gone_operation_id", sa.String(40), nullable=True))
        batch.add_column(sa.Column("orphaned_by", sa.String(40), nullable=True))


def downgrade() -> None:
    """Go back."""
    with op.batch_alter_table("drift_findings") as batch:
        batch.drop_column("orphaned_by")
        batch.drop_column("gone_operation_id")
        batch.drop_column("gone_reason")
    with op.batch_alter_table("operation_plans") as batch:
        batch.drop_column("sealed_transition")
    op.drop_table("stack_agreements")
