"""Versions of blueprints: which one was applied, which one a plan was made with.

Revision: 0006, after 0005, made on 2026-11-23.
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward."""
    version = sa.String(length=40)
    op.add_column("stacks", sa.Column("applied_blueprint_version", version, nullable=True))
    op.add_column("operations", sa.Column("blueprint_version", version, nullable=True))
    op.add_column("operations", sa.Column("sealed_preview", sa.LargeBinary(), nullable=True))
    op.execute(
        "UPDATE stacks SET applied_blueprint_version = blueprint_version "
        "WHERE applied_generation > 0"
    )


def downgrade() -> None:
    """Go back."""
    with op.batch_alter_table("operations") as table:
        table.drop_column("sealed_preview")
        table.drop_column("blueprint_version")
    with op.batch_alter_table("stacks") as table:
        table.drop_column("applied_blueprint_version")
